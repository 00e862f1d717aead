"""Requests signed, and tried again where that is safe."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

import httpx

from ...errors import BadKey, NotReached, Refused, ServiceError, Unavailable
from ..replies.pausing import LONGEST_S
from ..replies.wire import Body, Pairs
from .auth import Credentials
from .deadline import left_s, within_s
from .departure import depart
from .requester import FREE_S, Requester

T = TypeVar("T")

_PAUSES_S = (0.5, 1.5)
_EXCHANGE = "/user/get-token-with-api-key"


class Connection(Requester):
    """Everything between a request and its decoded reply. Threads may share it.

    Parameters
    ----------
    client, credentials, on_date, on_stop
        As of `Requester`.
    sleep : callable
        Seconds.
    """

    def __init__(
        self,
        client: httpx.Client,
        credentials: Credentials,
        sleep: Callable[[float], None],
        on_date: Callable[[datetime], None],
        on_stop: Callable[[], None],
    ) -> None:
        super().__init__(client, credentials, on_date, on_stop)
        self._sleep = sleep

    def persist(self, send: Callable[[], T], *, again: bool = True) -> T:
        """Send, and `again` after some pauses where nothing was billed and it may help.

        Raises
        ------
        Refused
            Certainly not billed.
        ReplyLost
            From `send`; not tried again.
        """
        return self.stoppable(partial(self._persist, send, _PAUSES_S if again else ()))

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
        request = self.free_request(path, content)
        del content  # it may be a prompt, and this frame may be shown in a traceback
        with within_s(FREE_S):
            return self.persist(partial(self.free_once, request, self.credentials, keep))

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
        request = self.free_request(path, content)
        del content
        with within_s(FREE_S):
            return self._as_person(path, partial(self.free_once, request, self.credentials, keep))

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
        request = self.free_request(_EXCHANGE, self.credentials.exchange_body())
        refusal: Refused
        try:
            return self.free_once(request, None)
        except Refused as error:
            if type(error) is not Refused or (error.status or 0) < 400:
                raise
            refusal = error
        raise BadKey(f"{refusal} Check ASKSAGE_API_KEY and ASKSAGE_EMAIL.", status=refusal.status)


def _is_lasting(error: Unavailable) -> bool:
    """Whether another try cannot help."""
    return isinstance(error, NotReached) and not error.passing
