"""What somebody's days are like: their level, how they differ, and how they go on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate
from typing import NamedTuple

from .shape import Shape, week_of_month

# How far a level follows each day, and the odds of that before anything was seen: not at all, as the mean of
# all days; by half in two or three.
GAINS = {0.0: 3, 0.25: 1}


class Miss(NamedTuple):
    """By how many tokens a day was off what was foretold.

    Attributes
    ----------
    by : float
        In tokens of a day like any other.
    is_used : bool
        Whether anything was used on it.
    weight : float
        How busy such days are: a quiet Friday says little of Mondays.
    """

    by: float
    is_used: bool
    weight: float


@dataclass(frozen=True, slots=True)
class Smoothed:
    """Days smoothed with one gain.

    Attributes
    ----------
    gain : float
        How far it follows each day, 0 to 1.
    tokens : float
        Ask Sage tokens a day, by now.
    misses : tuple of Miss
        Of each day but the first.
    chance : float
        How much it is believed, beside the others.
    """

    gain: float
    tokens: float
    misses: tuple[Miss, ...]
    chance: float = 1.0

    @classmethod
    def of(cls, gain: float, tokens: Sequence[float], weights: Sequence[float]) -> Smoothed:
        """Smooth days, in order."""
        level, seen, misses = tokens[0], weights[0], []
        for today, weight in zip(tokens[1:], weights[1:], strict=True):
            misses.append(Miss(today - level, today > 0, weight))
            seen += weight
            level += max(gain, 1 / seen) * weight * misses[-1].by
        return cls(gain, level, tuple(misses) or (Miss(0.0, level > 0, 1.0),))

    @property
    def square(self) -> float:
        """How far it was off in all, squared."""
        return sum(miss.weight * miss.by**2 for miss in self.misses)


@dataclass(frozen=True, slots=True)
class Habit:
    """Days of one kind: working days, or days off.

    Attributes
    ----------
    count : int
        How many were seen.
    levels : tuple of Smoothed
        With each of the `GAINS`.
    shapes : tuple of Shape
    """

    count: int
    levels: tuple[Smoothed, ...]
    shapes: tuple[Shape, ...]

    @classmethod
    def of(cls, days: Sequence[date], tokens: Sequence[float], *, is_shaped: bool) -> Habit:
        """What days are like, told with what was used on each, in order."""
        shapes, busy = [], [1.0] * len(days)
        for sort, spread in ((date.weekday, 0.1), (week_of_month, 0.2)) if is_shaped else ():
            shapes.append(shape := Shape.of(sort, spread, days, tokens))
            factors = [*map(shape, days)]
            tokens = [seen / factor if factor else 0.0 for seen, factor in zip(tokens, factors, strict=True)]
            busy = [each * factor for each, factor in zip(busy, factors, strict=True)]
        told = [each for each in zip(tokens, busy, strict=True) if each[1]] or [(0.0, 1.0)]
        levels = [Smoothed.of(gain, *zip(*told, strict=True)) for gain in GAINS]
        return cls(len(days), _weighed(levels), tuple(shapes))

    @property
    def a_day(self) -> float:
        """Tokens a day, by now."""
        return sum(level.chance * level.tokens for level in self.levels)

    def draws(self, source: random.Random, days: Sequence[date]) -> Iterator[list[int]]:
        """Tokens of days to come, again and again."""
        shapes = [shape.draws(source, days) for shape in self.shapes]
        chances = [level.chance for level in self.levels]
        bounds = [*accumulate(miss.weight for miss in self.levels[0].misses)]  # of all levels, the same
        while True:
            (level,) = source.choices(self.levels, chances)
            tokens, drawn = level.tokens, []
            misses = source.choices(level.misses, cum_weights=bounds, k=len(days))
            for by, is_used, _ in self._drawn_again(source, misses):
                drawn.append(max(0.0, tokens + by) * is_used)
                tokens += level.gain * by
            for shape in shapes:
                drawn = [each * factor for each, factor in zip(drawn, next(shape), strict=True)]
            yield [round(each) for each in drawn]

    def _drawn_again(self, source: random.Random, drawn: list[Miss]) -> list[Miss]:
        """As if they came from a Polya urn, in which each draw goes back with a copy of itself."""
        balls = self.count / 3  # fewer than days: those near each other are alike, and habits change
        for n in range(1, len(drawn)):
            ball = int(source.random() * (balls + n))
            if ball < n:
                drawn[n] = drawn[ball]
        return drawn


def _weighed(levels: Sequence[Smoothed]) -> tuple[Smoothed, ...]:
    """Believe each by its odds and by the likelihood of its misses, were they normal."""
    least = min(level.square for level in levels)
    likely = [
        GAINS[level.gain] * (least / level.square) ** (len(level.misses) / 2)
        if level.square
        else GAINS[level.gain]
        for level in levels
    ]
    return tuple(
        replace(level, chance=each / sum(likely)) for level, each in zip(levels, likely, strict=True)
    )
