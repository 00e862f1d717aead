"""How weekdays and the month's first and last week differ from other days."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Shape:
    """Sorts of days, each beside the mean of all.

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
        mean = sum(tokens) / len(tokens) if tokens else 0.0
        if not mean:
            return cls(sort, {}, (1.0, 0.0))
        of_sort: dict[Hashable, list[float]] = defaultdict(list)
        for day, seen in zip(days, tokens, strict=True):
            of_sort[sort(day)].append(seen / mean)
        means = {name: sum(seen) / len(seen) for name, seen in of_sort.items()}
        alike = sum((each - 1) ** 2 for seen in of_sort.values() for each in seen)
        beside = sum((each - means[name]) ** 2 for name, seen in of_sort.items() for each in seen)
        apart = sum(len(seen) * (means[name] - 1) ** 2 for name, seen in of_sort.items())
        # Each sort fits its own days, which tells less the fewer they are.
        noise = (beside + alike * len(means) / len(days)) / len(days)
        # Of what the sorts differ, days that differ for no reason would make (sorts - 1) * noise.
        spread = math.sqrt(max(spread**2, (apart - (len(means) - 1) * noise) / len(days)))
        prior = noise / spread**2  # days after which a sort is believed by half
        factors = {
            name: (
                (sum(seen) + prior) / (len(seen) + prior),
                spread * math.sqrt(prior / (len(seen) + prior)),
            )
            for name, seen in of_sort.items()
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
