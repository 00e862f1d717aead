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

    A changed one is asked for twice, and followed only when it stays the same. Whether a limit holds what was
    bought besides is not known: what top-ups of the ledger explain is no change. A pool's member has no plan
    of their own: the pool's owner sets their cap.
    """
    if parties.ledger.pool_of(parties.account, meter) is not None:
        return None
    figures = parties.ledger.month(parties.account, meter)
    before, given = figures.granted, parties.ledger.balance(parties.account).of(meter).granted or 0
    lasting, bought = max(0, given - before), figures.brought + figures.topped_up
    told = standing(meter, limits, parties.service)
    if told.allotment in (None, before, before + lasting, before + bought) or not told.is_limit:
        return None
    parties.sleep(LAG / 1_000_000)
    again = standing(meter, parties.service.limits(), parties.service)
    if told.allotment is None or again.allotment != told.allotment:
        return None
    monthly, source = max(0, told.allotment - lasting), told.source
    parties.ledger.set_plan(parties.account, meter, monthly, source=source)
    return PlanChange(meter, before, monthly, source)
