"""One meter's figures, and the pool that its calls must fit too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..display.plain import many
from .level import Level
from .records import Meter


@dataclass(frozen=True, slots=True)
class Pool:
    """What a pool has on one meter, as one of its members sees it, in Ask Sage tokens.

    Attributes
    ----------
    name : str
    granted : int or None
        This month's, top-ups included; None when nobody told it.
    used, held : int
        By all members.
    held_by_others : int
        The part of `held` that other members' calls hold.
    open_by_others : int
        How many calls of others that are.
    is_capped : bool
        Whether this member has a cap of their own within the pool.
    """

    name: str
    granted: int | None
    used: int
    held: int
    held_by_others: int
    open_by_others: int
    is_capped: bool

    @property
    def remaining(self) -> int | None:
        """``granted - used - held``; below zero is overage; None while `granted` is unknown."""
        return None if self.granted is None else self.granted - self.used - self.held

    @property
    def held_words(self) -> str:
        """Who holds what of it, told apart from what is spent; empty where nothing is held."""
        own = self.held - self.held_by_others
        others = f"{self.held_by_others:,} held by {many(self.open_by_others, 'open call')} of others"
        return ", ".join([f"{own:,} held by you"] * (own > 0) + [others] * (self.open_by_others > 0))

    def __str__(self) -> str:
        if self.granted is None:
            return f"pool {self.name}: not known, {self.used:,} used"
        held = f", {self.held_words}" if self.held_words else ""
        return f"pool {self.name}: {_left(self.remaining, self.granted)} ({self.used:,} used{held})"


@dataclass(frozen=True, slots=True)
class MeterBalance:
    """One meter's figures, in Ask Sage tokens.

    Attributes
    ----------
    meter : Meter
    granted : int or None
        This month's allotment and top-ups; None when neither the service nor the person told it. For a
        pool's member their cap; without a cap, what they spent and hold and all that the pool has left.
    used, held : int
        Settled or presumed; and set aside for calls under way.
    source : str
        Where `granted` and what was used elsewhere come from.
    as_of : datetime or None
        When the figures last changed (UTC); None before first contact.
    resets_at : datetime
        When the next month's allotment begins (UTC).
    pool : Pool or None
        The pool that a call must fit too, of a pool's member.
    bound : int or None
        What the account's organisation, or an envelope, leaves besides the account's own.
    bounded_by : str
        Which of them it is.
    """

    meter: Meter
    granted: int | None
    used: int
    held: int
    source: str
    as_of: datetime | None
    resets_at: datetime
    pool: Pool | None = None
    bound: int | None = None
    bounded_by: str = "your organisation's pool"

    @property
    def remaining(self) -> int | None:
        """``granted - used - held``; below zero is overage; None while `granted` is unknown."""
        return None if self.granted is None else self.granted - self.used - self.held

    @property
    def spendable(self) -> int | None:
        """What a call may cost: `remaining`, but no more than a pool, organisation or envelope has left."""
        if self.bound is not None and self.remaining is not None:
            return min(self.remaining, self.bound)
        if self.pool is None or self.pool.remaining is None or self.remaining is None:
            return self.remaining
        return min(self.remaining, self.pool.remaining)

    def left_words(self, unit: str = "") -> str:
        """What is left, where `granted` is known, of cap or pool, whichever is less; and if it is low."""
        words = f"{unit} left".lstrip()
        left = _left(self.remaining, self.granted, unit)
        if self.pool is not None and self.is_pool_short:
            left = f"{self.spendable:,} {words} in the pool {self.pool.name}"
        if self.bound is not None and self.bound_words:
            return f"{left}; {self.bounded_by} leaves {self.bound:,}"
        limit = self.pool if self.pool is not None and self.is_pool_short else self
        level = Level.of(limit.granted, limit.remaining)
        return f"{left}, {level.words}" if level in (Level.LOW, Level.VERY_LOW) else left

    @property
    def short(self) -> str:
        """What gives out first, of a pool's member: the name in a refusal; else empty."""
        if self.pool is None:
            return ""
        return f"the pool {self.pool.name}" if self.is_pool_short else "your cap"

    @property
    def is_pool_short(self) -> bool:
        """Whether a pool gives out before this member's own tokens."""
        return self.pool is not None and (self.is_uncapped or self.spendable != self.remaining)

    @property
    def is_uncapped(self) -> bool:
        """Whether only a pool's limit counts."""
        return self.pool is not None and not self.pool.is_capped

    @property
    def overage(self) -> int:
        """Tokens spent or held above what was granted, 0 or more."""
        return max(0, -(self.remaining or 0))

    def __str__(self) -> str:
        if self.granted is None:
            return f"{self.meter}: not known, {self.used:,} used here ({self.source})"
        held = f", {self.held:,} held" if self.held else ""
        if self.is_uncapped:
            return f"{self.meter}: {self.used:,} used{held}, without a cap of your own"
        own = f"{self.meter}: {_left(self.remaining, self.granted)} ({self.used:,} used{held})"
        return "; ".join(filter(None, (own, self.bound_words)))

    @property
    def bound_words(self) -> str:
        """What an organisation or envelope leaves, where that is less than the account's own; else empty."""
        if self.bound is None or self.remaining is None or self.bound >= self.remaining:
            return ""
        return f"{self.bounded_by} leaves {self.bound:,}, below your own {self.remaining:,}"


def _left(remaining: int | None, granted: int | None, unit: str = "") -> str:
    """What is left of what was granted, or how much more was spent."""
    tokens = remaining or 0
    words = f"{-tokens:,} {unit} over {granted:,}" if tokens < 0 else f"{tokens:,} of {granted:,} {unit} left"
    return " ".join(words.split())
