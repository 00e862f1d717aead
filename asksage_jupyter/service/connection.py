"""Requests on their way: signed, tried again where that is safe, and failures told from replies."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

import httpx

from ..errors import BadKey, Refused, ReplyLost, ServiceError, Unavailable
from .auth import Credentials
from .bounded import STREAMED
from .payload import JSON
from .transport import broken, redirected
from .wire import Body, Pairs

T = TypeVar("T")

_FREE_TIMEOUT_S = 30.0
_PAUSES_S = (0.5, 1.5)
_EXCHANGE = "/user/get-token-with-api-key"


class Connection:
    """Everything between a request and its decoded reply. Threads may share it.

    Parameters
    ----------
    client : httpx.Client
    credentials : Credentials
    sleep : callable
        Seconds.
    on_date : callable
        Hears the service's own clock (UTC) as each reply arrives.
    """

    def __init__(
        self,
        client: httpx.Client,
        credentials: Credentials,
        sleep: Callable[[float], None],
        on_date: Callable[[datetime], None],
    ) -> None:
        self.client, self.credentials = client, credentials
        self._sleep, self._on_date = sleep, on_date
        longest = client.timeout.read or _FREE_TIMEOUT_S
        self._free_timeout = httpx.Timeout(min(longest, _FREE_TIMEOUT_S), connect=client.timeout.connect)

    def persist(self, send: Callable[[], T]) -> T:
        """Send, and again where nothing was billed and it may help.

        Raises
        ------
        Refused
            Certainly not billed.
        ReplyLost
            From `send`; not tried again.
        """
        try:
            for pause_s in _PAUSES_S:
                try:
                    return self._signed(send)
                except Unavailable:
                    pass
                # Pauses vary, so that many kernels do not come back as one.
                self._sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  no secret is made of it
            return self._signed(send)
        except KeyboardInterrupt as stop:
            # The frames it came through hold the signed request, and so may those of what it interrupted.
            stop.__context__ = None
            raise stop.with_traceback(None) from None

    def free(self, path: str, content: bytes, keep: Callable[[Pairs], object] | None = None) -> Body:
        """Ask what costs nothing; a lost reply is asked for again, and never counts as billed.

        Parameters
        ----------
        path : str
        content : bytes
            The JSON body.
        keep : callable, optional
            Picks what of each JSON object of the reply is kept at all.

        Raises
        ------
        Refused
        """
        request = self._free_request(path, content)
        del content  # it may be a prompt, and this frame may be shown in a traceback
        return self.persist(partial(self._free_once, request, self.credentials, keep))

    def paid(
        self, request: httpx.Request, read: Callable[[Body], T | ServiceError], *, personal: bool = False
    ) -> T:
        """Ask what may be billed or has an effect; sent again only where it certainly had none.

        Parameters
        ----------
        request : httpx.Request
        read : callable
            What the reply comes to, or why it is none.
        personal : bool
            Whether the route is the person's, as of `personal`.

        Raises
        ------
        Refused, ReplyLost
        """
        send = partial(self._paid_once, request, read)
        return self._as_person(request.url.path, send) if personal else self.persist(send)

    def personal(self, path: str, content: bytes, keep: Callable[[Pairs], object] | None = None) -> Body:
        """Ask what is free of a route that is the person's: the key alone need not open it.

        Raises
        ------
        Refused
        """
        request = self._free_request(path, content)
        del content
        return self._as_person(path, partial(self._free_once, request, self.credentials, keep))

    def send(
        self, request: httpx.Request, auth: httpx.Auth | None, *, streamed: bool = False
    ) -> httpx.Response:
        """Send once. A streamed response is the caller's to read and close; others are read.

        Raises
        ------
        Refused, ReplyLost
            By the connection's fault or a redirect; what the body says is not looked at.
        """
        failure: ServiceError | None
        request.extensions[STREAMED] = streamed
        try:
            response = self.client.send(request, auth=auth, stream=streamed)
        except httpx.HTTPError as error:
            failure = broken(error, request)
        else:
            self._note_date(response)
            failure = redirected(response)
            if failure is None:
                return response
            response.close()
        # Outside the block above, or the frames of httpx, which hold the key, would come along.
        raise failure

    def body(self, response: httpx.Response, keep: Callable[[Pairs], object] | None = None) -> Body:
        """The decoded body of a response that was read."""
        path = response.request.url.path
        return Body(response.content, response.status_code, path, self.credentials.hide, keep)

    def _as_person(self, path: str, send: Callable[[], T]) -> T:
        status: int | None
        try:
            return self.persist(send)
        except BadKey as error:
            if not self.credentials.signs_with_key:
                raise
            status = error.status
        raise Refused(
            f"Ask Sage does not open {path} to the key alone. Nothing was billed; set ASKSAGE_EMAIL, "
            "and check the key if that does not help.",
            status=status,
        )

    def _paid_once(self, request: httpx.Request, read: Callable[[Body], T | ServiceError]) -> T:
        outcome = read(self.body(self.send(request, self.credentials)))
        if isinstance(outcome, ServiceError):
            raise outcome
        return outcome

    def _signed(self, send: Callable[[], T]) -> T:
        """Send with a live token; once more with a new one if the service does not accept it."""
        used = self.credentials.make_ready(self._exchange)
        try:
            return send()
        except BadKey:
            if self.credentials.signs_with_key:
                raise
        self.credentials.make_ready(self._exchange, refused=used)
        return send()

    def _exchange(self) -> Body:
        """Ask for a token; a tenant's plain refusal of it means the key or the e-mail."""
        request = self._free_request(_EXCHANGE, self.credentials.exchange_body())
        refusal: Refused
        try:
            return self._free_once(request, None)
        except Refused as error:
            if type(error) is not Refused or (error.status or 0) < 400:
                raise
            refusal = error
        raise BadKey(f"{refusal} Check ASKSAGE_API_KEY and ASKSAGE_EMAIL.", status=refusal.status)

    def _free_once(
        self, request: httpx.Request, auth: httpx.Auth | None, keep: Callable[[Pairs], object] | None = None
    ) -> Body:
        failure: ServiceError | None
        try:
            body = self.body(self.send(request, auth), keep)
            failure = body.failure()
            if failure is None:
                return body
        except ReplyLost as error:
            failure = error
        if isinstance(failure, ReplyLost):
            http = f" (HTTP {failure.status})" if failure.status else ""
            told = f"no whole answer to {request.url.path}{http}; this costs nothing: try again later."
            failure = Unavailable(told, status=failure.status)
        raise failure

    def _free_request(self, path: str, content: bytes) -> httpx.Request:
        return self.client.build_request(
            "POST", path, content=content, headers=JSON, timeout=self._free_timeout
        )

    def _note_date(self, response: httpx.Response) -> None:
        # A proxy may drop it, and it may say anything.
        with contextlib.suppress(ValueError, OverflowError):
            self._on_date(parsedate_to_datetime(response.headers.get("date", "")))
