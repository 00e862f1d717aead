"""A limit that the service changed becomes the plan by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..session.holder.contact import changed_limit, standing
from .comparing import LAG
from .report import PlanChange

if TYPE_CHECKING:
    from ..account import Meter
    from ..service import Limits
    from .parties import Parties


def follow_plan(parties: Parties, meter: Meter, limits: Limits) -> PlanChange | None:
    """Make the limit that the service tells the plan from this month on.

    A changed one is asked for twice, and followed only when it stays the same.
    """
    account, ledger, service = parties.account, parties.ledger, parties.service
    told = standing(meter, limits, service)
    change = changed_limit(account, ledger, meter, told)
    if change is None:
        return None
    parties.sleep(LAG / 1_000_000)
    if changed_limit(account, ledger, meter, standing(meter, service.limits(), service)) != change:
        return None
    before, monthly = change
    ledger.set_plan(account, meter, monthly, source=told.source)
    return PlanChange(meter, before, monthly, told.source)
