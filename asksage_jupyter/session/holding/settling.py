"""Hold, send, settle: the one order in which anything that costs tokens is done."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from ...account import Call, Meter
from ...beside import of_account
from ...display.notices import warn
from .. import envelopes
from ..budgeting import budgets
from ..origins import booking, origin
from .bounds import Bounds
from .ceiling import Ceiling
from .debits import Debits

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...account import Account, Bill
    from ...ledger import Ledger
    from ...settings import AskSage
    from ..budgeting import Budget


class Settling:
    """Sends what costs tokens, and never in another order.

    Parameters
    ----------
    account : Account
    settings : AskSage
        The project, and when a hold is past due.
    ledger : callable
        Returns the ledger; called only when there is something to book.
    clock : callable
        The present instant in microseconds UTC.
    after : callable
        Called when a call is over, however it ended.

    Attributes
    ----------
    bounds : Bounds
        The limits inside the account.
    ceiling : Ceiling
        What the organisation leaves.
    debits : Debits
    """

    def __init__(
        self,
        account: Account,
        settings: AskSage,
        ledger: Callable[[], Ledger],
        clock: Callable[[], int],
        after: Callable[[], None],
    ) -> None:
        self._account = account
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._after = after
        self._in_flight: set[str] = set()
        self._left_open: set[str] = set()
        self.ceiling = Ceiling(cache(lambda: of_account(ledger().outbox.with_suffix(".bounds"), account)))
        self.bounds = Bounds(account, settings, ledger)
        self.debits = Debits(account, ledger)
        self._warned: set[str] = set()
        self._bounded: dict[str, tuple[Budget, ...]] = {}

    @property
    def url(self) -> str:
        """Whose service is called."""
        return self._settings.url

    def call(self, model: str, tokens: int, meter: Meter = Meter.INFERENCE) -> Call:
        """A new call of `tokens` on `meter`, with where it comes from."""
        from ...ledger import new_op

        return Call(
            op=new_op(),
            sent_at=self._clock(),
            model=model,
            meter=meter,
            estimate=tokens,
            notebook=origin.notebook(self._ledger().folder),
            cell=origin.cell(),
            user=self._account.holder,
            **booking.present().columns(self._settings),
        )

    @property
    def in_flight(self) -> frozenset[str]:
        """The ops of the calls that are under way in this session now."""
        return frozenset(self._in_flight)

    def has_left_open(self, op: str) -> bool:
        """Whether a call of this session is over, and its bill was not booked then."""
        return op in self._left_open

    def begin(self, op: str) -> None:
        """A call is under way."""
        self._in_flight.add(op)

    def end(self, op: str, *, is_open: bool) -> None:
        """It is over, however it ended; where it may still be held, others may look for its bill."""
        if is_open:
            self._left_open.add(op)
        self._in_flight.discard(op)
        with suppress(Exception, KeyboardInterrupt):  # it must not cost the person a paid reply
            self._after()

    def note_arrival(self, op: str) -> None:
        """A call's whole reply is there, and its bill is not: whoever finds the bill calls it no lost one."""
        from ...ledger.stores.arrived import Arrived

        with suppress(Exception, KeyboardInterrupt):
            Arrived(self._ledger().outbox).add(op)

    def hold(self, call: Call) -> None:
        """Set its estimate aside."""
        if self.ceiling.is_near:
            self.ceiling.refuse(call, self._ledger().balance(self._account))
        due = call.sent_at + self._settings.presume_after_s * 1_000_000
        if call.meter is not Meter.INFERENCE:
            self._ledger().hold(self._account, call, due=due)
            return
        within = envelopes.within(self._settings, call.notebook, call.job)
        self._bounded[call.op] = bounded = budgets(self._settings)
        try:
            for each in bounded:
                each.hold(call.op, call.estimate)
            self._ledger().hold(self._account, call, due=due, within=within)
        except BaseException:
            self._unbound(call.op, 0)
            raise
        if any(each.is_soft for each in within) or any(each.is_soft for each in bounded):
            self._warn_of_soft()

    def _warn_of_soft(self) -> None:
        for each in self.bounds.present():
            if each.is_soft and each.left < 0 and each.words not in self._warned:
                self._warned.add(each.words)
                over = f"{each.words} is over by {-each.left:,} tokens"
                warn(f"{over}, with what is held; it only warns ({each.told_by})", stacklevel=4)

    def take_back(self, op: str) -> None:
        """Void a hold of which the ledger did not say whether it was made."""
        self._unbound(op, 0)
        self.debits.take_back(op)

    def book(self, op: str, bill: Bill | None) -> str | None:
        """Debit, or void without a bill, as of `Debits.book`."""
        self._unbound(op, bill.tokens if bill else 0)
        return self.debits.book(op, bill)

    def _unbound(self, op: str, tokens: int) -> None:
        for each in self._bounded.pop(op, ()):
            each.settle(op, tokens)
