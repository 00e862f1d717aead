"""The ledger as one who only reads it sees it.

What a cell does not need of it is imported when it is first asked for: its statements take a third of the
time in which all of the ledger is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import month
from ..account import Account, Balance, Envelope, Meter
from ..display.plain import storable
from .moves import grants
from .reads import balances, people
from .reads.people import KnownAccount
from .reads.unsettled import Unsettled, open_calls, served_as, unsettled
from .stores import opening
from .stores.connections import Connections
from .stores.place import Place, place_of
from .stores.watch import Watch
from .tables.reading import calls_statement, recent

if TYPE_CHECKING:
    from .moves.pools import Member
    from .reads.audit import Verification
    from .reads.cells import NotebookSpending
    from .reads.fates import Fate
    from .reads.months import MonthFigures
    from .reads.moved import Period
    from .reads.sealing import Copying
    from .reads.usual import UsualCall


class LedgerView:
    """A ledger to read from; it makes, migrates and writes nothing, and needs no right to.

    The ledger is opened when it is first read, and need not be there before. Threads share one object. Every
    method raises `LedgerMissing` while there is none, `LedgerTooNew` for one of a newer version, and
    `LedgerError` where it cannot be read.

    Parameters
    ----------
    where : str or Path
        A path, or a URL: ``postgresql://user@host/database``, ``sqlite:///...``.
    clock : callable
        The present instant, in microseconds UTC.
    timeout_s : float
        How long connecting to a server, waiting there for others, and its silence may each take.

    Attributes
    ----------
    title : str
        How the ledger's place is shown: never with a user, a password or options.
    path : Path or None
        The SQLite file. Never open it a second way in this process.
    folder : Path
        Where companion files live.
    name : str
        What they are named after.

    Raises
    ------
    LedgerUnusable
        `where` is no place of a ledger.
    """

    _store: Connections

    def __init__(
        self, where: str | Path, *, clock: Callable[[], int] = month.now, timeout_s: float = 10.0
    ) -> None:
        place = place_of(where)
        self.title, self.path, self.folder, self.name = place.title, place.path, place.folder, place.name
        self.outbox = place.outbox
        self._clock = clock
        self._store = self._opened(place, timeout_s)
        self._watches: list[Watch] = []

    def knows_month(self, account: Account, meter: Meter) -> bool:
        """Whether this month's allotment is there, or a plan from which the first hold makes it.

        A pool's member has what the pool has.
        """
        clock = self._clock()
        return self._store.read(lambda connection: balances.knows_month(connection, account, meter, clock))

    def has_begun(self, account: Account, meter: Meter) -> bool:
        """Whether this month's allotment is made; of a pool's member the pool's."""
        clock = self._clock()
        return self._store.read(lambda connection: balances.has_begun(connection, account, meter, clock))

    def has_grant(self, account: Account, meter: Meter, source: str) -> bool:
        """Whether a grant of that source was ever given to the account."""
        with self._store.reading(snapshot=True) as connection:
            return grants.has_grant(connection, account, meter, storable(source), self._clock())

    def zone_of(self, account: Account) -> str | None:
        """The zone in which the account's months begin, as first contact told it; None before that."""
        with self._store.reading() as connection:
            return people.zone_of(connection, account)

    def balance(self, account: Account) -> Balance:
        """What is left on both meters now; never writes.

        Holds of last month that are still open belong to last month.
        """
        clock = self._clock()
        alone = self._store.read(lambda connection: balances.balance_alone(connection, account, clock))
        return alone or self._store.read(
            lambda connection: balances.balance_in_pool(connection, account, clock), snapshot=True
        )

    def left_in(self, account: Account, meter: Meter, envelopes: Sequence[Envelope]) -> list[int]:
        """What each of these envelopes of the account has left now, in Ask Sage tokens.

        Raises
        ------
        LedgerError
        """
        clock = self._clock()
        with self._store.reading(snapshot=True) as connection:
            return [balances.left_in(connection, account, meter, each, clock) for each in envelopes]

    def used_outside(self, account: Account, meter: Meter, envelope: Envelope) -> int:
        """What calls of the job that the envelope is for were billed, in Ask Sage tokens, without it.

        Raises
        ------
        LedgerError
        """
        with self._store.reading() as connection:
            return balances.used_outside(connection, account, meter, envelope)

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
        """
        with self._store.reading() as connection:
            rows = connection.execute(calls_statement(account, since, until))
            return [tuple(row) for row in rows]

    def copying(self, account: Account) -> Copying:
        """What whoever keeps a copy of the account's calls asks of the ledger."""
        from .reads.sealing import Copying

        return Copying(self._store, account)

    def last_call(self, account: Account) -> tuple[Any, ...] | None:
        """The newest call as `recent` lists it; None before the first."""
        newest = self.recent(account, limit=1)
        return newest[0] if newest else None

    def recent(
        self, account: Account, *, since: int | None = None, until: int | None = None, limit: int = 20
    ) -> list[tuple[Any, ...]]:
        """The newest calls as `calls` and `open_calls` list them, of both meters; newest first.

        Parameters
        ----------
        since, until : int or None
            As of `calls`.
        """
        with self._store.reading(snapshot=True) as connection:
            opened = open_calls(connection, account)
            return recent(connection, account, opened, since, until, limit)

    def usual_call(self, account: Account, meter: Meter) -> UsualCall | None:
        """What the account's calls on a meter usually cost; None where there were none."""
        from .reads.usual import usual_call

        with self._store.reading() as connection:
            return usual_call(connection, account, meter)

    def open_calls(self, account: Account) -> list[tuple[Any, ...]]:
        """List the calls that are held and have no bill yet, of both meters and any month; newest first.

        Returns
        -------
        list of tuple, shape (calls, len(CALL_COLUMNS))
            As `calls` lists them: ``tokens`` is what is held, ``source`` "held" and ``status`` "open".
        """
        with self._store.reading(snapshot=True) as connection:
            return open_calls(connection, account)

    def unsettled(self, account: Account, meter: Meter) -> list[Unsettled]:
        """List the calls of a meter that are held or presumed and not settled, of any month; oldest first."""
        with self._store.reading(snapshot=True) as connection:
            return unsettled(connection, account, meter)

    def fates(self, ops: Sequence[str]) -> dict[str, Fate]:
        """What became of each of these calls; one that was never held is left out.

        Raises
        ------
        LedgerError
        """
        from .reads.fates import fates

        with self._store.reading() as connection:
            return fates(connection, ops)

    def served_as(self, account: Account, *, since: int) -> dict[str, frozenset[str]]:
        """By model, as asked for: the other models that answered, and were billed, in its place."""
        with self._store.reading() as connection:
            return served_as(connection, account, since)

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
        from .reads import months

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
        from .reads import months

        with self._store.reading(snapshot=True) as connection:
            return months.month_figures(connection, account, meter, period, self._clock())

    def month_with_calls(
        self, account: Account, meter: Meter, period: Period = None
    ) -> tuple[MonthFigures, list[tuple[Any, ...]]]:
        """A month's figures, and in the same view of the ledger the settled and presumed calls it held.

        The calls' tokens and the month's corrections are together what was used.

        Parameters
        ----------
        period : str, Span or None
            As of `used_in`, or another time.

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
        from .reads import months

        clock = self._clock()
        with self._store.reading(snapshot=True) as connection:
            return (
                months.month_figures(connection, account, meter, period, clock),
                months.month_calls(connection, account, meter, period, clock),
            )

    def spending(self, account: Account, meter: Meter, since: int, until: int) -> list[tuple[int, int]]:
        """What was used in each quarter of an hour: short enough to make up the days of any time zone.

        A call counts when it was held, whenever its bill came; a correction when it was booked. The quarters
        of a month sum up to `used_in`.

        Parameters
        ----------
        since, until : int
            Microseconds UTC, on whole quarters of an hour; `until` itself is out.

        Returns
        -------
        list of (start, tokens)
            Microseconds UTC, ascending; and Ask Sage tokens, signed. Quarters without any are left out.
        """
        from .reads.spending import spending

        with self._store.reading(snapshot=True) as connection:
            return spending(connection, account, meter, since, until)

    def notebook_spending(
        self, account: Account, meter: Meter, notebook: str, *, since: int, until: int, limit: int = 10
    ) -> NotebookSpending:
        """What the calls of one notebook used, in all and in its dearest cells.

        Parameters
        ----------
        notebook : str
            As its calls tell it.
        since, until : int
            Bounds of `sent_at` in microseconds UTC; `until` itself is out.
        limit : int
            How many cells at most.
        """
        from .reads.cells import notebook_spending

        with self._store.reading(snapshot=True) as connection:
            notebook = storable(notebook)
            return notebook_spending(connection, account, meter, notebook, since, until, limit)

    def pool_of(self, account: Account, meter: Meter) -> str | None:
        """The name of the pool from which the account spends on a meter; None outside every pool."""
        from .moves import pools

        with self._store.reading() as connection:
            return pools.pool_of(connection, account, meter)

    def pools(self, host: str | None = None) -> list[Account]:
        """The pools of the ledger, of one host or of all, by name."""
        from .moves import pools

        with self._store.reading() as connection:
            return pools.known_pools(connection, host)

    def members(self, pool: Account, meter: Meter) -> list[Member]:
        """What each member of a pool may use and used of it this month, those who left too; by name."""
        from .moves import pools

        with self._store.reading(snapshot=True) as connection:
            return pools.members(connection, pool, meter, self._clock())

    def accounts(self) -> list[KnownAccount]:
        """Everybody whose tokens are counted here, whoever sent a call last first."""
        with self._store.reading() as connection:
            return people.known_accounts(connection)

    def verify(self) -> Verification:
        """Recompute every sequence, sum, time and hash."""
        from .reads import audit

        with self._store.reading(snapshot=True) as connection:
            return audit.verify(connection)

    def watch(self, on_change: Callable[[], None], *, interval_s: float = 0.15) -> Callable[[], None]:
        """Call `on_change` in a thread of its own soon after any commit, of this process or another.

        Also when the ledger appears, goes, or is another one.

        Parameters
        ----------
        interval_s : float
            Seconds between two looks at a file; a server tells of itself.

        Returns
        -------
        callable
            Stops the watch; does nothing where threads cannot start.
        """
        watch = self._store.watch(on_change, interval_s)
        self._watches.append(watch)
        return watch.stop

    def close(self) -> None:
        """Stop all watches and close the connections."""
        while self._watches:
            self._watches.pop().stop()
        self._store.close()

    def _opened(self, place: Place, timeout_s: float) -> Connections:
        return opening.reader(place, timeout_s)
