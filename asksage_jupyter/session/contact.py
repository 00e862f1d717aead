"""First contact with an account: its limits and counters, so that the first balance is already true."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..account import Account, Meter

if TYPE_CHECKING:
    from ..ledger import Ledger
    from ..service import Limits, Service


class Standing(NamedTuple):
    """A meter as the service tells it: this month's allotment, what is used of it, and how that is known."""

    allotment: int
    used: int
    source: str


def make_contact(account: Account, ledger: Ledger, service: Service) -> None:
    """Open this month's grants from the service's own figures, for the meters that have none yet.

    A meter whose limit no route tells stays as it is: the person's `set_plan` is then the only source.
    Concurrent kernels converge: the ledger opens each month once.
    """
    limits = service.limits()
    for meter, standing in (
        (Meter.INFERENCE, _inference(limits, service.used(Meter.INFERENCE), service.left())),
        (Meter.TRAINING, _training(limits, service.used(Meter.TRAINING))),
    ):
        if standing is not None:
            ledger.open_month(account, meter, standing.allotment, used=standing.used, source=standing.source)


def _inference(limits: Limits | None, used: int | None, left: int | None) -> Standing | None:
    """The best the tenant's routes give; what is left is the word that refuses calls."""
    limit = limits.inference if limits else None
    if left is not None and used is not None:
        return Standing(left + used, used, "the service's tokens left + monthly counter")
    if left is not None and limit is not None:
        return Standing(limit, max(0, limit - left), "the service's account limit + tokens left")
    if left is not None:
        return Standing(left, 0, "the service's tokens left (the month's use is not told)")
    if limit is not None and used is not None:
        return Standing(limit, used, "the service's account limit + monthly counter")
    if limit is not None:
        return Standing(limit, 0, "the service's account limit (use elsewhere is not told)")
    return None


def _training(limits: Limits | None, used: int | None) -> Standing | None:
    if limits is None or limits.training is None:
        return None
    if used is None:
        return Standing(limits.training, 0, "the service's account limit (use elsewhere is not told)")
    return Standing(limits.training, used, "the service's account limit + monthly counter")
