"""How fast a meter's tokens are spent, and how long they last: the figures, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from ..account import Meter
from ..display.dates import day as _day
from ..display.markup import card
from .course import Course, Line
from .picture import picture

LAST_DAYS = 5  # working days before the reset, from which it is told what would be lost


@dataclass(frozen=True, slots=True)
class Pace:
    """A meter's pace and forecast, in Ask Sage tokens and days of the account's zone.

    Attributes
    ----------
    meter : Meter
    as_of, last_day : date
        Today, and the month's last day.
    granted, remaining : int or None
        Given for this month, and left of it (below zero: overage); None where no allotment is known, and
        where only a pool's limit counts.
    days_left : int
        Working days until the reset, today included.
    a_day : int or None
        Spent a working day lately; None while it is too early to say.
    up_to : int or None
        What may be spent a working day to last until the reset, beside what days off usually take; None where
        no allotment is known, or no working day is left.
    exhausted_on, earliest, latest : date or None
        The day on which spending passes what remains: the middle of all cases, and the 80 % band. None: not
        within the month.
    lasts : bool or None
        Whether the tokens last until the reset in most cases; None where it cannot be said.
    expiring, expiring_low, expiring_high : int or None
        Left unused at the reset: the middle of all cases, and the 80 % band. Of a top-up that outlives the
        month, what is left is among them.
    pool : str
        The pool, where only its limit counts: how long that lasts is for all who share it. Else empty.
    bound : str
        What is shared and has less left than this meter, such as a pool; else empty.
    spendable : int or None
        Where there is such a bound, what it has left: the forecast is of that, as if nobody else spent it.
    buys : int
        How many more calls what will expire would pay, in the month's last `LAST_DAYS`; else 0.
    like : str
        Of which model they are, at what they usually cost.
    course : Course
        The month so far; its allotment is what can be spent in it, also of a top-up from before.
    """

    meter: Meter
    as_of: date
    last_day: date
    granted: int | None
    remaining: int | None
    days_left: int
    course: Course
    a_day: int | None = None
    up_to: int | None = None
    exhausted_on: date | None = None
    earliest: date | None = None
    latest: date | None = None
    lasts: bool | None = None
    expiring: int | None = None
    expiring_low: int | None = None
    expiring_high: int | None = None
    pool: str = ""
    bound: str = ""
    spendable: int | None = None
    buys: int = 0
    like: str = ""

    @property
    def left(self) -> int | None:
        """What can be spent in all, also by what is shared; None where no allotment is known."""
        return self.remaining if self.remaining is None or self.spendable is None else self.spendable

    @property
    def words(self) -> str:
        """How long the tokens last, in one sentence."""
        if self.pool:
            return f"How long the pool {self.pool} lasts depends on all who spend from it."
        if self.remaining is None:
            return f"The allotment is not known: tell it with %asksage plan --{self.meter} N."
        if self.remaining <= 0:
            return f"Used up, {-self.remaining:,} over." if self.remaining else "Used up."
        if self.spendable is not None and self.spendable <= 0:
            return f"{self.bound[:1].upper()}{self.bound[1:]} is used up."
        if self.lasts is None:
            return "Too early to say how long it lasts."
        if self.exhausted_on is None:
            early = f" ({_day(self.earliest)} at the earliest)" if self.earliest else ""
            return f"Lasts until the reset at this pace{early}."
        if self.earliest is None or self.earliest == self.latest:
            return f"Lasts until {_day(self.exhausted_on)} at this pace."
        latest = _day(self.latest) if self.latest else "the reset"
        return f"Lasts until {_day(self.exhausted_on)} at this pace ({_day(self.earliest)} to {latest})."

    @property
    def advice(self) -> str:
        """What to make of it, in one sentence; empty where there is nothing to say."""
        if self.left is None or self.left <= 0:
            return ""
        if not self.lasts:
            if self.up_to is None or self.days_left <= 1:  # what is left says it
                return ""
            alone = f", if nobody else spends from {self.bound}" if self.bound else ""
            return f"Up to {self.up_to:,} a working day lasts until the reset{alone}."
        if not self.expiring:
            return ""
        calls = "call" if self.buys == 1 else "calls"
        worth = f": about {_about(self.buys):,} {calls} like yours on {self.like}" if self.buys else ""
        return f"About {_about(self.expiring):,} will expire unused{worth}."

    @property
    def is_expiring(self) -> bool:
        """Whether tokens will be lost within days, if they are not used."""
        return bool(self.expiring) and self.days_left <= LAST_DAYS

    def buying(self, usual: tuple[str, int] | None) -> Pace:
        """The same with what the tokens that will expire would pay.

        Parameters
        ----------
        usual : tuple of (str, int) or None
            A model, and what a call of it usually costs, in Ask Sage tokens.
        """
        if usual is None or not self.is_expiring:
            return self
        model, tokens = usual
        return replace(self, buys=(self.expiring or 0) // max(1, tokens), like=model)

    @property
    def told(self) -> str:
        """Both, as they are said wherever a pace is told."""
        return f"{self.words} {self.advice}".rstrip()

    @property
    def outlook(self) -> tuple[Line, Line, Line]:
        """The forecast's least, middle and most, each as the two ends of its line; empty without one."""
        left = self.left
        if self.expiring is None or left is None or left <= 0:
            return [], [], []
        ends = (
            (self.latest, self.expiring_high),
            (self.exhausted_on, self.expiring),
            (self.earliest, self.expiring_low),
        )
        least, middle, most = (self.course.way(left, exhausted, unused or 0) for exhausted, unused in ends)
        return least, middle, most

    @property
    def _figures(self) -> str:
        days = "1 working day" if self.days_left == 1 else f"{self.days_left} working days"
        figures = [
            "" if self.remaining is None else f"{self.remaining:,} left",
            f"{days} until the reset, today included",
            "" if self.a_day is None else f"{self.a_day:,} a working day lately",
        ]
        return " · ".join(filter(None, figures))

    def __str__(self) -> str:
        return f"{self.meter}: {self.told}\n  {self._figures}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        drawn = picture(self.course, self.outlook, self.remaining or 0, is_grave=not self.lasts)
        return card(self.meter.capitalize(), self.told, drawn, foot=[self._figures])


def _about(tokens: int) -> int:
    """Two figures of a number: more would claim too much."""
    return round(tokens, 2 - len(str(tokens)))
