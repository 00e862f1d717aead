"""Who is compared with whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..account import Account, Meter

if TYPE_CHECKING:
    from ..ledger import Ledger, Unsettled
    from ..service import Service


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
        Seconds for which an open call counts as still running.
    look_back_s : float
        How old a call may be whose bill is still looked for.
    """

    account: Account
    ledger: Ledger
    service: Service
    clock: Callable[[], int]
    sleep: Callable[[float], object]
    running_s: float
    look_back_s: float

    def unsettled(self) -> list[tuple[Meter, Unsettled]]:
        """The calls without a known bill, on both meters."""
        return [(meter, call) for meter in Meter for call in self.ledger.unsettled(self.account, meter)]

    def may_run(self, call: Unsettled) -> bool:
        """Whether the call may be under way: then it settles itself."""
        return not call.presumed and self._age_s(call) < self.running_s

    def is_old(self, call: Unsettled) -> bool:
        """Whether its bill is looked for no more."""
        return self._age_s(call) > self.look_back_s

    def _age_s(self, call: Unsettled) -> float:
        return (self.clock() - call.sent_at) / 1_000_000
