"""The calls of accounts as one frame: closed months from their seals, the rest from the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pandas

from .. import month
from ..account import Account, Meter
from ..errors import LedgerError
from ..ledger import CALL_COLUMNS
from ..session.stopwatch import Stopwatch
from .frame import frame, held_by

if TYPE_CHECKING:
    from ..ledger import LedgerView
    from .seals import Seals

FEWEST = 50_000  # calls in closed months from which sealing pays: fewer are read in half a second
FEWEST_OF_MONTH = 200_000  # calls of this month before today
_DAY = 86_400 * 10**6  # microseconds
_SENT = itemgetter(CALL_COLUMNS.index("sent_at"), CALL_COLUMNS.index("op"))
_METER = CALL_COLUMNS.index("meter")


def read(
    ledger: LedgerView,
    accounts: Sequence[Account],
    since: int | None,
    until: int | None,
    *,
    now: int,
    meter: Meter | None = None,
    with_holder: bool = False,
    fewest: int = FEWEST,
) -> pandas.DataFrame:
    """The settled and presumed calls of `accounts`, one after another, each in the order they were sent.

    Parameters
    ----------
    since, until : int or None
        Bounds of `sent_at` in microseconds UTC; `until` itself is out.
    now : int
        The present instant, in microseconds UTC: months that are over by then are closed.
    with_holder : bool
        Add the column `holder`.
    fewest : int
        How many calls in closed months are sealed.

    Raises
    ------
    LedgerError
    """
    parts: list[Any] = []
    holders: list[tuple[str, int]] = []
    releases: list[Callable[[], None]] = []
    for account in accounts:
        periods = _closed(ledger, account, since, until, now, fewest) if _has_arrow() else []
        seals = _seals(ledger, account) if periods else None
        found = list(_parts(ledger, account, since, until, periods, seals))
        if meter is not None:
            found = [_of_meter(part, meter) for part in found]
        parts += found
        holders.append((account.holder, sum(map(len, found))))
        releases += [seals.release] if seals else []
    calls = _joined(parts, releases)
    return held_by(calls, holders) if with_holder else calls


def _closed(
    ledger: LedgerView, account: Account, since: int | None, until: int | None, now: int, fewest: int
) -> list[str]:
    """The months of UTC within the bounds that are over, and this month's days; none of too few calls.

    A month that goes on must hold more of them: its days are sealed only to be thrown away.
    """
    copying = ledger.copying(account)
    first = copying.first_sent()
    if first is None:
        return []
    over = month.bounds(month.period_at(now))[0]
    start, stop = max(first, first if since is None else since), now if until is None else min(now, until)
    found = []
    if start < over and copying.count(start, min(over, stop), limit=fewest) >= fewest:
        at = start
        while at < min(over, stop):
            found.append(month.period_at(at))
            at = month.bounds(found[-1])[1]
    today, enough = now - now % _DAY, max(fewest, FEWEST_OF_MONTH)
    if copying.count(max(start, over), min(today, stop), limit=enough) >= enough:
        found += [str(month.local_day(at, "UTC")) for at in range(over, min(today, stop), _DAY)]
    return found


def _has_arrow() -> bool:
    return find_spec("pyarrow") is not None


def _seals(ledger: LedgerView, account: Account) -> Seals:
    from .seals import Seals

    return Seals(ledger, account)


def _parts(
    ledger: LedgerView,
    account: Account,
    since: int | None,
    until: int | None,
    periods: list[str],
    seals: Seals | None,
) -> Iterator[Any]:
    """What is sealed as tables, and what lies between and after as rows."""
    start = since
    if seals is not None:
        from .arrow import between
        from .seals import bounds_of

        tables = _tables(ledger, account, periods, seals)
        for period in sorted(tables):
            starts, ends = bounds_of(period)
            if start is None or start < starts:
                yield _read(ledger, account, start, starts)
            yield between(tables[period], since, until)
            start = ends
    if start is None or until is None or start < until:
        yield _read(ledger, account, start, until)


def _read(ledger: LedgerView, account: Account, since: int | None, until: int | None) -> Any:
    """What is not sealed: as a table where Arrow is there, else as rows."""
    blocks = ledger.copying(account).columns(since, until)
    if not _has_arrow():
        return [row for block in blocks for row in sorted(_rows(block), key=_SENT)]
    from .arrow import table

    return table(blocks)


def _rows(block: str) -> Iterator[tuple[Any, ...]]:
    return zip(*json.loads(block).values(), strict=True)


def _tables(ledger: LedgerView, account: Account, periods: list[str], seals: Seals) -> dict[str, Any]:
    """The tables of closed months and days, sealed now if they were not; fewer where they cannot be."""
    tables = seals.tables(periods)
    missing = [period for period in periods if period not in tables]
    if not missing:
        return tables
    from .seals import bounds_of

    calls = sum(ledger.copying(account).count(since, until) for since, until in map(bounds_of, missing))
    # Without room or rights the ledger serves as well, only slower; if it fails, reading it will tell.
    with Stopwatch("sealing the calls of closed months", calls) as line, suppress(OSError, LedgerError):
        seals.make(missing, line.advance)
    return tables | seals.tables(missing)


def _of_meter(part: Any, meter: Meter) -> Any:
    if isinstance(part, list):
        return [row for row in part if row[_METER] == meter]
    from .arrow import of_meter

    return of_meter(part, meter)


def _joined(parts: list[Any], releases: list[Callable[[], None]]) -> pandas.DataFrame:
    if all(isinstance(part, list) for part in parts):
        return frame([row for part in parts for row in part])
    from . import arrow

    def release() -> None:
        for each in releases:
            each()

    return arrow.frame(parts, release)
