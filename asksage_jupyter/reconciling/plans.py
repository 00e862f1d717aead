"""A limit that the service changed becomes the plan by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..account import Meter
from ..session.contact import standing
from .comparing import LAG
from .report import PlanChange

if TYPE_CHECKING:
    from ..service import Limits
    from .parties import Parties


def follow_plan(parties: Parties, meter: Meter, limits: Limits) -> PlanChange | None:
    """Make the limit that the service tells the plan from this month on.

    A limit may be the sum of two counters that lag apart, so a changed one is asked for twice, and followed
    only when it stays the same. Top-ups that the ledger knows are not part of it. A pool's member has no plan
    of their own: the pool's owner sets their cap.
    """
    if parties.ledger.pool_of(parties.account, meter) is not None:
        return None
    before = parties.ledger.month(parties.account, meter).granted
    told = _told(parties, meter, limits)
    if told is None or told[0] == before:
        return None
    parties.sleep(LAG / 1_000_000)
    if _told(parties, meter, limits) != told:
        return None
    monthly, source = told
    parties.ledger.set_plan(parties.account, meter, monthly, source=source)
    return PlanChange(meter, before, monthly, source)


def _told(parties: Parties, meter: Meter, limits: Limits) -> tuple[int, str] | None:
    told = standing(meter, limits, parties.service)
    if told.allotment is None or not told.is_limit:
        return None
    figures = parties.ledger.month(parties.account, meter)
    bought = figures.brought + figures.topped_up if told.counts_top_ups else 0
    return max(0, told.allotment - bought), told.source
