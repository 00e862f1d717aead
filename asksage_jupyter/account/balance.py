"""What is left on an account's two meters, as figures and text."""

from __future__ import annotations

from dataclasses import dataclass

from .. import month
from ..display.dates import day
from ..display.plain import many
from ..month import rules_of
from .meters import MeterBalance
from .records import Account, Meter


def unbilled_words(calls: int, tokens: int) -> str:
    """The calls without a bill, which may run or have been stopped; empty where there are none."""
    return f"{many(calls, 'call')} without a bill yet: {tokens:,} tokens held" if calls else ""


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

    @property
    def meters(self) -> tuple[MeterBalance, MeterBalance]:
        """The figures of both, in the order in which they are told."""
        return self.inference, self.training

    @property
    def is_known(self) -> bool:
        """Whether an allotment is known: of an account that was never reached, none is."""
        return any(meter.granted is not None for meter in self.meters)

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
        known = [meter for meter in self.meters if meter.granted is not None]
        if len({meter.source for meter in known}) == 1:
            return f"Figures from {known[0].source}"
        return " · ".join(f"{meter.meter.capitalize()} from {meter.source}" for meter in known)

    def changed_words(self, now: int | None = None) -> str:
        """When the figures last changed, with `now` how long ago; empty before first contact."""
        dated = [meter.as_of for meter in self.meters if meter.as_of]
        if not dated:
            return ""
        return f"Last change {month.moment(month.to_instant(max(dated)), self.account.zone, now)}"

    def __str__(self) -> str:
        lines = [self.title]
        for meter in self.meters:
            lines.append(f"  {meter}")
            if meter.pool is not None:
                lines.append(f"    {meter.pool}")
        lines += [f"  {words}" for words in (self.resets_words(), self.footnote()) if words]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from ..display.markup import QUIET, card, line
        from .card import meters

        foot = line(self.footnote(), QUIET, self.sources)  # where figures come from is for who asks
        shown = meters(self.meters, self.account.zone)
        return card(self.title, shown, aside=self.resets_words(), foot=[foot])

    def footnote(self) -> str:
        """How old the figures are, and what waits to be booked."""
        as_of = self.inference.as_of
        known = f"As of {month.moment(month.to_instant(as_of), self.account.zone)}" if as_of else ""
        waits = many(self.unbooked, "call waits", "calls wait")
        booked_later = f"{waits} to be booked" if self.unbooked else ""
        return " · ".join(filter(None, (known, booked_later)))
