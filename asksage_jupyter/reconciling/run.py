"""One reconciliation: bills from the log first, then plans, then what the counters show beyond both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import month
from ..account import Meter
from ..session.holder.contact import make_contact
from ..session.holder.whose import check_holder
from ..session.waiting import patiently
from .bills import settle_from_log, still_open, void_unbilled
from .closing import close_months, is_whole
from .counters import compare
from .log import Log
from .plans import follow_plan
from .report import Reconciled

if TYPE_CHECKING:
    from .parties import Parties


def run(parties: Parties) -> Reconciled:
    """Compare, book, and tell.

    Raises
    ------
    Refused, LedgerError
        What was booked before stays; the next run goes on from there.
    """
    asked_at = parties.clock()
    limits = patiently(parties.service.host, parties.service.limits)
    check_holder(parties.account, limits.email)
    if not all(parties.ledger.knows_month(parties.account, meter) for meter in Meter):
        make_contact(parties.account, parties.ledger, parties.service)
    log = Log(parties.service)
    matches, settled = settle_from_log(parties, log)
    parties.ledger.presume()
    whole = _is_whole(parties, log)
    settled += void_unbilled(parties, log, matches) if whole else []
    plans = [change for meter in Meter if (change := follow_plan(parties, meter, limits))]
    meters = [compare(parties, meter, limits, matches, log) for meter in Meter]
    parties.settling.ceiling.heard(parties.service.left(), parties.ledger.balance(parties.account).inference)
    return Reconciled(
        account=parties.account,
        meters=tuple(meters),
        settled=tuple(settled),
        plans=tuple(plans),
        still_open=tuple(still_open(parties, log, matches)),
        as_of=asked_at,
        closed=tuple(close_months(parties, log, whole)),
    )


def _is_whole(parties: Parties, log: Log) -> bool:
    """Whether the log lacks nothing, where that matters: the log is not read for nothing."""
    zone, now = parties.account.zone, parties.clock()
    starts, _ = month.bounds(month.period_at(now, zone), zone)
    is_young = now < starts + parties.look_back_s * 1_000_000
    is_presumed = any(call.presumed and not parties.is_old(call) for _, call in parties.unsettled())
    return (is_young or is_presumed) and is_whole(parties, log)
