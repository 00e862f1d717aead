"""Months that are over, beside the service's log: it tells each of their bills, and when it was written.

What came after a month's last comparison, or was billed on the other side of midnight, is booked in the month
of its row. The counter of a month that is over cannot be asked any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import month
from ..account import Meter
from ..errors import LedgerError, LedgerUnusable
from .comparing import EDGE
from .counters import book
from .log import total
from .report import Compared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .log import Log
    from .parties import Parties

_REST = 600_000_000  # by then the last rows of a month are written
_AGAIN = 3_600_000_000  # a row may be written hours after its call
_ZONES_APART = 1_800_000_000
_MONTHS = 12  # nobody's log tells more
_SOURCE = "the service's prompt log"


def close_months(parties: Parties, log: Log, is_whole: bool) -> Iterator[Compared]:
    """Compare the months that are over on both meters, and book there what their rows say.

    Parameters
    ----------
    is_whole : bool
        Whether the log tells all that the counters count: only then what it lacks was not billed.
    """
    for period in _over(parties):
        for meter in Meter:
            if found := _closed(parties, log, meter, period, is_whole):
                yield found


def _over(parties: Parties) -> Iterator[str]:
    """The months that are over and are looked back at, the last one first."""
    zone, now = parties.account.zone, parties.clock()
    ends, _ = month.bounds(month.period_at(now, zone), zone)
    for _ in range(_MONTHS):
        if now >= ends + parties.look_back_s * 1_000_000:
            break
        period = month.period_at(ends - 1, zone)
        if now >= ends + _REST:
            yield period
        ends, _ = month.bounds(period, zone)


def is_whole(parties: Parties, log: Log) -> bool:
    """Whether the log's rows of this month sum to the counters, on both meters.

    Without a row in this month that says nothing of rows that come late, until it is a day old. The counters'
    month may begin by the midnight of another zone.
    """
    zone, now = parties.account.zone, parties.clock()
    starts, _ = month.bounds(month.period_at(now, zone), zone)
    rows = log.since(starts - EDGE)
    if not log.is_told or not log.reaches(starts - EDGE):
        return False
    counted = [parties.service.used(meter) for meter in Meter]
    if not any(counted) and now < starts + EDGE:
        return False
    near = [row for row in rows if row.sent_at < starts + EDGE]
    later = {meter: total(rows, meter, starts + EDGE) for meter in Meter}
    return any(
        [later[meter] + total(near, meter, since) for meter in Meter] == counted
        for since in range(starts - EDGE, starts + EDGE + 1, _ZONES_APART)
    )


def _closed(parties: Parties, log: Log, meter: Meter, period: str, is_whole: bool) -> Compared | None:
    ledger, account = parties.ledger, parties.account
    figures = ledger.month(account, meter, period)
    used, at = parties.agreed.get((meter, period), (None, 0))
    is_known = used == figures.used and parties.clock() < at + _AGAIN
    if not (figures.granted or figures.used) or figures.held or is_known:  # nobody was here, or is done
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
        parties.agreed[meter, period] = figures.used + tokens, parties.clock()
    return Compared(meter, period, logged, figures.used, 0, tokens, _SOURCE, why) if tokens or why else None
