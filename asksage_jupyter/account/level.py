"""How much is left, in steps, and where they begin."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(slots=True)
class Thresholds:
    """Shares of what was granted, 0 to 1, below which what is left is called low, and very low."""

    low: float = 0.3
    very_low: float = 0.1


THRESHOLDS = Thresholds()
"""Those of this process: a card that shows itself knows no settings, which tell them."""


class Level(StrEnum):
    """How much is left, in steps that a person should hear of."""

    UNKNOWN = "unknown"
    ENOUGH = "enough"
    LOW = "low"
    VERY_LOW = "very-low"
    USED_UP = "used-up"
    OVER = "over"

    @property
    def words(self) -> str:
        """The step as it is told; empty where there is nothing to hear of."""
        return "" if self in (Level.UNKNOWN, Level.ENOUGH) else self.value.replace("-", " ")

    @classmethod
    def of(cls, granted: int | None, remaining: int | None) -> Level:
        """The step that a limit has come to."""
        if granted is None or remaining is None:
            return cls.UNKNOWN
        if remaining < 0:
            return cls.OVER
        if not granted:
            return cls.UNKNOWN
        if not remaining:
            return cls.USED_UP
        if remaining < THRESHOLDS.very_low * granted:
            return cls.VERY_LOW
        return cls.LOW if remaining < THRESHOLDS.low * granted else cls.ENOUGH
