"""What an account's organisation leaves it: a second bound, where it is below the account's own limit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..account import Meter
from ..errors import NotEnoughTokens

if TYPE_CHECKING:
    from datetime import datetime

    from ..account import Balance, Call, MeterBalance

_WHOSE = "your organisation's pool"


class Ceiling:
    """Inference tokens that may be used in all this month, as the service's tokens left last told it.

    It is no plan, and no ledger keeps it: others spend from the same pool, so it is true only for a while.
    """

    def __init__(self) -> None:
        self._total: int | None = None
        self._until: datetime | None = None

    def heard(self, left: int | None, inference: MeterBalance) -> None:
        """Take note of what the service says is left, beside what the ledger has."""
        total = None if left is None else max(0, left) + inference.used
        binds = total is not None and inference.granted is not None and total < inference.granted
        self._total, self._until = (total, inference.resets_at) if binds else (None, None)

    @property
    def is_near(self) -> bool:
        """Whether there is a bound at all."""
        return self._total is not None

    def under(self, balance: Balance) -> Balance:
        """The balance with the bound on it."""
        inference = balance.inference
        if self._total is None or inference.resets_at != self._until:
            return balance
        bound = self._total - inference.used - inference.held
        return replace(balance, inference=replace(inference, bound=bound))

    def refuse(self, call: Call, balance: Balance) -> None:
        """Refuse a call that the bound does not reach for.

        Raises
        ------
        NotEnoughTokens
        """
        inference = self.under(balance).inference
        if call.meter is Meter.INFERENCE and inference.bound is not None and call.estimate > inference.bound:
            resets_at = inference.resets_at
            raise NotEnoughTokens(call.meter.value, call.estimate, inference.bound, resets_at, short=_WHOSE)
