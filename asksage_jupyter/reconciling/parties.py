"""Who is compared with whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ..account import Account, Meter

if TYPE_CHECKING:
    from ..ledger import Ledger, Unsettled
    from ..service import FreeService
    from ..session import Session
    from ..session.holding.settling import Settling


# By meter and month that is over: what it came to when it agreed with the log, and when (microseconds UTC).
Agreed = dict[tuple[Meter, str], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Parties:
    """The two witnesses of an account, and the time.

    Attributes
    ----------
    clock : callable
        Microseconds UTC.
    sleep : callable
        Seconds; used only to let the service's counters settle before a difference is believed.
    running_s : float
        Seconds for which an open call counts as still running, of which nobody knows better.
    look_back_s : float
        How old a call may be whose bill is still looked for.
    settling : Settling
        Knows the session's own calls: those under way, and those that are over.
    agreed : Agreed
        Kept by whoever compares often, so as not to read the log of a month that is over each time.
    """

    account: Account
    ledger: Ledger
    service: FreeService
    clock: Callable[[], int]
    sleep: Callable[[float], object]
    running_s: float
    look_back_s: float
    settling: Settling
    agreed: Agreed = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        session: Session,
        sleep: Callable[[float], object],
        look_back_s: float,
        running_s: float | None = None,
        agreed: Agreed | None = None,
    ) -> Self:
        """Those of a session; a call may run until it is presumed, where nothing else is told."""
        return cls(
            account=session.account,
            ledger=session.ledger,
            service=session.service,
            clock=session.clock,
            sleep=sleep,
            running_s=session.settings.presume_after_s if running_s is None else running_s,
            look_back_s=look_back_s,
            settling=session.settling,
            agreed={} if agreed is None else agreed,
        )

    def unsettled(self) -> list[tuple[Meter, Unsettled]]:
        """The calls without a known bill, on both meters."""
        return [(meter, call) for meter in Meter for call in self.ledger.unsettled(self.account, meter)]

    def may_run(self, call: Unsettled) -> bool:
        """Whether the call may be under way: then it settles itself."""
        if call.op in self.settling.in_flight:
            return True
        is_known = call.presumed or self.settling.has_left_open(call.op)
        return not is_known and self._age_s(call) < self.running_s

    def is_old(self, call: Unsettled) -> bool:
        """Whether its bill is looked for no more."""
        return self._age_s(call) > self.look_back_s

    def _age_s(self, call: Unsettled) -> float:
        return (self.clock() - call.sent_at) / 1_000_000
