"""How weekdays and the month's first and last week differ from other days."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

_AROUND = 10  # days on either side, which tell what a day is measured by: together about a month of work


@dataclass(frozen=True, slots=True)
class Shape:
    """Sorts of days, each beside the days around it.

    Attributes
    ----------
    sort : callable
        Tells a day's sort, such as its weekday.
    factors : dict
        Of each sort that was seen: its factor, 1 for a day like any other, and how far that may be off (one
        standard deviation).
    otherwise : tuple of (float, float)
        The same of a sort that was not seen.
    """

    sort: Callable[[date], Hashable]
    factors: dict[Hashable, tuple[float, float]]
    otherwise: tuple[float, float]

    @classmethod
    def of(
        cls, sort: Callable[[date], Hashable], spread: float, days: Sequence[date], tokens: Sequence[float]
    ) -> Shape:
        """Measure each sort, and believe it the less, the more single days differ beside it.

        Parameters
        ----------
        spread : float
            How far sorts may at least differ, whatever the days say (one standard deviation).
        days, tokens : sequence
            The days and what was used on each, in order.
        """
        expected = _around(tokens)
        scale = sum(expected) / len(expected) if expected else 0.0
        if not scale:
            return cls(sort, {}, (1.0, 0.0))
        sums: dict[Hashable, tuple[float, float]] = {}
        for day, seen, mean in zip(days, tokens, expected, strict=True):
            of_sort = sums.get(sort(day), (0.0, 0.0))
            sums[sort(day)] = of_sort[0] + seen, of_sort[1] + mean
        factor = {name: seen / mean if mean else 0.0 for name, (seen, mean) in sums.items()}
        alike, beside = (
            sum((seen - of * mean) ** 2 for seen, of, mean in zip(tokens, factors, expected, strict=True))
            for factors in ([1.0] * len(days), [factor[sort(day)] for day in days])
        )
        # Each sort fits its own days, which tells less the fewer they are.
        noise = (beside + alike * len(sums) / len(days)) / sum(mean * mean for mean in expected)
        # Of what the sorts differ, days that differ for no reason would make (sorts - 1) * noise.
        apart = sum((seen - mean) ** 2 / (mean * scale) for seen, mean in sums.values() if mean)
        spread = math.sqrt(max(spread**2, (apart - (len(sums) - 1) * noise) / len(days)))
        prior = noise / spread**2 * scale  # tokens at which a sort is believed by half
        factors = {
            name: ((seen + prior) / (mean + prior), spread * math.sqrt(prior / (mean + prior)))
            for name, (seen, mean) in sums.items()
            if mean
        }
        return cls(sort, factors, (1.0, spread))

    def __call__(self, day: date) -> float:
        """The factor of a day."""
        return self._of(day)[0]

    def draws(self, source: random.Random, days: Sequence[date]) -> Iterator[list[float]]:
        """The factors of days to come, as they may be, again and again: one draw for each sort."""
        sorts = [self.sort(day) for day in days]
        known = {sort: self._of(day) for sort, day in zip(sorts, days, strict=True)}
        while True:
            drawn = {sort: max(0.0, source.gauss(*of_sort)) for sort, of_sort in known.items()}
            yield [drawn[sort] for sort in sorts]

    def _of(self, day: date) -> tuple[float, float]:
        return self.factors.get(self.sort(day), self.otherwise)


def week_of_month(day: date) -> str:
    """Whether a day is of the month's first seven, of its last seven, or between them."""
    if day.day <= 7:
        return "first"
    return "last" if (day + timedelta(days=7)).month != day.month else "between"


def _around(tokens: Sequence[float]) -> list[float]:
    """The mean of the days around each day."""
    sums = [0.0, *accumulate(tokens)]
    bounds = [(max(0, n - _AROUND), min(len(tokens), n + _AROUND + 1)) for n in range(len(tokens))]
    return [(sums[end] - sums[begin]) / (end - begin) for begin, end in bounds]
