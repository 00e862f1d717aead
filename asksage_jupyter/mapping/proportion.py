"""How large a share is of all rows, judged by the few that were looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass

_TAIL = 0.025  # left out on each side
_STEPS = 40  # of halving, which is more than floats tell apart in a figure of per cent


@dataclass(frozen=True, slots=True)
class Proportion:
    """So many of so many, and between which shares that of all lies in 19 of 20 cases.

    The interval is the exact one of Clopper and Pearson: none of five says no more than up to 52 %.
    """

    number: int
    of: int

    @property
    def low(self) -> float:
        """The lower bound of the share of all."""
        return 0.0 if self.number == 0 else self._share(self.number - 1, 1 - _TAIL)

    @property
    def high(self) -> float:
        """The upper bound of the share of all."""
        return 1.0 if self.number == self.of else self._share(self.number, _TAIL)

    def __str__(self) -> str:
        return f"{self.number:,} of {self.of:,} ({self.low:.0%} to {self.high:.0%} of such rows)"

    def _share(self, at_most: int, probability: float) -> float:
        """The share of all with which so many, or fewer, come with that probability."""
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if _comes(at_most, self.of, middle) > probability else (low, middle)
        return low


def _comes(at_most: int, of: int, share: float) -> float:
    """The probability of so many, or fewer."""
    ways = math.lgamma(of + 1)
    yes, no = math.log(share), math.log1p(-share)
    return sum(
        math.exp(ways - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * yes + (of - k) * no)
        for k in range(at_most + 1)
    )
