"""What is left on an account's two meters, as figures, text and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from .records import Account, Meter


@dataclass(frozen=True, slots=True)
class MeterBalance:
    """One meter's figures, in Ask Sage tokens.

    Attributes
    ----------
    granted : int or None
        This month's allotment and top-ups; None when neither the service nor the person told it.
    used, held : int
        Settled or presumed; and set aside for calls under way.
    source : str
        Where `granted` and what was used elsewhere come from.
    as_of : datetime or None
        When the figures last changed (UTC); None before first contact.
    resets_at : datetime
        When the next month's allotment begins (UTC).
    """

    meter: Meter
    granted: int | None
    used: int
    held: int
    source: str
    as_of: datetime | None
    resets_at: datetime

    @property
    def remaining(self) -> int | None:
        """``granted - used - held``; below zero is overage; None while `granted` is unknown."""
        return None if self.granted is None else self.granted - self.used - self.held

    @property
    def overage(self) -> int:
        """Tokens spent or held above what was granted, 0 or more."""
        return max(0, -(self.remaining or 0))

    def __str__(self) -> str:
        if self.granted is None:
            return f"{self.meter}: not known, {self.used:,} used here ({self.source})"
        held = f", {self.held:,} held" if self.held else ""
        over = f", {self.overage:,} over" if self.overage else ""
        return f"{self.meter}: {self.remaining:,} of {self.granted:,} left ({self.used:,} used{held}{over})"


@dataclass(frozen=True, slots=True)
class Balance:
    """Both meters of an account.

    Attributes
    ----------
    account : Account
    inference, training : MeterBalance
    """

    account: Account
    inference: MeterBalance
    training: MeterBalance

    @property
    def title(self) -> str:
        """Whose tokens these are; the local demo is named as such."""
        if self.account.is_demo:
            return "Local demo (not Ask Sage tokens)"
        return f"{self.account.holder} at {self.account.host}"

    def __str__(self) -> str:
        meters = (self.inference, self.training)
        return "\n".join([self.title, *(f"  {m}" for m in meters), f"  {self._footnote()}"])

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
        resets = self.inference.resets_at.astimezone(ZoneInfo(self.account.zone))
        return f"resets {resets:%d %b %Y} · {self.inference.source}{known}"


def _row(balance: MeterBalance) -> str:
    """One meter as a bar with its numbers beside it; colours are the theme's own."""
    text = escape(str(balance))
    if balance.granted is None or balance.granted <= 0:
        return f"<div>{text}</div>"
    used = min(100.0, 100 * max(balance.used, 0) / balance.granted)
    held = min(100.0 - used, 100 * balance.held / balance.granted)
    bar = (
        '<div aria-hidden="true" style="display:flex;height:6px;border-radius:3px;overflow:hidden;'
        'background:var(--jp-layout-color3,#ccc)">'
        f'<div style="width:{used:.2f}%;background:var(--jp-brand-color1,#1976d2)"></div>'
        f'<div style="width:{held:.2f}%;background:var(--jp-warn-color1,#f57c00)"></div></div>'
    )
    return f'<div style="margin:.3em 0">{text}{bar}</div>'
