"""Hold, send, settle: the one order in which anything that costs tokens is done."""

from __future__ import annotations

from contextlib import suppress
from functools import cache, cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from ...account import Call, Meter
from ...beside import of_account
from ...display.notices import warn
from ...display.plain import told
from ...errors import BadInput, LedgerConflict, LedgerError, LedgerRefused, LedgerUnusable
from .. import envelopes
from ..budgeting import budgets
from ..origins import booking, origin
from .ceiling import Ceiling
from .held import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...account import Account, Bill, Envelope
    from ...ledger import Ledger
    from ...ledger.stores.outbox import Outbox
    from ...settings import AskSage
    from ..budgeting import Budget


class Bound(NamedTuple):
    """What an envelope or a budget leaves.

    Attributes
    ----------
    words : str
        What it is called.
    tokens, left : int
        Its limit, and what is neither used nor held of it.
    told_by : str
        Where the limit stands.
    is_soft : bool
        Whether it only warns.
    """

    words: str
    tokens: int
    left: int
    told_by: str
    is_soft: bool


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
        self._told: set[str] = set()
        self._bounded: dict[str, tuple[Budget, ...]] = {}

    @cached_property
    def _outbox(self) -> Outbox:
        from ...ledger.stores.outbox import Outbox

        return Outbox(self._ledger().outbox)

    @property
    def url(self) -> str:
        """Whose service is called."""
        return self._settings.url

    @property
    def unbooked(self) -> int:
        """How many calls wait to be booked."""
        return len(self._outbox.waiting())

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

    def held(self, call: Call) -> Held:
        """Set the call's tokens aside with ``with``, and leave as `Held` tells.

        ::

            with settling.held(call) as held:
                held.sent()
                answer = send()
                held.settle(bill_of(answer))

        For what costs on both meters two of them are entered, and both are sent and settled.
        """
        return Held(self, call)

    def resumed(self, call: Call) -> Held:
        """A call that was held before, here or in another kernel, and left open: to be settled or voided."""
        held = Held(self, call)
        held.tokens = call.estimate
        held.leave_open()
        return held

    @property
    def in_flight(self) -> frozenset[str]:
        """The ops of the calls that are under way in this session now."""
        return frozenset(self._in_flight)

    def has_left_open(self, op: str) -> bool:
        """Whether a call of this session is over, and its bill was not booked then."""
        return op in self._left_open

    def catch_up(self) -> None:
        """Presume what is past due, and book the debits that failed before, here or in another kernel.

        Raises
        ------
        LedgerError
            The ledger cannot be written now.
        """
        self._ledger().presume(self._account)
        for op, bill in self._outbox.waiting():
            try:
                self._book(op, bill)
            except (LedgerConflict, LedgerRefused) as error:
                self._set_aside(op, bill, error)
            except LedgerUnusable as error:
                self._tell_waiting(op, bill, error)
            except LedgerError as error:
                self._tell_waiting(op, bill, error)
                break  # a ledger that does not answer would be waited for with each of them
            except Exception as error:  # noqa: BLE001  of whatever kind, it stops no cell
                self._set_aside(op, bill, error)
            else:
                self._outbox.remove([(op, bill)])

    def _set_aside(self, op: str, bill: Bill | None, why: Exception) -> None:
        """Tell of a bill that the ledger refuses for good; a void that it refuses has nothing to void."""
        if bill is None:
            self._outbox.remove([(op, bill)])
            return
        self._outbox.set_aside(op, bill, told(why))
        self._tell(f"{op} for good", f"{bill.tokens:,} tokens: {self._refused(why)}")

    def _refused(self, why: Exception) -> str:
        return (
            f"not debited: {told(why).rstrip('.')}. The bill is kept in {self._outbox.aside}; "
            f"%asksage reconcile books what Ask Sage counted"
        )

    def _tell_waiting(self, op: str, bill: Bill | None, why: Exception) -> None:
        """Tell that it is tried again."""
        tokens = bill.tokens if bill else 0
        self._tell(op, f"{tokens:,} tokens: the debit is still to be booked ({why})")

    def _tell(self, what: str, words: str) -> None:
        """Tell `what` once a session: a bill that cannot be set aside either comes again."""
        if what not in self._told:
            self._told.add(what)
            warn(words, stacklevel=5)

    # -- what `Held` does ----------------------------------------------------------------------------

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

    def bounds(self, ledger: Ledger | None = None) -> list[Bound]:
        """The envelopes and budgets that an inference call from here and now must fit.

        Raises
        ------
        ConfigurationError, BadInput
            A limit that cannot be read.
        LedgerError
        """
        ledger = ledger or self._ledger()
        found = envelopes.within(self._settings, origin.notebook(ledger.folder), booking.present().job)
        return self._left_of(found, ledger)

    def said_bounds(self) -> list[Bound]:
        """Those that this kernel alone knows: what its lines said, and what ends with it.

        Raises
        ------
        BadInput
            The environment's limit cannot be read.
        LedgerError
        """
        return self._left_of(envelopes.said())

    def _left_of(self, found: Sequence[Envelope], ledger: Ledger | None = None) -> list[Bound]:
        """What these envelopes leave, and this kernel's budgets; without any the ledger is not opened."""
        left = (ledger or self._ledger()).left_in(self._account, Meter.INFERENCE, found) if found else ()
        bounds = [
            Bound(each.words, each.tokens, tokens, each.told_by, each.is_soft)
            for each, tokens in zip(found, left, strict=True)
        ]
        own = budgets(self._settings)
        return bounds + [
            Bound(each.words, each.tokens, each.left, each.told_by, each.is_soft) for each in own
        ]

    def least_bound(self, ledger: Ledger | None = None) -> Bound | None:
        """The one of them that refuses first; None where none does."""
        hard = (each for each in self.bounds(ledger) if not each.is_soft)
        return min(hard, key=attrgetter("left"), default=None)

    def _warn_of_soft(self) -> None:
        for each in self.bounds():
            if each.is_soft and each.left < 0:
                over = f"{each.words} is over by {-each.left:,} tokens"
                self._tell(each.words, f"{over}, with what is held; it only warns ({each.told_by})")

    def take_back(self, op: str) -> None:
        """Void a hold of which the ledger did not say whether it was made."""
        self._unbound(op, 0)
        try:
            self._ledger().void(op)
        except LedgerConflict:
            pass  # it was not
        except LedgerError:
            self._outbox.keep(op, None)

    def book(self, op: str, bill: Bill | None) -> str | None:
        """Debit, or void without a bill; on failure keep it in the outbox for the next try, and say so.

        A reply that is paid for must arrive, whatever becomes of the debit.
        """
        self._unbound(op, bill.tokens if bill else 0)
        try:
            self._book(op, bill)
        except (BadInput, LedgerConflict, LedgerRefused) as error:
            if bill is None:
                return f"nothing is given back: {error}"
            self._outbox.set_aside(op, bill, str(error))
            return f"not debited: {error}" if isinstance(error, LedgerConflict) else self._refused(error)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  whatever it is, the reply comes first
            self._outbox.keep(op, bill)
            what = "the hold is still to be given back" if bill is None else "the debit is still to be booked"
            return f"{what} ({told(error)})"
        return None

    def _unbound(self, op: str, tokens: int) -> None:
        for each in self._bounded.pop(op, ()):
            each.settle(op, tokens)

    def _book(self, op: str, bill: Bill | None) -> None:
        if bill is None:
            self._ledger().void(op)
        else:
            self._ledger().settle(op, bill)
