"""Requests on their way: signed, tried again where that is safe, and failures told from replies."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

import httpx

from ...errors import BadKey, NoRoute, NotReached, Refused, ReplyLost, ServiceError, Unavailable
from ...interrupts import handled, is_stop
from ..replies.pausing import LONGEST_S, told_s
from ..replies.wire import Body, Pairs
from .auth import Credentials
from .bounded import FREE, STREAMED
from .deadline import left_s, limit_s, within_s
from .departure import depart, departing
from .payload import JSON
from .transport import broken, misled, redirected, silent, strange

T = TypeVar("T")

_FREE_S = 25.0  # a question that costs nothing, its tries and its exchange of the key together
_PAUSES_S = (0.5, 1.5)
_EXCHANGE = "/user/get-token-with-api-key"
_KNOWN_BY = "/server/get-models"  # every tenant has it, and it needs no key


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
    on_stop : callable
        Called after a Ctrl-C: what it struck cannot be used again.
    """

    def __init__(
        self,
        client: httpx.Client,
        credentials: Credentials,
        sleep: Callable[[float], None],
        on_date: Callable[[datetime], None],
        on_stop: Callable[[], None],
    ) -> None:
        self.client, self.credentials = client, credentials
        self._sleep, self._on_date, self._on_stop = sleep, on_date, on_stop
        self._has_met = False  # whether an Ask Sage ever answered

    def persist(self, send: Callable[[], T], *, again: bool = True) -> T:
        """Send, and `again` after some pauses where nothing was billed and it may help.

        Raises
        ------
        Refused
            Certainly not billed.
        ReplyLost
            From `send`; not tried again.
        """
        return self._stoppable(partial(self._persist, send, _PAUSES_S if again else ()))

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
        with within_s(_FREE_S):
            return self.persist(partial(self._free_once, request, self.credentials, keep))

    def paid(
        self,
        request: httpx.Request,
        read: Callable[[Body], T | ServiceError],
        *,
        personal: bool = False,
        persists: bool = True,
    ) -> T:
        """Ask what may be billed or has an effect; sent again only where it certainly had none.

        Parameters
        ----------
        request : httpx.Request
        read : callable
            What the reply comes to, or why it is none.
        personal : bool
            Whether the route is the person's, as of `personal`.
        persists : bool
            Whether it waits, and sends again, where the service is busy.

        Raises
        ------
        Refused, ReplyLost
        """
        send = partial(self._paid_once, request, read)
        if personal:
            return self._as_person(request.url.path, send)
        return self.persist(send, again=persists)

    def personal(self, path: str, content: bytes, keep: Callable[[Pairs], object] | None = None) -> Body:
        """Ask what is free of a route that is the person's: the key alone need not open it.

        Raises
        ------
        Refused
        """
        request = self._free_request(path, content)
        del content
        with within_s(_FREE_S):
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

    def _stoppable(self, do: Callable[[], T]) -> T:
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

    def _persist(self, send: Callable[[], T], after: Sequence[float]) -> T:
        waited_s = 0.0
        for usual_s in after:
            try:
                return self._signed(send)
            except Unavailable as error:
                # Pauses vary, so that many kernels do not come back as one.
                pause_s = usual_s * random.uniform(0.5, 1.0)  # noqa: S311  no secret is made of it
                pause_s = max(pause_s, error.retry_after_s or 0.0)
                if min(left_s(), LONGEST_S - waited_s) < pause_s or _is_lasting(error):
                    raise
            depart(False)
            waited_s += pause_s
            self._sleep(pause_s)
        return self._signed(send)

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
        """Send; once more where the key was refused, and there is another by now."""
        key = self.credentials.key
        try:
            return self._with_token(send)
        except BadKey:
            if not self.credentials.replace(key):
                raise
        return self._with_token(send)

    def _with_token(self, send: Callable[[], T]) -> T:
        """Send with a live token; once more with a new one if the service does not accept it."""
        used = self.credentials.make_ready(self._exchange)
        try:
            return send()
        except BadKey:
            if self.credentials.signs_with_key or self.credentials.is_token:
                raise
        depart(False)
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
        self._hasten(request)
        try:
            response = self.send(request, auth)
            body = self.body(response, keep)
            failure = misled(response) or body.failure()
        except ReplyLost as error:
            failure = error
        else:
            self._has_met = self._has_met or body.is_envelope
            if not self._has_met and (isinstance(failure, NoRoute) or (failure is None and body.is_object)):
                # It says little, or lacks a route: perhaps it is another kind of host.
                if self._is_known_by(request):
                    raise strange(response)
                self.meet()
            if failure is None:
                return body
            if isinstance(failure, ReplyLost):
                why = f"Ask Sage failed on {request.url.path} ({body.told})"
                failure = Unavailable(f"{why}; this costs nothing: try again later.", status=failure.status)
        if isinstance(failure, ReplyLost):
            http = f" (HTTP {failure.status})" if failure.status else ""
            told = f"no whole answer to {request.url.path}{http}; this costs nothing: try again later."
            failure = Unavailable(told, status=failure.status)
        raise failure

    def meet(self) -> None:
        """Be sure that what answers is an Ask Sage, and no other kind of host; no key is sent.

        Raises
        ------
        NotReached
        """
        if not self._has_met:
            request = self._free_request(_KNOWN_BY, b"{}")
            with within_s(_FREE_S):
                self._hasten(request)
                response = self._stoppable(partial(self.send, request, None))
            self._has_met = self.body(response).is_envelope
            if not self._has_met:
                raise misled(response) or strange(response)

    def _is_known_by(self, request: httpx.Request) -> bool:
        return request.url.path.endswith(_KNOWN_BY) and not request.url.query

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

    def _free_request(self, path: str, content: bytes) -> httpx.Request:
        return self.client.build_request("POST", path, content=content, headers=JSON)

    def _note_date(self, response: httpx.Response) -> None:
        # A proxy may drop it, and it may say anything.
        with contextlib.suppress(ValueError, OverflowError):
            self._on_date(parsedate_to_datetime(response.headers.get("date", "")))


def _is_lasting(error: Unavailable) -> bool:
    """Whether another try cannot help."""
    return isinstance(error, NotReached) and not error.passing
