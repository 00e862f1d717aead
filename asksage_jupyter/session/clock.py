"""A clock that the service's ``Date`` header keeps from running far ahead."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..month import now, to_instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

ALLOWED_AHEAD = 5 * 60 * 1_000_000


def elapsed() -> float:
    """Seconds since some moment in the past, those of a suspended machine included."""
    # time.monotonic stands still on Linux and macOS while a laptop sleeps. There a month may begin.
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_MONOTONIC"):
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


class Clock:
    """The present instant, never more than five minutes ahead of what the service's own clock shows.

    A machine whose clock jumps ahead would begin the next month, with its new tokens, too early; and what is
    written there stays. A clock set back needs no guard here: the ledger reopens no month.

    Parameters
    ----------
    wall : callable
        This machine's clock, in microseconds UTC.
    elapsed : callable
        Seconds that pass whatever is done to the wall clock.
    """

    def __init__(self, wall: Callable[[], int] = now, elapsed: Callable[[], float] = elapsed) -> None:
        self._wall, self._elapsed = wall, elapsed
        self._ahead_of_elapsed: int | None = None

    def __call__(self) -> int:
        """The instant in microseconds UTC; this machine's own until the service was heard."""
        told = self._told()
        return self._wall() if told is None else min(self._wall(), told + ALLOWED_AHEAD)

    def heard(self, service_date: datetime | None) -> None:
        """Take note of a reply's ``Date``; of dates that came late or from a cache the latest counts."""
        if service_date is None or service_date.tzinfo is None:
            return
        ahead = to_instant(service_date) - self._passed()
        if self._ahead_of_elapsed is None or ahead > self._ahead_of_elapsed:
            self._ahead_of_elapsed = ahead

    @property
    def is_held_back(self) -> bool:
        """Whether this machine's clock is too far ahead to be believed."""
        told = self._told()
        return told is not None and self._wall() > told + ALLOWED_AHEAD

    def _told(self) -> int | None:
        """What the service's clock shows now; None before it was heard."""
        ahead = self._ahead_of_elapsed
        return None if ahead is None else ahead + self._passed()

    def _passed(self) -> int:
        return round(self._elapsed() * 1_000_000)
