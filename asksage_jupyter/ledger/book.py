"""The ledger: one object for all threads, one file for all kernels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import month
from ..account import Account, Balance, Bill, Call, Grant, Meter
from ..errors import BadInput
from . import audit, grants, months, moves
from .audit import Verification
from .months import MonthFigures
from .place import path_of
from .reading import HOLDING_OF, balance_of, calls_statement, last_call, open_holds
from .sqlite import Store
from .state import STATES, State, states
from .unsettled import Unsettled, unsettled
from .watch import Watcher


class Ledger:
    """Grants and entries of all accounts, append-only, in one SQLite file.

    Every method that writes is one durable transaction: it has happened wholly when it returns, and when
    it raises nothing was written. The one exception is an error of the commit itself, after which the same
    call again converges. Threads share one object, processes share one file; a process forked while the file
    is open is refused with a `LedgerError`.

    Parameters
    ----------
    where : str or Path
        A path, or a SQLAlchemy URL ``sqlite:///...``. What is missing is made: folders with mode 0700, the
        file with 0600. Holds past due are presumed.
    clock : callable
        The present instant, in microseconds UTC.

    Attributes
    ----------
    path : Path
        The file. Never open it a second way in this process.
    folder : Path
        Where companion files live.

    Raises
    ------
    LedgerUnusable
        No right to write, disk full, damaged, another program's file, another database.
    LedgerTooNew
        Written by a newer version; unchanged.
    LedgerError
        Others wrote for longer than half a minute.
    """

    def __init__(self, where: str | Path, *, clock: Callable[[], int] = month.now) -> None:
        self.path = path_of(where)
        self.folder = self.path.parent
        self._clock = clock
        self._store = Store(self.path)
        self._watchers: list[Watcher] = []
        self.presume()

    def open_month(
        self, account: Account, meter: Meter, allotment: int, *, used: int = 0, source: str
    ) -> bool:
        """Make this month's allotment from what the service told.

        Parameters
        ----------
        allotment, used : int
            Tokens a month, and those already spent of it, here or on other devices.
        source : str
            Who told; the balance repeats it.

        Returns
        -------
        bool
            False when the month's grant is there already; then nothing was changed.

        Raises
        ------
        BadInput, LedgerError
            Nothing was written.
        """
        grants.checked(allotment, "an allotment")
        grants.checked(used, "what was used")
        return self._store.write(
            lambda connection: grants.open_month(
                connection, account, meter, allotment, used, source, self._clock()
            )
        )

    def grant(
        self, account: Account, meter: Meter, tokens: int, *, source: str, starts: int, ends: int
    ) -> Grant:
        """Give tokens besides the allotment, such as a top-up; the same source again changes nothing.

        Parameters
        ----------
        source : str
            ``top-up:<receipt>``.
        starts, ends : int
            Microseconds UTC; `ends` is the first instant they cannot be spent.

        Raises
        ------
        LedgerConflict
            The source was given with other figures; nothing was written.
        BadInput, LedgerError
            Nothing was written.
        """
        grants.checked(tokens, "a grant")
        if source.startswith("allotment:"):
            raise BadInput("an allotment is given with set_plan; a grant's source is like top-up:<receipt>")
        if starts >= ends:
            raise BadInput("a grant must end after it starts")
        wanted = Grant(0, source, starts, ends)
        return self._store.write(
            lambda connection: grants.give(connection, account, meter, tokens, wanted, self._clock())
        )

    def set_plan(self, account: Account, meter: Meter, monthly: int, *, source: str) -> None:
        """Tell the monthly tokens from this month on; this month's allotment changes by the difference.

        Raises
        ------
        BadInput, LedgerError
            Nothing was written.
        """
        grants.checked(monthly, "a plan")
        self._store.write(
            lambda connection: grants.set_plan(connection, account, meter, monthly, source, self._clock())
        )

    def has_month(self, account: Account, meter: Meter) -> bool:
        """Whether this month's allotment is there, or a plan from which the first hold makes it."""
        state = self._states(account, self._clock()).get(meter)
        return state is not None and (state.allotment is not None or state.monthly is not None)

    def hold(self, account: Account, call: Call, *, due: int) -> None:
        """Set aside the call's estimate before it is sent; the same call again changes nothing.

        Parameters
        ----------
        due : int
            Microseconds UTC, after which the hold may be presumed spent.

        Raises
        ------
        NotEnoughTokens
            The live grants cannot pay; nothing was written.
        LedgerConflict
            The op was held with other figures; nothing was written.
        LedgerError
            No plan is known, or the ledger could not be written; nothing was written.
        """
        grants.checked(call.estimate, "an estimate")
        self._store.write(lambda connection: moves.hold(connection, account, call, due, self._clock()))

    def settle(self, op: str, bill: Bill) -> None:
        """End a hold with what was billed: less, equal or more; the same bill again changes nothing.

        What was billed above the hold is taken from the grants that were live when it was held, as far as
        they have room; the rest is overage of the last grant that held it. After a presume only the
        difference is booked.

        Raises
        ------
        LedgerConflict
            Settled before with other figures; nothing was written.
        LedgerError
            The op was never held, or the ledger could not be written; nothing was written.
        """
        grants.checked(bill.tokens, "a bill")
        self._store.write(lambda connection: moves.settle(connection, op, bill, self._clock()), vital=True)

    def void(self, op: str) -> None:
        """End a hold of which certainly nothing was billed; it leaves no row among the calls.

        Raises
        ------
        LedgerConflict
            Settled before with tokens; nothing was written.
        LedgerError
            The op was never held, or the ledger could not be written; nothing was written.
        """
        self._store.write(lambda connection: moves.settle(connection, op, None, self._clock()), vital=True)

    def presume(self) -> int:
        """Book every hold past its due time as spent at its estimate, until the truth arrives.

        Returns
        -------
        int
            How many calls.
        """
        # Looked for without the gate first, since almost always there is nothing to do.
        with self._store.reading() as connection:
            late = moves.late(connection, self._clock())
        if not late:
            return 0
        return self._store.write(lambda connection: moves.presume(connection, self._clock()), vital=True)

    def correct(self, account: Account, meter: Meter, tokens: int, *, op: str) -> None:
        """Book a signed difference on the live grants; the same op again changes nothing.

        Parameters
        ----------
        tokens : int
            Above zero: spent elsewhere. Below: given back.

        Raises
        ------
        LedgerConflict
            The op was booked with other tokens; nothing was written.
        BadInput, LedgerError
            Nothing was written.
        """
        grants.signed(tokens, "a correction")
        self._store.write(
            lambda connection: moves.correct(connection, account, meter, tokens, op, self._clock()),
            vital=True,
        )

    def balance(self, account: Account) -> Balance:
        """What is left on both meters now; never writes.

        Holds of last month that are still open belong to last month.

        Raises
        ------
        LedgerError
        """
        clock = self._clock()
        return balance_of(account, self._states(account, clock), clock)

    def calls(
        self, account: Account | None = None, *, since: int | None = None, until: int | None = None
    ) -> list[tuple[Any, ...]]:
        """The settled and presumed calls, in the order they were sent.

        Parameters
        ----------
        account : Account or None
            None for all accounts.
        since, until : int or None
            Bounds of `sent_at` in microseconds UTC; `until` itself is out.

        Returns
        -------
        list of tuple, shape (calls, len(CALL_COLUMNS))

        Raises
        ------
        LedgerError
        """
        with self._store.reading() as connection:
            rows = connection.execute(calls_statement(account, since, until))
            return [tuple(row) for row in rows]

    def last_call(self, account: Account) -> tuple[Any, ...] | None:
        """The newest settled or presumed call as `calls` lists it; None before the first.

        Raises
        ------
        LedgerError
        """
        with self._store.reading(snapshot=True) as connection:
            return last_call(connection, account)

    def open_holds(self, account: Account) -> int:
        """How many calls are held and neither settled nor presumed, of any month."""
        asked = {"host": account.host, "holder": account.holder}
        with self._store.reading(snapshot=True) as connection:
            holding = connection.execute(HOLDING_OF, asked).all()
            ops = (
                op for grant_id, held in holding if held for op, _ in open_holds(connection, grant_id, held)
            )
            return len(set(ops))

    def unsettled(self, account: Account, meter: Meter) -> list[Unsettled]:
        """List the calls of a meter that are held or presumed and not settled, of any month; oldest first.

        Raises
        ------
        LedgerError
        """
        with self._store.reading(snapshot=True) as connection:
            return unsettled(connection, account, meter)

    def used_in(self, account: Account, meter: Meter, period: str | None = None) -> int:
        """Ask Sage tokens used in a month, calls and corrections: what the service's counter should show.

        Parameters
        ----------
        period : str or None
            Like ``"2026-11"``, in the account's zone; None for this month.

        Raises
        ------
        BadInput
            `period` is no month.
        LedgerError
        """
        with self._store.reading(snapshot=True) as connection:
            return months.used_in(connection, account, meter, period, self._clock())

    def month(self, account: Account, meter: Meter, period: str | None = None) -> MonthFigures:
        """All figures of a meter's month; all zero where the ledger knows nothing of it.

        Parameters
        ----------
        period : str or None
            As of `used_in`.

        Raises
        ------
        BadInput, LedgerError
            As of `used_in`.
        """
        with self._store.reading(snapshot=True) as connection:
            return months.month_figures(connection, account, meter, period, self._clock())

    def month_with_calls(
        self, account: Account, meter: Meter, period: str | None = None
    ) -> tuple[MonthFigures, list[tuple[Any, ...]]]:
        """A month's figures, and in the same view of the ledger the settled and presumed calls it held.

        The calls' tokens and the month's corrections are together what was used.

        Parameters
        ----------
        period : str or None
            As of `used_in`.

        Returns
        -------
        figures : MonthFigures
        calls : list of tuple, shape (calls, len(CALL_COLUMNS))
            In the order they were sent.

        Raises
        ------
        BadInput, LedgerError
            As of `used_in`.
        """
        clock = self._clock()
        with self._store.reading(snapshot=True) as connection:
            return (
                months.month_figures(connection, account, meter, period, clock),
                months.month_calls(connection, account, meter, period, clock),
            )

    def verify(self) -> Verification:
        """Recompute every sequence, sum, time and hash.

        Raises
        ------
        LedgerError
        """
        with self._store.reading(snapshot=True) as connection:
            return audit.verify(connection)

    def watch(self, on_change: Callable[[], None], *, interval_s: float = 0.15) -> Callable[[], None]:
        """Call `on_change` in a thread of its own soon after any commit, of this process or another.

        Returns
        -------
        callable
            Stops the watch; does nothing where threads cannot start.
        """
        watcher = Watcher(self._store.connect, on_change, interval_s)
        self._watchers.append(watcher)
        return watcher.stop

    def close(self) -> None:
        """Stop all watches and close the file."""
        while self._watchers:
            self._watchers.pop().stop()
        self._store.close()

    def _states(self, account: Account, clock: int) -> dict[str, State]:
        asked = {"host": account.host, "holder": account.holder, "now": clock}
        with self._store.reading() as connection:
            return states(STATES.rows(connection, asked), clock)
