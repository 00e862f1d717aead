"""Book what is certainly other devices' use, once, however many kernels compare at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import month
from ..account import Account, Meter
from ..errors import LedgerConflict
from ..session.holder.contact import Standing, standing
from .bills import possible
from .comparing import EDGE, LAG, Evidence, difference
from .report import Compared

if TYPE_CHECKING:
    from ..ledger import Ledger, Unsettled
    from ..service import Limits
    from .log import Log
    from .matching import Matches
    from .parties import Parties

_LOOKS = 4


class _Seen(NamedTuple):
    """What the ledger shows of a meter: it must stand still while the service is asked."""

    period: str
    used: int
    held: int
    corrections: int  # how many entries
    calls: list[Unsettled]


def compare(parties: Parties, meter: Meter, limits: Limits, matches: Matches, log: Log) -> Compared:
    """Look at both witnesses until they stand still, and book the difference that is certain."""
    has_waited = False
    told, why = Standing(None, None, ""), ""
    for _ in range(_LOOKS):
        before = _look(parties, meter)
        told = standing(meter, limits, parties.service)
        seen = _look(parties, meter)
        why = "calls were booked meanwhile; compare again"
        if seen != before:
            continue
        if told.used is None:
            return _compared(meter, seen, told, 0, "the service tells no counter")
        if meter is Meter.TRAINING and told.used == 0 < seen.used:
            # By the vendor's specification this counter also says 0 where it has none to tell.
            return _compared(meter, seen, told, 0, "a training counter of 0 may be one that is not told")
        if not parties.ledger.knows_month(parties.account, meter):
            return _compared(meter, seen, told, 0, f"tell the plan: asksage_jupyter.set_plan({meter}=...)")
        evidence = _evidence(parties, meter, told.used, seen, matches, log)
        tokens, why = difference(evidence)
        if evidence.may_lag and not has_waited:
            has_waited = True
            parties.sleep(LAG / 1_000_000 + 0.1)
        elif not tokens or book(
            parties.ledger, parties.account, meter, tokens, seen.period, seen.corrections
        ):
            return _compared(meter, seen, told, tokens, why)
    return _compared(meter, seen, told, 0, why)


def book(
    ledger: Ledger,
    account: Account,
    meter: Meter,
    tokens: int,
    period: str,
    number: int,
    *,
    is_over: bool = False,
) -> bool:
    """Book the difference, unless another correction came first; returns whether it is booked.

    The op is made of how many corrections the month has: two kernels that saw the same state write the same
    op, and the ledger takes it once, though calls settle meanwhile. Whoever comes second must look again.

    Parameters
    ----------
    number : int
        Of the month's corrections that `tokens` was reckoned with.
    is_over : bool
        Whether the month is: then it is booked in it all the same.
    """
    op = f"other-devices:{account.host}:{account.holder}:{meter}:{period}:{number}"
    if ledger.month(account, meter, period).corrected != number:
        return False
    try:
        ledger.correct(account, meter, tokens, op=op, period=period if is_over else None)
    except LedgerConflict:
        return False
    return True


def _look(parties: Parties, meter: Meter) -> _Seen:
    figures = parties.ledger.month(parties.account, meter)
    calls = parties.ledger.unsettled(parties.account, meter)
    return _Seen(figures.period, figures.used, figures.held, figures.corrected, calls)


def _evidence(
    parties: Parties, meter: Meter, counter: int, seen: _Seen, matches: Matches, log: Log
) -> Evidence:
    starts, ends = month.bounds(seen.period, parties.account.zone)
    now = parties.clock()
    # A call that was held last month and is still open may be billed in this one.
    calls = [call for call in seen.calls if call.period == seen.period or not call.presumed]
    return Evidence(
        counter=counter,
        used=seen.used,
        unknown=sum(possible(parties, call, matches) for call in calls),
        has_open=any(not call.presumed for call in calls),
        is_quiet=_is_quiet(parties, meter),
        is_edge=now < starts + EDGE or now >= ends - EDGE,
        has_fallen=now >= starts + EDGE or _has_fallen(parties, meter, counter, starts, log),
    )


def _has_fallen(parties: Parties, meter: Meter, counter: int, starts: int, log: Log) -> bool:
    """Whether the counter of a month's first day is the new month's.

    It is when it shows less than half of what the ledger knows of last month, or no more than the log's
    rows of the new one sum to. A ledger that knows nothing of last month has nothing to mistake it for.
    """
    last = month.period_at(starts - 1, parties.account.zone)
    before = parties.ledger.used_in(parties.account, meter, last)
    if before <= 0 or 2 * counter < before:
        return True
    logged = log.total(meter, starts)
    return logged is not None and counter <= logged


def _is_quiet(parties: Parties, meter: Meter) -> bool:
    """Whether the ledger was still for longer than the service's counters lag."""
    changed = parties.ledger.balance(parties.account).of(meter).as_of
    return changed is None or parties.clock() - month.to_instant(changed) > LAG


def _compared(meter: Meter, seen: _Seen, told: Standing, tokens: int, why: str) -> Compared:
    return Compared(meter, seen.period, told.used, seen.used, seen.held, tokens, told.source, why)
