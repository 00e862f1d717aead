"""The course of a month as lines: spent so far, evenly, and as it may go on. Every picture draws these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from .working_days import WorkingDays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# (day of the month, tokens since its start): a day ends half a day after its number
Point = tuple[float, float]
Line = list[Point]


@dataclass(frozen=True, slots=True)
class Course:
    """One meter's month.

    Attributes
    ----------
    last : date
        The month's last day in the account's zone.
    spent : tuple of int
        Tokens spent on each day so far, corrections included.
    held : int
        Tokens set aside now.
    allotment : int or None
        All that could be spent in the month, top-ups included; None where nobody told it.
    calendar : WorkingDays
    """

    last: date
    spent: tuple[int, ...]
    held: int
    allotment: int | None
    calendar: WorkingDays

    @classmethod
    def until(
        cls,
        until: date,
        last: date,
        days: Mapping[date, int],
        held: int,
        allotment: int | None,
        calendar: WorkingDays,
    ) -> Course:
        """The course of the month that ends on `last`, as far as `until`, of the tokens of each day."""
        first = last.replace(day=1)
        spent = tuple(days.get(first + timedelta(days=n), 0) for n in range(until.day))
        return cls(last, spent, held, allotment, calendar)

    @property
    def first(self) -> date:
        """The month's first day."""
        return self.last.replace(day=1)

    @property
    def used(self) -> int:
        """Tokens spent in the month so far."""
        return sum(self.spent)

    @property
    def taken(self) -> int:
        """Tokens spent or held by now."""
        return self.used + self.held

    def used_line(self) -> Line:
        """Tokens spent by the end of each day so far, and today also those held."""
        return _line([*list(accumulate(self.spent))[:-1], self.taken])

    def even_line(self) -> Line:
        """Spending that is even over the working days and uses all of the allotment; empty without one."""
        even = self.calendar.even(self.allotment or 0, self.first, self.last)
        days = (self.first + timedelta(days=n) for n in range(self.last.day))
        return _line(accumulate(even * (day in self.calendar) for day in days)) if even else []

    def way(self, left: int, exhausted: date | None, unused: int) -> Line:
        """From now to the day on which all that is left is spent, or to what is unused at the month's end."""
        today = len(self.spent)
        start, most = (today + 0.5, float(self.taken)), float(self.taken + left)
        if exhausted:
            return [start, (max(exhausted.day, today) + 0.5, most)]
        return [start, (self.last.day + 0.5, max(most - unused, start[1]))]


def band(least: Line, most: Line) -> list[tuple[float, float, float]]:
    """On each day on which one of the lines ends: the day, the height of the least, and that of the most."""
    corners = sorted({day for day, _ in (*least, *most)})
    return [(day, height(least, day), height(most, day)) for day in corners]


def height(line: Sequence[Point], day: float) -> float:
    """The height of a line of straight pieces on a day; after its end, that of its end."""
    for (before, low), (after, high) in pairwise(line):
        if day < after:
            return low + (high - low) * (day - before) / (after - before)
    return line[-1][1]


def _line(heights: Iterable[float]) -> Line:
    """From nothing at the month's beginning to each day's end."""
    return [(0.5, 0.0), *((day + 0.5, float(height)) for day, height in enumerate(heights, start=1))]
