"""The service over HTTPS: queries, prices, counters and lists."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

import httpx

from ..account import Meter
from ..errors import BadKey, NoRoute, Refused, ServiceError, Unavailable
from . import stream
from .address import base_url
from .auth import Credentials
from .catalog import ModelInfo, Persona, datasets_in, models_in, personas_in
from .connection import Connection
from .payload import json_of, request_for
from .records import Answer, Limits, Query
from .secret import Secret
from .transport import connect
from .wire import Body, Pairs, member, whole

_LIMITS = ("max_tokens", "max_train_tokens")
_USED = {
    Meter.INFERENCE: "/server/count-monthly-tokens",
    Meter.TRAINING: "/server/count-monthly-teach-tokens",
}


class Service:
    """Ask Sage at one address, for one key. Threads may share it.

    Parameters
    ----------
    url : str
        The address, such as ``https://api.asksage.ai``; https, but for this machine.
    key : Secret
    email : str, optional
        Exchanges the key for a short-lived token; needed for the account's limits.
    ca_bundle : str, optional
        File or folder of the certificates to trust, where a host has its own.
    timeout_s : float
        Seconds without a byte after which a reply counts as lost.
    transport : httpx.BaseTransport, optional
        In place of the network.
    clock, sleep : callable
        Seconds.

    Attributes
    ----------
    url : str
        The address that is used.

    Raises
    ------
    ConfigurationError
        The address, the key, the certificates or the proxy settings cannot be used; nothing was sent.

    Notes
    -----
    Every method raises `BadKey` or another `Refused` (nothing was billed). Those that cost nothing are tried
    again after faults; `query` only where certainly nothing was billed.
    """

    def __init__(
        self,
        url: str,
        key: Secret,
        *,
        email: str | None = None,
        ca_bundle: str | None = None,
        timeout_s: float = 300.0,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = base_url(url)
        credentials = Credentials(key, email, clock)
        self._client = connect(self.url, ca_bundle, timeout_s, transport)
        self._connection = Connection(self._client, credentials, sleep)
        self._has_stream = True

    @property
    def host(self) -> str:
        """The host's name, without port."""
        return self._client.base_url.host

    @property
    def last_date(self) -> datetime | None:
        """The service's own clock at its latest reply (UTC)."""
        return self._connection.last_date

    def __repr__(self) -> str:
        return f"Service({self.url!r})"

    def close(self) -> None:
        """Close the connections; the service can be used no more."""
        self._client.close()

    # -- what costs tokens ---------------------------------------------------------------------------

    def query(self, query: Query, on_text: Callable[[str], None] | None = None) -> Answer:
        """Ask a model.

        Parameters
        ----------
        query : Query
        on_text : callable, optional
            Called with the whole text so far as it arrives; what it raises passes untouched, and the
            connection is closed, as it is by a KeyboardInterrupt.

        Raises
        ------
        BadInput
            The file cannot be read; nothing was sent.
        Refused
            Certainly not billed.
        ReplyLost
            The whole reply did not arrive; it may have been billed.
        """
        if on_text is not None and self._has_stream:
            request = request_for(self._client, "/server/query_stream", query)
            try:
                return self._connection.persist(partial(self._streamed, request, on_text))
            except NoRoute:
                self._has_stream = False
        request = request_for(self._client, "/server/query", query)
        answer = self._connection.persist(partial(self._answered, request))
        if on_text is not None:
            on_text(answer.text)
        return answer

    def _answered(self, request: httpx.Request) -> Answer:
        connection = self._connection
        outcome = connection.body(connection.send(request, connection.credentials)).answer()
        if isinstance(outcome, ServiceError):
            raise outcome
        return outcome

    def _streamed(self, request: httpx.Request, on_text: Callable[[str], None]) -> Answer:
        credentials = self._connection.credentials
        response = self._connection.send(request, credentials, streamed=True)
        try:
            return stream.read(response, on_text, credentials.hide)
        finally:
            response.close()

    # -- what costs nothing --------------------------------------------------------------------------

    def models(self) -> list[ModelInfo]:
        """The models this account may use, as fully as the tenant tells of them."""
        try:
            models = models_in(self._listed("/server/get-models?format=full"))
        except (BadKey, Unavailable):
            raise
        except Refused:
            models = []
        return models or models_in(self._listed("/server/get-models"))

    def personas(self) -> list[Persona]:
        """The personas this account may use."""
        return personas_in(self._listed("/server/get-personas"))

    def datasets(self) -> list[str]:
        """The names of the account's datasets."""
        return datasets_in(self._listed("/server/get-datasets"))

    def tokenize(self, content: str, model: str) -> int:
        """Model tokens of `content` by the service's one tokenizer, its wrapper of 5 to 19 included."""
        return self._tokenizer(content, model, False, 0)

    def price(self, content: str, model: str, completion_estimate: int = 0) -> int:
        """Ask Sage tokens that `content` and a reply of `completion_estimate` model tokens would cost."""
        return self._tokenizer(content, model, True, completion_estimate)

    def used(self, meter: Meter) -> int | None:
        """Ask Sage tokens used this month, on every device; None where the tenant does not tell."""
        used = self._counter(_USED[meter])
        return used if used is None or used >= 0 else None

    def left(self) -> int | None:
        """Inference tokens left this month, below zero if overspent; None where the tenant does not tell."""
        return self._counter("/server/count-monthly-tokens-left-with-org")

    def limits(self) -> Limits:
        """What the account may spend a month; the rest of that reply, secrets among it, is dropped unread."""
        try:
            body = self._connection.free("/user/validate_token_with_full_user", b"{}", keep=_limits_only)
        except Unavailable:
            raise
        except BadKey:
            # The key itself, without an e-mail, need not open this route.
            if not self._connection.credentials.signs_with_key:
                raise
            return Limits()
        except Refused:
            return Limits()
        return Limits(*(_limit(body.value, name) for name in _LIMITS))

    def _counter(self, path: str) -> int | None:
        try:
            return whole(self._connection.free(path, b"{}").response)
        except (BadKey, Unavailable):
            raise
        except Refused:
            return None

    def _listed(self, path: str) -> Body:
        body = self._connection.free(path, b"{}")
        if not any(isinstance(listed, list) for listed in (body.response, body.get("data"))):
            raise Refused(f"Ask Sage's answer to {path} is no list. Nothing was billed.")
        return body

    def _tokenizer(self, content: str, model: str, convert: bool, completion_estimate: int) -> int:
        number = whole(
            self._connection.free(
                "/server/tokenizer",
                json_of(
                    content=content,
                    model=model,
                    convert_to_asksage=convert,
                    completion_estimate=completion_estimate,
                ),
            ).response
        )
        if number is None or number < 0:
            raise Refused("Ask Sage's tokenizer answered no number. Nothing was billed.")
        return number


def _limits_only(pairs: Pairs) -> dict[str, object]:
    """Of each JSON object: the limits, the envelope, and what may hold them. Secrets are never kept."""
    kept = (*_LIMITS, "response", "status", "error")
    return {name: value for name, value in pairs if name in kept or isinstance(value, dict)}


def _limit(value: object, name: str) -> int | None:
    """The first limit of that name, however deep."""
    own = whole(member(value, name))
    if own is not None and own >= 0:
        return own
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for found in (_limit(each, name) for each in inner) if found is not None), None)
