"""One call's tokens, set aside while it is sent; the way it is left decides what becomes of them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ...errors import (
    AskSageError,
    BadInput,
    Interrupted,
    LedgerConflict,
    NotEnoughTokens,
    OverLimit,
    ReplyLost,
)
from ...interrupts import StoppedWaiting
from . import telemetry

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ...account import Bill, Call
    from .settling import Settling

_NOT_WRITTEN = (
    BadInput,
    LedgerConflict,
    NotEnoughTokens,
    OverLimit,
    StoppedWaiting,
)  # what comes before the ledger writes
_IN_DOUBT = (ReplyLost, Interrupted)


class Held:
    """A context manager: holds on entering, and on leaving knows what to do.

    ::

        with Held(settling, settling.call(model, tokens)) as held:
            held.sent()
            answer = send()
            held.settle(bill_of(answer))

    For what costs on both meters two of them are entered, and both are sent and settled.

    ========================================  =======================================
    left                                      the hold is
    ========================================  =======================================
    after `settle`                            settled with the bill
    before `sent`, however                    voided: certainly nothing was billed
    by a refusal of the service's             voided
    after `await_bill`                        left open: the reply is there, its bill is not told
    otherwise, or after `leave_open`          left open: it may have been billed
    ========================================  =======================================

    Attributes
    ----------
    call : Call
    tokens : int
        What the ledger still holds for the call, as it last told; 0 before it is held and once it is over.
    trouble : str or None
        Why the debit is still to be booked, or was not; None when it is booked.
    """

    def __init__(self, settling: Settling, call: Call) -> None:
        self.call = call
        self.tokens = 0
        self.trouble: str | None = None
        self._settling = settling
        self._is_sent = self._is_over = self._is_kept = self._is_open = False
        self._leaving = threading.Lock()  # between the request that leaves and the call that is given up
        self._started = 0.0

    @classmethod
    def resumed(cls, settling: Settling, call: Call) -> Self:
        """A call that was held before, here or in another kernel, and left open: to be settled or voided."""
        held = cls(settling, call)
        held.tokens = call.estimate
        held.leave_open()
        return held

    def __enter__(self) -> Self:
        """Set the estimate aside.

        Raises
        ------
        NotEnoughTokens, LedgerError
            As of `Ledger.hold`; nothing is held.
        """
        self._is_over = False  # entered again, perhaps, after there was too little
        self._settling.begin(self.call.op)
        try:
            self._settling.hold(self.call)
        except BaseException as error:
            self._is_over = True
            is_in_doubt = not isinstance(error, _NOT_WRITTEN)
            if is_in_doubt:
                self._settling.take_back(self.call.op)
            self._settling.end(self.call.op, is_open=is_in_doubt)
            raise
        self.tokens, self._is_open = self.call.estimate, True
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        with self._leaving:
            self._is_over = True
        try:
            if not self._is_kept and (not self._is_sent or _is_certain(error)):
                self._book(None)
        finally:
            self._settling.end(self.call.op, is_open=self._is_open)

    def sent(self, is_sent: bool = True) -> None:
        """Note that the request leaves now; or, with False, that it certainly came to nothing.

        Raises
        ------
        KeyboardInterrupt
            The call was given up meanwhile: it must not leave any more.
        """
        with self._leaving:
            if not self._is_over:
                self._is_sent = is_sent
            elif is_sent:
                raise KeyboardInterrupt

    @property
    def was_sent(self) -> bool:
        """Whether it is, or may be, on its way."""
        return self._is_sent

    @property
    def took_ms(self) -> int | None:
        """Milliseconds since the tokens were set aside; None where that was before this kernel."""
        return round((time.monotonic() - self._started) * 1000) if self._started else None

    def settle(self, bill: Bill) -> None:
        """Debit what was billed. Nothing is raised: `trouble` says what went wrong."""
        self._is_kept = True
        self._book(bill)
        telemetry.tell(self.call, bill, self._settling.url)

    def void(self) -> None:
        """Free the hold: certainly nothing was billed."""
        self._is_kept = True
        self._book(None)

    def leave_open(self) -> None:
        """Keep the hold until the bill becomes known some other way; presumed when past due."""
        self._is_kept = True

    def await_bill(self) -> None:
        """Keep the hold as `leave_open` does, of a call whose whole reply is there."""
        self._is_kept = True
        self._settling.note_arrival(self.call.op)

    def _book(self, bill: Bill | None) -> None:
        self.trouble = self._settling.book(self.call.op, bill)
        if self.trouble is None:
            self.tokens, self._is_open = 0, False


def _is_certain(error: BaseException | None) -> bool:
    """Whether nothing was billed, although it was sent."""
    return isinstance(error, AskSageError) and not isinstance(error, _IN_DOUBT)
