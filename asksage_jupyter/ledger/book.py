"""The ledger: one object for all threads, one file or database for all kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import month
from ..account import Account, Bill, Call, Envelope, Grant, Meter
from ..display.plain import storable
from ..errors import BadInput
from .moves import calls, grants
from .reads.unsettled import late
from .shared import SharedLedger
from .tables.state import POOL_GRANT

_AT_ONCE = 200  # late calls a transaction: others wait for it


class Ledger(SharedLedger):
    """Grants and entries of all accounts, append-only, in a SQLite file or a PostgreSQL database.

    Every method that writes is one durable transaction: it has happened wholly when it returns, and when
    it raises nothing was written. The one exception is an error of the commit itself, after which the same
    call again converges. Threads share one object, processes share one file or database; a forked
    process opens its own connections, and is refused a file only when a thread was long at one (`forks`).

    Parameters
    ----------
    where : str or Path
        A path, or a URL: ``postgresql://user@host/database``, ``sqlite:///...``. What is missing is made:
        folders with mode 0700, the file with 0600, the tables. Holds past due are presumed.
    clock, timeout_s
        As of `LedgerView`, which tells the attributes too.

    Raises
    ------
    LedgerUnusable
        No right to write, disk full, damaged, another program's file, no PostgreSQL driver.
    LedgerTooNew
        Written by a newer version; unchanged.
    LedgerError
        Others wrote for too long, or the server cannot be reached.
    """

    def __init__(
        self, where: str | Path, *, clock: Callable[[], int] = month.now, timeout_s: float = 10.0
    ) -> None:
        super().__init__(where, clock=clock, timeout_s=timeout_s)
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
        allotment = grants.checked(allotment, "an allotment")
        used = grants.checked(used, "what was used")
        return self._store.write(
            lambda connection: grants.open_month(
                connection, account, meter, allotment, used, source, self._clock()
            ),
            of=account,
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
            The source was given with other tokens; nothing was written.
        BadInput, LedgerError
            Nothing was written.
        """
        tokens = grants.checked(tokens, "a grant")
        if source.startswith(("allotment:", POOL_GRANT)):
            raise BadInput("that is given with set_plan or by a pool; a source is like top-up:<receipt>")
        if starts >= ends:
            raise BadInput("a grant must end after it starts")
        wanted = Grant(0, storable(source), starts, ends)
        return self._store.write(
            lambda connection: grants.give(connection, account, meter, tokens, wanted, self._clock()),
            of=account,
        )

    def set_plan(self, account: Account, meter: Meter, monthly: int, *, source: str) -> None:
        """Tell the monthly tokens from this month on; this month's allotment changes by the difference.

        Raises
        ------
        BadInput, LedgerError
            Nothing was written.
        """
        monthly = grants.checked(monthly, "a plan")
        self._store.write(
            lambda connection: grants.set_plan(connection, account, meter, monthly, source, self._clock()),
            of=account,
        )

    def hold(self, account: Account, call: Call, *, due: int, within: Sequence[Envelope] = ()) -> None:
        """Set aside the call's estimate before it is sent; the same call again changes nothing.

        Parameters
        ----------
        due : int
            Microseconds UTC, after which the hold may be presumed spent.
        within : sequence of Envelope
            Limits inside the account, each of which must pay for the call as well, in the same transaction.

        Raises
        ------
        NotEnoughTokens
            The live grants cannot pay, or the pool's cannot; nothing was written.
        OverEnvelope
            What is left of an envelope is less; nothing was written.
        LedgerConflict
            The op was held with other figures; nothing was written.
        LedgerError
            No plan is known, or the ledger could not be written; nothing was written.
        """
        grants.checked(call.estimate, "an estimate")
        names = ("notebook", "cell", "project", "user", "job", "tags", "client")
        told: dict[str, Any] = {name: getattr(call, name) for name in names}
        told = {name: None if text is None else storable(text) for name, text in told.items()}
        call = replace(call, **told)
        self._store.write(
            lambda connection: calls.hold(connection, account, call, due, self._clock(), within), of=account
        )

    def settle(self, op: str, bill: Bill) -> None:
        """End a hold with what was billed: less, equal or more; the same bill again changes nothing.

        What was billed above the hold is taken from the grants that were live when it was held, as far as
        they have room; the rest is overage of the last grant that held it. After a presume only the
        difference is booked.

        Raises
        ------
        LedgerConflict
            Never held, or settled before with other figures; nothing was written.
        LedgerError
            The ledger could not be written; nothing was written.
        """
        grants.checked(bill.tokens, "a bill")
        self._store.write(
            lambda connection: calls.settle(connection, op, bill, self._clock()), of=[op], vital=True
        )

    def void(self, op: str) -> None:
        """End a hold of which certainly nothing was billed; it leaves no row among the calls.

        Raises
        ------
        LedgerConflict
            Never held, or settled before with tokens; nothing was written.
        LedgerError
            The ledger could not be written; nothing was written.
        """
        self._store.write(
            lambda connection: calls.settle(connection, op, None, self._clock()), of=[op], vital=True
        )

    def presume(self, account: Account | None = None) -> int:
        """Book every hold past its due time as spent at its estimate, until the truth arrives.

        Parameters
        ----------
        account : Account or None
            Whose holds; None for everybody's.

        Returns
        -------
        int
            How many calls.

        Raises
        ------
        LedgerError
            The ledger could not be written; what was not booked is found late again.
        """
        # Looked for before any turn is taken, since almost always there is nothing to do.
        clock = self._clock()
        ops = self._store.read(lambda connection: late(connection, account, clock))
        return sum(self._presume(ops[first : first + _AT_ONCE]) for first in range(0, len(ops), _AT_ONCE))

    def _presume(self, ops: Sequence[str]) -> int:
        # These alone: others became late meanwhile, and their accounts' turn is not taken.
        return self._store.write(
            lambda connection: calls.presume(connection, ops, self._clock()), of=ops, vital=True
        )

    def correct(
        self, account: Account, meter: Meter, tokens: int, *, op: str, period: str | None = None
    ) -> None:
        """Book a signed difference on the live grants; the same op again changes nothing.

        Parameters
        ----------
        tokens : int
            Above zero: spent elsewhere. Below: given back.
        period : str or None
            A month that is over, on whose allotment it is booked instead.

        Raises
        ------
        LedgerConflict
            The op was booked with other tokens; nothing was written.
        BadInput, LedgerError
            Nothing was written.
        """
        from .moves import correcting

        tokens = grants.signed(tokens, "a correction")
        self._store.write(
            lambda connection: correcting.correct(
                connection, account, meter, tokens, op, self._clock(), period
            ),
            of=account,
            vital=True,
        )
