"""Months that are over, beside the service's log: it tells each of their bills, and when it was written.

What came after a month's last comparison, or was billed on the other side of midnight, is booked in the month
of its row. The counter of a month that is over cannot be asked any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import month
from ..account import Account, Meter
from ..errors import LedgerError, LedgerUnusable
from .comparing import EDGE
from .counters import book
from .report import Compared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .log import Log
    from .parties import Parties

_REST = 600_000_000  # by then the last rows of a month are written
_MONTHS = 12  # nobody's log tells more
_SOURCE = "the service's prompt log"

# What a month came to when it agreed: it is looked at again only when that has changed.
_agreed: dict[tuple[str, Account, Meter, str], int] = {}


def close_months(parties: Parties, log: Log, is_whole: bool) -> Iterator[Compared]:
    """Compare the last month that is over on both meters, and book there what its rows say.

    Parameters
    ----------
    is_whole : bool
        Whether the log tells all that the counters count: only then what it lacks was not billed.
    """
    for meter in Meter:
        period = _last_over(parties, meter)
        if period is not None and (found := _closed(parties, log, meter, period, is_whole)):
            yield found


def _last_over(parties: Parties, meter: Meter) -> str | None:
    """The last month that is over, of those that were begun here and are looked back at.

    It is not the one before this, where nobody was here all through that.
    """
    zone, now = parties.account.zone, parties.clock()
    ends, _ = month.bounds(month.period_at(now, zone), zone)
    for _ in range(_MONTHS):
        if not ends + _REST <= now < ends + parties.look_back_s * 1_000_000:
            break
        period = month.period_at(ends - 1, zone)
        if parties.ledger.month(parties.account, meter, period).granted:
            return period
        ends, _ = month.bounds(period, zone)
    return None


def is_whole(parties: Parties, log: Log) -> bool:
    """Whether the log's rows of this month sum to the counters, on both meters.

    Without a row in this month that says nothing of rows that come late, until it is a day old.
    """
    zone, now = parties.account.zone, parties.clock()
    starts, _ = month.bounds(month.period_at(now, zone), zone)
    sums = {meter: log.total(meter, starts) for meter in Meter}
    if None in sums.values() or not (any(sums.values()) or now >= starts + EDGE):
        return False
    return all(parties.service.used(meter) == total for meter, total in sums.items())


def _closed(parties: Parties, log: Log, meter: Meter, period: str, is_whole: bool) -> Compared | None:
    ledger, account = parties.ledger, parties.account
    figures = ledger.month(account, meter, period)
    known = ledger.title, account, meter, period
    if figures.held or _agreed.get(known) == figures.used:
        return None
    starts, ends = month.bounds(period, account.zone)
    logged = log.total(meter, starts, ends)
    if logged is None or (logged < figures.used and not is_whole):  # the log may lack a bill
        return None
    tokens, why = logged - figures.used, ""
    try:
        if tokens and not book(ledger, account, meter, tokens, period, figures.corrected, is_over=True):
            return None
    except LedgerUnusable:
        raise
    except LedgerError as error:  # more than they used of their pool, whose other tokens are not theirs
        tokens, why = 0, str(error).rstrip(".")
    if is_whole:
        _agreed[known] = figures.used + tokens
    return Compared(meter, period, logged, figures.used, 0, tokens, _SOURCE, why) if tokens or why else None
