"""The calendar: which days are working days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from ..display.plain import shown
from ..errors import BadInput

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """All days but weekends and holidays.

    Attributes
    ----------
    weekend : frozenset of int
        Numbers of ``date.weekday()``; Monday is 0.
    holidays : frozenset of date
    """

    weekend: frozenset[int] = frozenset({5, 6})
    holidays: frozenset[date] = frozenset()

    @classmethod
    def of(cls, weekend: Iterable[str], holidays: Iterable[str]) -> WorkingDays:
        """The calendar of these names of days, like ``"Saturday"``, and dates, like ``"2026-11-26"``.

        Raises
        ------
        BadInput
            A name or date that is none, or no day is left to work on.
        """
        numbers = frozenset(map(_number, weekend))
        if len(numbers) == len(_NAMES):
            raise BadInput("weekend: all seven days are off, so there is no working day to plan with")
        return cls(numbers, frozenset(map(_date, holidays)))

    def __contains__(self, day: date) -> bool:
        return day.weekday() not in self.weekend and day not in self.holidays

    def count(self, first: date, last: date) -> int:
        """How many working days there are from `first` to `last`, both included."""
        span = (last - first).days + 1
        return sum(first + timedelta(days=n) in self for n in range(span))

    def even(self, tokens: int, first: date, last: date) -> float:
        """Tokens a working day that spend `tokens` from `first` to `last`; 0 where no day is one."""
        working = self.count(first, last)
        return tokens / working if working else 0.0


def _number(name: str) -> int:
    """The weekday's number, also of a name cut to three letters or more."""
    plain = name.strip().lower()
    for number, known in enumerate(_NAMES):
        if len(plain) >= 3 and known.startswith(plain):
            return number
    raise BadInput(f"weekend: {shown(name)} is no day of the week: write it like Saturday")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(f"holidays: {shown(text)} is not a date: write it like 2026-11-26") from None
