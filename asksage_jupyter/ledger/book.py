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
from .moves import calls, correcting, grants, pools
from .reads.unsettled import late
from .stores import opening
from .stores.place import Place
from .stores.postgres import roles
from .tables.state import POOL_GRANT
from .view import LedgerView

_AT_ONCE = 200  # late calls a transaction: others wait for it


class Ledger(LedgerView):
    """Grants and entries of all accounts, append-only, in a SQLite file or a PostgreSQL database.

    Every method that writes is one durable transaction: it has happened wholly when it returns, and when
    it raises nothing was written. The one exception is an error of the commit itself, after which the same
    call again converges. Threads share one object, processes share one file or database; a forked
    process opens its own connections, and is refused a file only when another thread was at it (`forks`).

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

    _store: opening.AnyStore

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

    def join_pool(self, account: Account, meter: Meter, pool: Account, cap: int | None = None) -> bool:
        """Let a person spend from a pool, or change their cap within it.

        From then on each of their holds must fit both what is left of their cap and what is left of the
        pool; what they used this month before counts against the cap, not against the pool.

        Parameters
        ----------
        pool : Account
            As `Account.of_pool` makes it, of the same host.
        cap : int or None
            Ask Sage tokens a month; None where only the pool's own limit counts.

        Returns
        -------
        bool
            False when it was so already; then nothing was changed.

        Raises
        ------
        LedgerConflict
            They spend from another pool; nothing was written.
        BadInput, LedgerError
            Nothing was written.
        """
        if cap is not None:
            cap = grants.checked(cap, "a cap")
        return self._store.write(
            lambda connection: pools.join(connection, account, meter, pool, cap, self._clock()), of=account
        )

    def grant_in_pool(self, account: Account, meter: Meter, pool: Account, tokens: int, *, ends: int) -> bool:
        """Let a member of a pool spend more than their cap, until an instant; the pool pays as for the cap.

        It is spent before the cap. What they leave of it was the pool's all the time.

        Parameters
        ----------
        ends : int
            Microseconds UTC, the first instant at which it cannot be spent: by it the grant is known.

        Returns
        -------
        bool
            False when it was given already; then nothing was changed.

        Raises
        ------
        BadInput
            They are no member of it with a cap; nothing was written.
        LedgerConflict
            Other tokens were given until then; nothing was written.
        LedgerError
            Nothing was written.
        """
        tokens = grants.checked(tokens, "a grant", least=1)
        return self._store.write(
            lambda connection: pools.give(connection, account, meter, pool, tokens, ends, self._clock()),
            of=account,
        )

    def leave_pool(self, account: Account, meter: Meter, pool: Account) -> bool:
        """Let a member go; their calls stay, and what they hold is still settled from the pool.

        Returns
        -------
        bool
            False when they were no member; then nothing was changed.

        Raises
        ------
        LedgerError
            Nothing was written.
        """
        return self._store.write(
            lambda connection: pools.leave(connection, account, meter, pool, self._clock()), of=account
        )

    def install_roles(self) -> bool:
        """Let the database itself enforce who sees what; again changes nothing. See `roles`.

        Returns
        -------
        bool
            False on SQLite, which knows no roles: whoever can write the file can do anything.

        Raises
        ------
        LedgerError
            The login may not make roles, or does not own the tables; nothing was changed.
        """
        if self.path is None:
            self._store.write(roles.install)
        return self.path is None

    def let_in(self, account: Account, login: str) -> bool:
        """Let a login of the database act for an account; it is made without a password when it is new.

        Returns
        -------
        bool
            False when it may already, or where roles are not installed; then nothing was changed.

        Raises
        ------
        BadInput
            It cannot be a login's name; nothing was changed.
        LedgerConflict
            It acts for another account; nothing was changed.
        LedgerError
            Nothing was changed.
        """
        return self.has_roles() and self._store.write(
            lambda connection: roles.let_in(connection, login, account)
        )

    def has_roles(self) -> bool:
        """Whether the database enforces who sees what."""
        if self.path is not None:
            return False
        with self._store.reading() as connection:
            return roles.are_installed(connection)

    def is_owners(self) -> bool:
        """Whether all members are seen and changed here; else a member's login, for what is their own."""
        if self.path is not None:
            return True
        with self._store.reading() as connection:
            return roles.is_owners(connection)

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
        tokens = grants.signed(tokens, "a correction")
        self._store.write(
            lambda connection: correcting.correct(
                connection, account, meter, tokens, op, self._clock(), period
            ),
            of=account,
            vital=True,
        )

    def _opened(self, place: Place, timeout_s: float) -> opening.AnyStore:
        return opening.writer(place, timeout_s)
