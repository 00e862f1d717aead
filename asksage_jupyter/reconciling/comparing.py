"""The service's counter beside the ledger: what of a difference is certain."""

from __future__ import annotations

from dataclasses import dataclass

LAG = 3_000_000  # the counters settle within about two seconds
EDGE = 86_400_000_000  # the service's month may begin by another zone's midnight


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that bears on a difference.

    Attributes
    ----------
    counter : int
        Tokens used this month by the service's count, all devices.
    used : int
        By the ledger: settled, presumed and corrected.
    unknown : int
        The most that calls without a known bill can have cost beyond what `used` holds of them.
    has_open : bool
        Whether a call is held and may be settled at any moment.
    is_quiet : bool
        Whether the ledger was still for longer than the counters lag.
    is_edge : bool
        Whether the month begins or ends within a day.
    has_fallen : bool
        Whether the counter is known to be this month's, not still the last one's.
    """

    counter: int
    used: int
    unknown: int
    has_open: bool
    is_quiet: bool
    is_edge: bool
    has_fallen: bool

    @property
    def may_lag(self) -> bool:
        """Whether the counter may show less only because it lags; it is worth waiting for."""
        return self.counter < self.used and not self.is_quiet and not self.has_open


def difference(evidence: Evidence) -> tuple[int, str]:
    """What is to be booked for other devices, and why any rest is not.

    Above the ledger, a counter shows other devices' use only beyond all that calls without a bill can have
    cost: those calls will book it themselves. A counter that lags shows too little, never too much. Below
    the ledger, it shows tokens to give back only when nothing can be on its way: no open call, no entry
    of the last seconds, and no month's edge, where the service may be in the other month.
    """
    surplus = evidence.counter - evidence.used
    if not evidence.has_fallen:
        return 0, "the counter is still last month's; compare again when it has fallen"
    if surplus >= 0:
        certain = max(0, surplus - evidence.unknown)
        rest = surplus - certain
        return certain, f"{rest:,} more may be calls whose bill is not known yet" if rest else ""
    less = f"the counter is {-surplus:,} lower"
    if evidence.has_open:
        return 0, f"{less}; calls are still open"
    if not evidence.is_quiet:
        return 0, f"{less}; it lags a few seconds behind, compare again"
    if evidence.is_edge:
        return 0, f"{less}; within a day of the month's edge it may be the other month's"
    return surplus, ""
