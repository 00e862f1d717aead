"""How fast a meter's tokens are spent, and how long they last."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ..account import Meter, MeterBalance
from ..display.dates import day as _day
from ..month import rules_of
from . import card
from .course import Course
from .days import to_come_share, today
from .paths import observed, paths
from .working_days import WorkingDays

# A week of work, in which every weekday was seen: with fewer days the band covers much less than it says.
ENOUGH_DAYS = 5
LOW, HIGH = 0.1, 0.9  # the 80 % band
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
        Spent a working day; None while it is too early to say.
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
            return "Too early to say."
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
        left = self.remaining if self.spendable is None else self.spendable
        if left is None or left <= 0:
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

    def __str__(self) -> str:
        return card.text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return card.html(self)


def pace(
    balance: MeterBalance,
    days: Mapping[date, int],
    now: int,
    zone: str,
    calendar: WorkingDays = WorkingDays(),  # noqa: B008  frozen
) -> Pace:
    """Tell the pace of one meter; pure, and the same for the same input.

    Parameters
    ----------
    balance : MeterBalance
        The meter's figures now; tokens held count as spent.
    days : mapping of date to int
        Tokens used on each local day of this month and up to 90 days before it, corrections included; days
        that are missing are days without use. The first is left out, as no whole day.
    now : int
        Microseconds UTC.
    zone : str
        IANA zone of the days and the month.
    calendar : WorkingDays

    Returns
    -------
    Pace
        With fewer than `ENOUGH_DAYS` finished working days, without a forecast.
    """
    as_of, remaining = today(now, zone), balance.remaining
    last_day = (balance.resets_at - timedelta(microseconds=1)).astimezone(rules_of(zone)).date()
    to_come = [as_of + timedelta(days=n) in calendar for n in range((last_day - as_of).days + 1)]
    course = Course.until(as_of, last_day, days, balance.held, None, calendar)
    known = Pace(
        balance.meter,
        as_of,
        last_day,
        balance.granted,
        remaining,
        sum(to_come),
        course if remaining is None else replace(course, allotment=course.taken + remaining),
    )
    if remaining is not None and balance.spendable is not None and balance.spendable < remaining:
        remaining = balance.spendable
        known = replace(known, bound=balance.short, spendable=remaining)
    if balance.pool is not None and balance.is_uncapped:
        known = replace(known, granted=None, remaining=None, pool=balance.pool.name, course=course)
        remaining = None
    working, off = observed(days, as_of, calendar)
    is_early = len(working.tokens) < ENOUGH_DAYS
    if not is_early:
        known = replace(known, a_day=round(working.mean))
    if remaining is None:
        return known
    if known.days_left:
        on_days_off = 0 if is_early else round(off.mean * to_come.count(False))
        known = replace(known, up_to=max(0, remaining - on_days_off) // known.days_left)
    if remaining <= 0:
        used_up = replace(known, exhausted_on=as_of, earliest=as_of, latest=as_of, lasts=False)
        return replace(used_up, expiring=0, expiring_low=0, expiring_high=0)
    if is_early or not to_come:
        return known
    return _forecast(known, remaining, paths(working, off, to_come, to_come_share(as_of, now, zone)))


def _forecast(known: Pace, remaining: int, courses: Sequence[Sequence[int]]) -> Pace:
    """The pace with the day on which each course of spending passes what remains, and what is left of it."""
    # A course that never passes it gets the day behind the last: the censored case sorts as the latest.
    ends = sorted(bisect_right(course, remaining) for course in courses)
    left = sorted(max(0, remaining - course[-1]) for course in courses)
    exhausted_on = _day_of(known, _quantile(ends, 0.5))
    earliest, latest = (_day_of(known, end) for end in _band_of_days(ends))
    low, middle, high = (_quantile(left, share) for share in (LOW, 0.5, HIGH))
    return replace(
        known,
        exhausted_on=exhausted_on,
        earliest=earliest,
        latest=latest,
        lasts=exhausted_on is None,
        expiring=middle,
        expiring_low=low,
        expiring_high=high,
    )


def _quantile(ordered: Sequence[int], share: float) -> int:
    return ordered[round(share * (len(ordered) - 1))]


def _band_of_days(ordered: Sequence[int]) -> tuple[int, int]:
    """The first and last day of the band.

    A day is within when the cases before it and half of its own are `LOW` to `HIGH` of all: with whole days
    at both ends, the band would hold well more than 80 %.
    """
    within = [
        day
        for day in sorted(set(ordered))
        if LOW <= (bisect_left(ordered, day) + bisect_right(ordered, day)) / (2 * len(ordered)) <= HIGH
    ]
    return within[0], within[-1]


def _day_of(known: Pace, number: int) -> date | None:
    """The day with this number, 0 for today; None behind the month's last."""
    day = known.as_of + timedelta(days=number)
    return day if day <= known.last_day else None


def _about(tokens: int) -> int:
    """Two figures of a number: more would claim too much."""
    return round(tokens, 2 - len(str(tokens)))
