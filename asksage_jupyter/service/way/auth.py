"""Who asks: the key, and the short-lived token (JWT) it is exchanged for where an e-mail is given."""

from __future__ import annotations

import base64
import json
import math
import threading
from collections.abc import Callable, Generator
from typing import Any

import httpx

from ...errors import ConfigurationError, NoKey, NoRoute, Refused
from ..replies.scalars import member
from ..replies.wire import Body
from ..secret import Secret

HEADER = "x-access-tokens"
_COMPATIBLE = "/server/openai/"  # routes in OpenAI's shape are signed as OpenAI's are
_LIFETIME_S = 86_400.0


class Credentials(httpx.Auth):
    """Signs requests; threads may share it.

    Parameters
    ----------
    key : Secret
    email : str or None
        Without it the key itself is sent, which is sure on ``/server`` routes only.
    clock : callable
        Seconds; only differences count, so a clock that is off does no harm.
    another : callable, optional
        Takes a key that was refused; returns the one to use in its place, or None.
    now : callable, optional
        Returns the key as it is now, where it changes by itself.

    Raises
    ------
    NoKey
        `key` is empty.
    ConfigurationError
        `key` cannot be a key.
    """

    def __init__(
        self,
        key: Secret,
        email: str | None,
        clock: Callable[[], float],
        another: Callable[[Secret], Secret | None] = lambda refused: None,
        now: Callable[[], Secret] | None = None,
    ) -> None:
        self._key = _checked(key)
        self._now = now
        self.email = (email or "").strip() or None
        self._clock = clock
        self._another = another
        self._token: Secret | None = None
        self._renew_at = 0.0
        self._lock = threading.Lock()

    @property
    def signs_with_key(self) -> bool:
        """Whether the key itself is sent: no e-mail, or a tenant that exchanges none."""
        return self.email is None and not self.is_token

    @property
    def is_token(self) -> bool:
        """Whether what was given is no key, but a token already: it is sent as it is, and opens all."""
        return bool(_claims(self._key))

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign with what is current; httpx calls it for each request."""
        request.headers[HEADER] = signature = (self._token or self._key).reveal()
        if _COMPATIBLE in request.url.path:
            request.headers["Authorization"] = f"Bearer {signature}"
        yield request

    def make_ready(self, exchange: Callable[[], Body], refused: Secret | None = None) -> Secret:
        """Have a live token, exchanging the key if need be; returns what requests are signed with now.

        Parameters
        ----------
        exchange : callable
            Sends `exchange_body` and returns the reply, or raises.
        refused : Secret, optional
            A token that the service did not accept although it should be live.
        """
        with self._lock:
            self._follow()
            token = self._token
            if self.email is None or self.is_token:
                return self._key
            if token is not None and token is not refused and self._clock() < self._renew_at:
                return token
            try:
                body = exchange()
            except NoRoute:
                self.email = None
                return self._key
            if not self._accept(body.response):
                raise Refused(
                    "Ask Sage gave no token for the key. Nothing was billed; "
                    "without ASKSAGE_EMAIL the key itself is sent."
                )
            return self._token or self._key

    @property
    def key(self) -> Secret:
        """What signs, or is exchanged, now."""
        return self._key

    def replace(self, refused: Secret) -> bool:
        """Take the key that came in place of one that was refused; False where none did.

        A person who is told to check a key changes it where it was found, and asks again.
        """
        with self._lock:
            if self._key is not refused:
                return True  # another thread was faster
            found = self._another(refused)
            if found is None:
                return False
            self._key, self._token = _checked(found), None
            return True

    def _follow(self) -> None:
        """Take the key as it is now."""
        if self._now is not None and (now := _checked(self._now())) != self._key:
            self._key, self._token = now, None

    def exchange_body(self) -> bytes:
        """The JSON body that asks for a token. Use it in an expression, like `Secret.reveal`."""
        return json.dumps({"email": self.email, "api_key": self._key.reveal()}).encode()

    def hide(self, text: str) -> str:
        """The text without the key and the token."""
        for secret in (self._key, self._token):
            text = text.replace(secret.reveal(), "…") if secret else text
        return text

    def _accept(self, response: object) -> bool:
        """Take the token out of the reply, which some tenants send bare."""
        value = response if isinstance(response, str) else member(response, "access_token")
        if not isinstance(value, str) or not _fits_a_header(token := Secret(value.strip())):
            return False
        lifetime_s = _lifetime_s(token, self._clock())
        self._token = token
        # Early enough for a request to arrive, late enough for lifetimes of seconds.
        self._renew_at = self._clock() + lifetime_s - min(300.0, lifetime_s / 10)
        return True


def _checked(key: Secret) -> Secret:
    """The key without the blanks around it, if it can be one."""
    key = Secret(key.reveal().strip())
    if not key:
        raise NoKey("the Ask Sage key is empty: set ASKSAGE_API_KEY or run %asksage login.")
    if not _fits_a_header(key):
        # Sent, it would come back in an error of the HTTP library that quotes it.
        raise ConfigurationError(
            "the Ask Sage key holds blanks or characters that no key has: copy it again "
            "(ASKSAGE_API_KEY or %asksage login)."
        )
    return key


def _fits_a_header(secret: Secret) -> bool:
    return bool(secret) and all("!" <= letter <= "~" for letter in secret.reveal())


def _lifetime_s(token: Secret, now: float) -> float:
    """Seconds the token lives from its issue on, whatever the local clock says; a day if it does not tell."""
    claims = _claims(token)
    issued, expires = claims.get("iat", now), claims.get("exp")
    if isinstance(issued, int | float) and isinstance(expires, int | float) and issued < expires < math.inf:
        return float(expires - issued)
    return _LIFETIME_S


def _claims(token: Secret) -> dict[str, Any]:
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.reveal().split(".")[1] + "=="))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
