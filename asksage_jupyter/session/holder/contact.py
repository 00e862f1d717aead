"""What the service tells of an account, limits and counters: at first contact, and when they are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...account import Account, Meter
from .whose import check_holder

if TYPE_CHECKING:
    from ...ledger import Ledger
    from ...service import FreeService, Limits


class Standing(NamedTuple):
    """A meter as the service tells it.

    Attributes
    ----------
    allotment : int or None
        This month's tokens; None where no route tells them.
    used : int or None
        What is used of them, on every device; None where no route tells it.
    source : str
        How that is known.
    is_limit : bool
        Whether `allotment` is the account's own limit. What the service tells as left is none: it is also
        bounded by what the account's organisation has left.
    left : int or None
        What the service says is left, of the account's own and in its organisation's pool, whichever is
        less; None where it does not tell.
    """

    allotment: int | None
    used: int | None
    source: str
    is_limit: bool = True
    left: int | None = None


def make_contact(account: Account, ledger: Ledger, service: FreeService) -> int | None:
    """Open this month's grants from the service's own figures, for the meters that have none yet.

    A meter whose limit no route tells stays as it is: the person's `set_plan` is then the only source.
    Concurrent kernels converge: the ledger opens each month once. Returns the inference tokens that the
    service says are left.
    """
    left = None
    limits = service.limits()
    check_holder(account, limits.email)
    for meter in Meter:
        told = standing(meter, limits, service)
        if told.allotment is not None:
            ledger.open_month(account, meter, told.allotment, used=told.used or 0, source=told.source)
        left = told.left if meter is Meter.INFERENCE else left
    return left


def changed_limit(account: Account, ledger: Ledger, meter: Meter, told: Standing) -> tuple[int, int] | None:
    """The plan, and the other one that the account's limit at the service makes of it; None without one.

    Whether a limit holds what was bought besides is not known: what top-ups explain, those too that are over
    by now, is no change. A pool's member has no plan of their own: the pool's owner sets their cap.
    """
    if told.allotment is None or not told.is_limit or ledger.pool_of(account, meter) is not None:
        return None
    figures = ledger.month(account, meter)
    before, given = figures.granted, ledger.balance(account).of(meter).granted or 0
    lasting, bought = max(0, given - before), figures.brought + figures.topped_up
    if told.allotment in (before, before + lasting, before + bought):
        return None
    return before, max(0, told.allotment - lasting)


def standing(meter: Meter, limits: Limits, service: FreeService) -> Standing:
    """Ask for the meter's counters now, and make the best of them and of the account's limits.

    Raises
    ------
    BadKey, Unavailable
        Nothing was billed; a route that the tenant lacks is no error.
    """
    used = service.used(meter)
    if meter is Meter.INFERENCE:
        return _inference(limits.inference, used, service.left())
    return _limited(limits.training, used)


def _inference(limit: int | None, used: int | None, left: int | None) -> Standing:
    """The best the tenant's routes give: the account's own limit, and only without one what is left."""
    if left is None:
        return _limited(limit, used)
    if limit is not None and used is not None:
        return _limited(limit, used)._replace(left=left)
    if limit is not None:
        source = "the service's account limit + tokens left"
        return Standing(limit, max(0, limit - left), source, left=left)
    if used is not None:
        source = "the service's tokens left + monthly counter"
        return Standing(max(0, left + used), used, source, is_limit=False, left=left)
    source = "the service's tokens left (the month's use is not told)"
    return Standing(max(0, left), None, source, is_limit=False, left=left)


def _limited(limit: int | None, used: int | None) -> Standing:
    if limit is None:
        return Standing(None, used, "the service's monthly counter")
    if used is None:
        return Standing(limit, None, "the service's account limit (use elsewhere is not told)")
    return Standing(limit, used, "the service's account limit + monthly counter")
