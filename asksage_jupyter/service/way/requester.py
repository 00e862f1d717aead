"""A request sent once: what fails on its way, what answers, and what its reply says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

import httpx

from ...errors import NoRoute, ReplyLost, ServiceError, Unavailable
from ...interrupts import handled, is_stop
from ..replies.pausing import told_s
from ..replies.wire import Body, Pairs
from .auth import Credentials
from .bounded import FREE, STREAMED
from .deadline import left_s, limit_s, within_s
from .departure import departing
from .payload import JSON
from .transport import broken, misled, redirected, silent, strange

T = TypeVar("T")

FREE_S = 25.0  # a question that costs nothing, its tries and its exchange of the key together
_KNOWN_BY = "/server/get-models"  # every tenant has it, and it needs no key


class Requester:
    """Sends each request once. Threads may share it.

    Parameters
    ----------
    client : httpx.Client
    credentials : Credentials
    on_date : callable
        Hears the service's own clock (UTC) as each reply arrives.
    on_stop : callable
        Called after a Ctrl-C: what it struck cannot be used again.
    """

    def __init__(
        self,
        client: httpx.Client,
        credentials: Credentials,
        on_date: Callable[[datetime], None],
        on_stop: Callable[[], None],
    ) -> None:
        self.client, self.credentials = client, credentials
        self._on_date, self._on_stop = on_date, on_stop
        self._has_met = False  # whether an Ask Sage ever answered

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
        before = handled()
        request.extensions[STREAMED] = streamed
        try:
            with departing(None) if FREE in request.extensions else contextlib.nullcontext():
                response = self.client.send(request, auth=auth, stream=streamed)
        except httpx.HTTPError as error:
            if is_stop(error, before):
                raise
            failure = broken(error, request, is_free=FREE in request.extensions)
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
        wait_s, hide = told_s(response), self.credentials.hide
        return Body(response.content, response.status_code, path, hide, keep, wait_s)

    def meet(self) -> None:
        """Be sure that what answers is an Ask Sage, and no other kind of host; no key is sent.

        Raises
        ------
        NotReached
        """
        if not self._has_met:
            request = self.free_request(_KNOWN_BY, b"{}")
            with within_s(FREE_S):
                self._hasten(request)
                response = self.stoppable(partial(self.send, request, None))
            self._has_met = self.body(response).is_envelope
            if not self._has_met:
                raise misled(response) or strange(response)

    def free_once(
        self, request: httpx.Request, auth: httpx.Auth | None, keep: Callable[[Pairs], object] | None = None
    ) -> Body:
        """Ask what costs nothing; a lost reply is one that may be asked for again.

        Raises
        ------
        Refused
        """
        failure: ServiceError | None
        path = request.url.path
        self._hasten(request)
        try:
            response = self.send(request, auth)
            body = self.body(response, keep)
            failure = misled(response) or body.failure()
        except ReplyLost as error:
            failure = error
            why = f"no whole answer to {path}{f' (HTTP {error.status})' if error.status else ''}"
        else:
            self._has_met = self._has_met or body.is_envelope
            if not self._has_met and (isinstance(failure, NoRoute) or (failure is None and body.is_object)):
                # It says little, or lacks a route: perhaps it is another kind of host.
                if self._is_known_by(request):
                    raise strange(response)
                self.meet()
            if failure is None:
                return body
            why = f"Ask Sage failed on {path} ({body.told})"
        if isinstance(failure, ReplyLost):
            failure = Unavailable(f"{why}; this costs nothing: try again later.", status=failure.status)
        raise failure

    def free_request(self, path: str, content: bytes) -> httpx.Request:
        """A request for what costs nothing, with a JSON body."""
        return self.client.build_request("POST", path, content=content, headers=JSON)

    def _hasten(self, request: httpx.Request) -> None:
        """Give a free request the time that is left for it and its kind.

        Raises
        ------
        NotReached
            There is none.
        """
        left, usual = left_s(), self.client.timeout
        if left <= 0:
            raise silent(request.url.host, limit_s())
        waits = httpx.Timeout(min(usual.read or left, left), connect=min(usual.connect or left, left))
        request.extensions |= {"timeout": waits.as_dict(), FREE: True}

    def stoppable(self, do: Callable[[], T]) -> T:
        """What fails because a Ctrl-C struck it is the Ctrl-C, without the frames: they hold the request."""
        before = handled()
        try:
            return do()
        except BaseException as error:
            if not is_stop(error, before):
                raise
            self._on_stop()
            stop = error if isinstance(error, KeyboardInterrupt) else KeyboardInterrupt()
            stop.__context__ = None
            raise stop.with_traceback(None) from None

    def _is_known_by(self, request: httpx.Request) -> bool:
        return request.url.path.endswith(_KNOWN_BY) and not request.url.query

    def _note_date(self, response: httpx.Response) -> None:
        # A proxy may drop it, and it may say anything.
        with contextlib.suppress(ValueError, OverflowError):
            self._on_date(parsedate_to_datetime(response.headers.get("date", "")))
