"""The course of a month: what was given, what was spent on each day, and where that leads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from .. import month
from ..account import Meter

if TYPE_CHECKING:
    from ..forecast import Pace, WorkingDays
    from ..session import Session

# (day of the month, tokens since its start): a day ends half a day after its number
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Course:
    """One meter's month.

    Attributes
    ----------
    first, last : date
        The month's first and last day in the account's zone.
    meter : Meter
    spent : mapping of date to int
        Tokens spent on each day, at least of this month, corrections included.
    allotment : int or None
        All that was given for the month, top-ups included; None where nobody told it.
    calendar : WorkingDays
    pace : Pace or None
        None for a month that is over.
    """

    first: date
    last: date
    meter: Meter
    spent: Mapping[date, int]
    allotment: int | None
    calendar: WorkingDays
    pace: Pace | None

    @property
    def used(self) -> int:
        """Tokens spent in the month so far."""
        return sum(tokens for day, tokens in self.spent.items() if self.first <= day <= self.last)

    @property
    def until(self) -> date:
        """The last day that is told of: today, or the month's last when it is over."""
        return self.pace.as_of if self.pace else self.last

    def used_line(self) -> list[Point]:
        """Tokens spent by the end of each day so far."""
        days = _days(self.first, self.until)
        return _line(days, accumulate(self.spent.get(day, 0) for day in days))

    def even_line(self) -> list[Point]:
        """Spending that is even over the working days and uses all of the allotment; empty without one."""
        days = _days(self.first, self.last)
        even = self.calendar.even(self.allotment or 0, self.first, self.last)
        return _line(days, (even * self.calendar.count(self.first, day) for day in days)) if even else []

    def outlook(self) -> tuple[list[Point], list[Point], list[Point]]:
        """The forecast's least, middle and most, each as the two ends of its line; empty without one."""
        pace = self.pace
        if pace is None or pace.a_day is None or self.allotment is None or self.used >= self.allotment:
            return [], [], []
        ends = (
            (pace.latest, pace.expiring_high),
            (pace.exhausted_on, pace.expiring),
            (pace.earliest, pace.expiring_low),
        )
        least, middle, most = (self._way(exhausted, left or 0) for exhausted, left in ends)
        return least, middle, most

    def _way(self, exhausted: date | None, left: int) -> list[Point]:
        """From what is used today to the allotment on a day, or to what is left of it at the month's end."""
        start = self.until.day + 0.5, float(self.used)
        if exhausted:
            return [start, (max(exhausted, self.until).day + 0.5, float(self.allotment or 0))]
        return [start, (self.last.day + 0.5, float(max((self.allotment or 0) - left, self.used)))]


def course(session: Session, meter: Meter, period: str, spent: Mapping[date, int] | None = None) -> Course:
    """The course of `period`; of the ledger's spending, or of what `spent` says instead."""
    from ..forecast import HISTORY, daily, pace

    calendar = session.settings.working_days
    account, ledger, now = session.account, session.ledger, session.clock()
    starts, ends = month.bounds(period, account.zone)
    balance = ledger.balance(account).of(meter)
    if spent is None:
        spent = daily(ledger.spending(account, meter, starts - HISTORY, ends), account.zone)
    figures = ledger.month(account, meter, period)
    first, last = date.fromisoformat(f"{period}-01"), month.local_day(ends - 1, account.zone)
    found = Course(first, last, meter, spent, figures.given if figures.is_known else None, calendar, None)
    if not starts <= now < ends:
        return found
    balance = replace(balance, granted=found.allotment, used=found.used)
    return replace(found, pace=pace(balance, spent, now, account.zone, calendar))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=passed) for passed in range((last - first).days + 1)]


def _line(days: list[date], heights: Iterable[float]) -> list[Point]:
    return [(0.5, 0.0), *((day.day + 0.5, float(height)) for day, height in zip(days, heights, strict=True))]
