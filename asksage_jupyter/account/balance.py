"""What is left on an account's two meters, as figures and text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .. import month
from ..display.dates import day
from ..month import rules_of
from .gauge import Level, limiting
from .records import Account, Meter


def unbilled_words(calls: int, tokens: int) -> str:
    """The calls without a bill, which may run or have been stopped; empty where there are none."""
    many = "call" if calls == 1 else "calls"
    return f"{calls:,} {many} without a bill yet: {tokens:,} tokens held" if calls else ""


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
        calls = "call" if self.open_by_others == 1 else "calls"
        others = f"{self.held_by_others:,} held by {self.open_by_others} open {calls} of others"
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
        level = limiting(self).level
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


@dataclass(frozen=True, slots=True)
class Balance:
    """Both meters of an account.

    Attributes
    ----------
    account : Account
    inference, training : MeterBalance
    unbooked : int
        Calls whose bill waits on this machine to be booked; the figures know them as held or presumed.
    """

    account: Account
    inference: MeterBalance
    training: MeterBalance
    unbooked: int = 0

    def of(self, meter: Meter) -> MeterBalance:
        """The figures of one meter."""
        return self.inference if meter is Meter.INFERENCE else self.training

    @property
    def title(self) -> str:
        """Whose tokens these are; the local demo is named as such."""
        if self.account.is_demo:
            return "Local demo (not Ask Sage tokens)"
        return f"{self.account.holder} at {self.account.host}"

    def resets_words(self, now: int | None = None) -> str:
        """When the next month's tokens come, in the account's zone; with `now`, in how many days.

        Parameters
        ----------
        now : int, optional
            Microseconds UTC; without it, nothing is said that grows old.
        """
        zone = self.account.zone
        reset = self.inference.resets_at.astimezone(rules_of(zone)).date()
        words = f"Resets {day(reset, year=True)}"
        days = 0 if now is None else (reset - month.local_day(now, zone)).days
        if days < 1:  # also for figures so old that the month they are of has ended
            return words
        return f"{words} · {'tomorrow' if days == 1 else f'{days} days left'}"

    @property
    def sources(self) -> str:
        """Where the figures come from; empty where there are none."""
        known = [meter for meter in (self.inference, self.training) if meter.granted is not None]
        if len({meter.source for meter in known}) == 1:
            return f"Figures from {known[0].source}"
        return " · ".join(f"{meter.meter.capitalize()} from {meter.source}" for meter in known)

    def changed_words(self, now: int | None = None) -> str:
        """When the figures last changed, with `now` how long ago; empty before first contact."""
        dated = [meter.as_of for meter in (self.inference, self.training) if meter.as_of]
        if not dated:
            return ""
        return f"Last change {month.moment(month.to_instant(max(dated)), self.account.zone, now)}"

    def __str__(self) -> str:
        lines = [self.title]
        for meter in (self.inference, self.training):
            lines.append(f"  {meter}")
            if meter.pool is not None:
                lines.append(f"    {meter.pool}")
        lines += [f"  {words}" for words in (self.resets_words(), self.footnote()) if words]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .card import balance

        return balance(self)

    def footnote(self) -> str:
        """How old the figures are, and what waits to be booked."""
        as_of = self.inference.as_of
        known = f"As of {month.moment(month.to_instant(as_of), self.account.zone)}" if as_of else ""
        calls = "call waits" if self.unbooked == 1 else "calls wait"
        waits = f"{self.unbooked:,} {calls} to be booked" if self.unbooked else ""
        return " · ".join(filter(None, (known, waits)))


def _left(remaining: int | None, granted: int | None, unit: str = "") -> str:
    """What is left of what was granted, or how much more was spent."""
    tokens = remaining or 0
    words = f"{-tokens:,} {unit} over {granted:,}" if tokens < 0 else f"{tokens:,} of {granted:,} {unit} left"
    return " ".join(words.split())
