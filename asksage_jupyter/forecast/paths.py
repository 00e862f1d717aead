"""Possible spending from now to the month's end, drawn from the days behind.

The method; it was chosen on simulated people, and tried on others (benchmarks/pace.py):

- Every finished day since the ledger's first is seen, days without use included. The first day itself is not:
  it is no whole day, and holds what was used elsewhere before the ledger began.
- Working days and days off go apart. Days off count as free until the first one was seen.
- Weekdays, and the first and last week of a month, have factors. They are believed as far as they stand out
  from what single days differ anyway (empirical Bayes), and drawn with that doubt.
- The level is the mean of all days, or smoothed exponentially. Each is believed by how well it foretold each
  day from those before it: whoever is steady gets the mean, and a change of habit shows within days.
- A path draws one of these levels, and for each day how far one of the days behind was off it; the level
  follows with its gain. A day without use stays one at any level, and quiet days count less than busy ones.
- Days are drawn from a Polya urn: each draw goes back with a copy of itself. Beside the days' own spread that
  holds the doubt about it, which is large while few days are known; resampling alone is too narrow.
- Of today, the share of the day that is left is still to come, as a share of a day like the others: what was
  spent today says too little of how the day goes on.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate, islice
from typing import NamedTuple

from .habit import Habit
from .working_days import WorkingDays

PATHS = 300


class Ahead(NamedTuple):
    """What somebody's days are like, and possible ways on.

    Attributes
    ----------
    working, off : Habit
        Of working days, and of days off.
    paths : sequence of sequence of int, shape (PATHS, days to come)
        Ask Sage tokens spent on today, were it whole, and on each day after it.
    """

    working: Habit
    off: Habit
    paths: Sequence[Sequence[int]]

    def courses(self, share: float) -> list[list[int]]:
        """Tokens spent from now to the end of each day, where this share of today is still to come."""
        return [list(accumulate([round(path[0] * share), *path[1:]])) for path in self.paths if path]


def look_ahead(
    days: Mapping[date, int], to_come: Sequence[date], today: date, calendar: WorkingDays
) -> Ahead:
    """Look from `today` on to the days to come; the same for the same days behind, and kept for as long."""
    begun = min(days, default=today)
    finished = (begun + timedelta(days=n) for n in range(1, (today - begun).days))
    # A correction can give back more than a day's use.
    seen = tuple((day, max(0, days.get(day, 0))) for day in finished)
    return _ahead(seen, tuple(to_come), calendar)


@lru_cache(maxsize=4)  # two meters, of a person and of a pool: 0.3 MB each
def _ahead(seen: Sequence[tuple[date, int]], to_come: Sequence[date], calendar: WorkingDays) -> Ahead:
    working = _habit([each for each in seen if each[0] in calendar], is_shaped=True)
    off = _habit([each for each in seen if each[0] not in calendar], is_shaped=False)
    # What remains must not be in the seed: with more of it, the same courses run out later.
    source = random.Random(repr((seen, to_come)))  # noqa: S311  no secret
    both = zip(
        working.draws(source, [day for day in to_come if day in calendar]),
        off.draws(source, [day for day in to_come if day not in calendar]),
        strict=True,
    )
    return Ahead(working, off, [_path(pair, to_come, calendar) for pair in islice(both, PATHS)])


def _habit(seen: Sequence[tuple[date, int]], *, is_shaped: bool) -> Habit:
    return Habit.of([day for day, _ in seen], [tokens for _, tokens in seen], is_shaped=is_shaped)


def _path(
    drawn: tuple[list[int], list[int]], to_come: Sequence[date], calendar: WorkingDays
) -> tuple[int, ...]:
    on_working_days, on_days_off = map(iter, drawn)
    return tuple(next(on_working_days if day in calendar else on_days_off) for day in to_come)
