"""What is left on an account's two meters, as figures, text and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape

from ..month import rules_of
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
        return f"pool {self.name}: {self.remaining:,} of {self.granted:,} left ({self.used:,} used{held})"


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
        What the account's organisation leaves at the service, where that is below the account's own.
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

    @property
    def remaining(self) -> int | None:
        """``granted - used - held``; below zero is overage; None while `granted` is unknown."""
        return None if self.granted is None else self.granted - self.used - self.held

    @property
    def spendable(self) -> int | None:
        """What a call may cost: `remaining`, but no more than the pool, or the organisation, has left."""
        if self.bound is not None and self.remaining is not None:
            return min(self.remaining, self.bound)
        if self.pool is None or self.pool.remaining is None or self.remaining is None:
            return self.remaining
        return min(self.remaining, self.pool.remaining)

    def left_words(self, unit: str = "") -> str:
        """What is left, where `granted` is known: of the cap or in the pool, whichever is less."""
        words = f"{unit} left".lstrip()
        if self.pool is not None and self._is_pool_short:
            return f"{self.spendable:,} {words} in the pool {self.pool.name}"
        return f"{self.remaining:,} of {self.granted:,} {words}"

    @property
    def short(self) -> str:
        """What gives out first, of a pool's member: the name in a refusal; else empty."""
        if self.pool is None:
            return ""
        return f"the pool {self.pool.name}" if self._is_pool_short else "your cap"

    @property
    def _is_pool_short(self) -> bool:
        return self.is_uncapped or self.spendable != self.remaining

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
        over = f", {self.overage:,} over" if self.overage else ""
        own = f"{self.meter}: {self.remaining:,} of {self.granted:,} left ({self.used:,} used{held}{over})"
        if self.bound is None or self.remaining is None or self.bound >= self.remaining:
            return own
        return f"{own}; your organisation's pool leaves {self.bound:,}, below your own {self.remaining:,}"


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

    def __str__(self) -> str:
        lines = [self.title]
        for meter in (self.inference, self.training):
            lines.append(f"  {meter}")
            if meter.pool is not None:
                lines.append(f"    {meter.pool}")
        return "\n".join([*lines, f"  {self._footnote()}"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(_row(m) for m in (self.inference, self.training))
        return (
            f'<div style="max-width:34em"><div style="font-weight:600">{escape(self.title)}</div>{rows}'
            f'<div style="opacity:.7;font-size:smaller">{escape(self._footnote())}</div></div>'
        )

    def _footnote(self) -> str:
        as_of = self.inference.as_of
        known = f" · as of {as_of:%d %b %H:%M} UTC" if as_of else ""
        resets = self.inference.resets_at.astimezone(rules_of(self.account.zone))
        calls = "call waits" if self.unbooked == 1 else "calls wait"
        waits = f" · {self.unbooked:,} {calls} to be booked" if self.unbooked else ""
        return f"resets {resets:%d %b %Y} · {self.inference.source}{known}{waits}"


def _row(balance: MeterBalance) -> str:
    """One meter as a bar with its numbers beside it, and its pool below it; colours are the theme's own."""
    own = f"<div>{escape(str(balance))}</div>"
    if balance.granted and not balance.is_uncapped:
        own += _bar(balance.used, balance.held, balance.granted)
    pool = ""
    if balance.pool is not None:
        bar = _bar(balance.pool.used, balance.pool.held, balance.pool.granted) if balance.pool.granted else ""
        pool = f'<div style="margin-left:1.5em">{escape(str(balance.pool))}{bar}</div>'
    return f'<div style="margin:.3em 0">{own}{pool}</div>'


def _bar(used: int, held: int, granted: int) -> str:
    width = min(100.0, 100 * max(used, 0) / granted)
    held_width = min(100.0 - width, 100 * held / granted)
    return (
        '<div aria-hidden="true" style="display:flex;height:6px;border-radius:3px;overflow:hidden;'
        'background:var(--jp-layout-color3,#ccc)">'
        f'<div style="width:{width:.2f}%;background:var(--jp-brand-color1,#1976d2)"></div>'
        f'<div style="width:{held_width:.2f}%;background:var(--jp-warn-color1,#f57c00)"></div></div>'
    )
