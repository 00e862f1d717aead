"""A clock that the service's ``Date`` header sets right where it is far ahead, or behind."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from ..month import now, to_instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

ALLOWED_APART = 5 * 60 * 1_000_000
_AGREEING = 3  # dates in a row that put a clock forward: a single one may be of a proxy that is ahead itself
_UNITS = {"days": 86_400_000_000, "h": 3_600_000_000, "min": 60_000_000}


def elapsed() -> float:
    """Seconds since some moment in the past, those of a suspended machine included."""
    # time.monotonic stands still on Linux and macOS while a laptop sleeps. There a month may begin.
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_MONOTONIC"):
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


class Clock:
    """The present instant: the service's own where this machine's clock is more than five minutes off it.

    A machine whose clock jumps ahead would begin the next month, with its new tokens, too early; and what is
    written there stays. One that is behind would spend on from a month that is over for the service, which
    bills.

    Parameters
    ----------
    wall : callable
        This machine's clock, in microseconds UTC.
    elapsed : callable
        Seconds that pass whatever is done to the wall clock.
    """

    def __init__(self, wall: Callable[[], int] = now, elapsed: Callable[[], float] = elapsed) -> None:
        self._wall, self._elapsed = wall, elapsed
        # The service's clock less what has elapsed here: by the latest date, and by the last few.
        self._latest: int | None = None
        self._lately: deque[int] = deque(maxlen=_AGREEING)

    def __call__(self) -> int:
        """The instant in microseconds UTC; this machine's own until the service was heard."""
        t = self._wall()
        if self._latest is None:
            return t
        passed = self._passed()
        latest, agreed = self._latest + passed, min(self._lately) + passed
        if t > latest + ALLOWED_APART:
            return latest
        is_behind = len(self._lately) == _AGREEING and t < agreed - ALLOWED_APART
        return agreed if is_behind else t

    def heard(self, service_date: datetime | None) -> None:
        """Take note of a reply's ``Date``; of dates that came late or from a cache the latest counts."""
        if service_date is None or service_date.tzinfo is None:
            return
        shown = to_instant(service_date) - self._passed()
        self._lately.append(shown)
        self._latest = shown if self._latest is None else max(shown, self._latest)

    @property
    def words(self) -> str:
        """How far off this machine's clock is by the service's; empty where it is little."""
        if self._latest is None:
            return ""
        apart = self._wall() - self._latest - self._passed()
        if abs(apart) <= ALLOWED_APART:
            return ""
        unit, size = next((unit, size) for unit, size in _UNITS.items() if abs(apart) >= 2 * size)
        which = "ahead of" if apart > 0 else "behind"
        return f"this machine's clock is {abs(apart) // size:,} {unit} {which} Ask Sage's"

    def _passed(self) -> int:
        return round(self._elapsed() * 1_000_000)
