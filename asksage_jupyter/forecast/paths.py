"""Possible spending from now to the month's end, drawn from the days behind.

The method; its choices were measured on simulated people (tests/test_forecast.py):

- Every finished day since the ledger's first is one observation, days without use included. The first day
  itself is not: it is no whole day, and holds what was used elsewhere before the ledger began.
- Working days and days off are drawn apart. A day weighs half after `HALF_LIFE_DAYS`, so that a change of
  habit shows within days while a month's beginning still knows the month before.
- Days to come are drawn from a Polya urn: each draw goes back with a copy of itself. That is the Bayesian
  bootstrap's prediction: beside the days' own spread it holds the doubt about their mean, which is large
  while few days are known. Resampling alone would give bands that are too narrow. The urn begins with half
  as many balls as there are effective days, since days near each other are alike and habits drift.
- Of today, the share of the day that is left is still to come, as a share of a day like the others: what was
  spent today says too little of how the day goes on.
- Days off count as free until the first one was seen.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, islice

from .working_days import WorkingDays

HALF_LIFE_DAYS = 7.0
PATHS = 300


@dataclass(frozen=True, slots=True)
class Observed:
    """Days of one sort.

    Attributes
    ----------
    tokens : tuple of int
        Ask Sage tokens of each day, 0 or more.
    weights : tuple of float
        How much each day counts.
    """

    tokens: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Tokens a day."""
        return sum(w * t for w, t in zip(self.weights, self.tokens, strict=True)) / sum(self.weights)

    def draws(self, source: random.Random, count: int) -> Iterator[list[int]]:
        """Draw `count` days to come from a Polya urn, again and again."""
        bounds = list(accumulate(self.weights))
        # Kish's effective sample size: how many days of equal weight say as much.
        balls = sum(self.weights) ** 2 / sum(weight * weight for weight in self.weights) / 2
        while True:
            drawn = source.choices(self.tokens, cum_weights=bounds, k=count)
            for n in range(1, count):
                ball = int(source.random() * (balls + n))
                if ball < n:
                    drawn[n] = drawn[ball]
            yield drawn


def observed(days: Mapping[date, int], today: date, calendar: WorkingDays) -> tuple[Observed, Observed]:
    """The finished working days, and the finished days off."""
    begun = min(days, default=today)
    working: list[tuple[int, float]] = []
    off: list[tuple[int, float]] = []
    for age in range(1, (today - begun).days):
        day = today - timedelta(days=age)
        # A correction can give back more than a day's use.
        seen = max(0, days.get(day, 0)), 0.5 ** (age / HALF_LIFE_DAYS)
        (working if day in calendar else off).append(seen)
    return _observed(working), _observed(off or [(0, 1.0)])


def _observed(seen: Sequence[tuple[int, float]]) -> Observed:
    return Observed(tuple(tokens for tokens, _ in seen), tuple(weight for _, weight in seen))


def paths(working: Observed, off: Observed, to_come: Sequence[bool], first: float) -> list[list[int]]:
    """Possible courses of the days to come, the same for the same observations.

    Parameters
    ----------
    to_come : sequence of bool
        For today and each day after it, whether it is a working day.
    first : float
        The share of today that is still to come.

    Returns
    -------
    list of list of int, shape (PATHS, len(to_come))
        Ask Sage tokens spent from now to the end of each day.
    """
    # What remains must not be in the seed: with more of it, the same courses run out later.
    source = random.Random(repr((working, off, to_come)))  # noqa: S311  no secret
    count = sum(to_come)
    both = zip(working.draws(source, count), off.draws(source, len(to_come) - count), strict=True)
    return [_course(pair, to_come, first) for pair in islice(both, PATHS)]


def _course(drawn: tuple[list[int], list[int]], to_come: Sequence[bool], first: float) -> list[int]:
    on_working_days, on_days_off = map(iter, drawn)
    spent = [next(on_working_days if is_working else on_days_off) for is_working in to_come]
    spent[0] = round(spent[0] * first)
    return list(accumulate(spent))
