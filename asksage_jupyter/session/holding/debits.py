"""What was billed, debited: now, or as soon as the ledger takes it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ...display.notices import warn
from ...display.plain import told
from ...errors import BadInput, LedgerConflict, LedgerError, LedgerRefused, LedgerUnusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...account import Account, Bill
    from ...ledger import Ledger
    from ...ledger.stores.outbox import Outbox


class Debits:
    """Books bills; what cannot be booked waits in the outbox.

    Parameters
    ----------
    account : Account
    ledger : callable
        Returns the ledger; called only when there is something to book.
    """

    def __init__(self, account: Account, ledger: Callable[[], Ledger]) -> None:
        self._account, self._ledger = account, ledger
        self._told: set[str] = set()

    @cached_property
    def _outbox(self) -> Outbox:
        from ...ledger.stores.outbox import Outbox

        return Outbox(self._ledger().outbox)

    @property
    def unbooked(self) -> int:
        """How many calls wait to be booked."""
        return len(self._outbox.waiting())

    def book(self, op: str, bill: Bill | None) -> str | None:
        """Debit, or void without a bill; on failure keep it in the outbox for the next try, and say so.

        A reply that is paid for must arrive, whatever becomes of the debit.
        """
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

    def take_back(self, op: str) -> None:
        """Void a hold of which the ledger did not say whether it was made."""
        try:
            self._ledger().void(op)
        except LedgerConflict:
            pass  # it was not
        except (LedgerError, KeyboardInterrupt):  # another error is on its way to the person
            self._outbox.keep(op, None)

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
            except LedgerError as error:
                tokens = bill.tokens if bill else 0
                self._tell(op, f"{tokens:,} tokens: the debit is still to be booked ({error})")
                if not isinstance(error, LedgerUnusable):
                    break  # a ledger that does not answer would be waited for with each of them
            except Exception as error:  # noqa: BLE001  of whatever kind, it stops no cell
                self._set_aside(op, bill, error)
            else:
                self._outbox.remove([(op, bill)])

    def _book(self, op: str, bill: Bill | None) -> None:
        if bill is None:
            self._ledger().void(op)
        else:
            self._ledger().settle(op, bill)

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

    def _tell(self, what: str, words: str) -> None:
        """Tell `what` once a session: a bill that cannot be set aside either comes again."""
        if what not in self._told:
            self._told.add(what)
            warn(words, stacklevel=5)
