"""One quiet line: how far a map is, what it cost so far, and how long it will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..outcome import RowStatus

if TYPE_CHECKING:
    from .crew import Crew

_MANY = 20


class Progress:
    """Tells of a number of calls.

    Parameters
    ----------
    number : int
    expected : int
        Ask Sage tokens that they were expected to cost.
    """

    def __init__(self, number: int, expected: int) -> None:
        self._number, self._expected, self._began = number, expected, time.monotonic()
        self._tenths = 0

    def has_come_far(self, crew: Crew) -> bool:
        """Whether another tenth of many calls is done since this was asked before."""
        tenths = 10 * len(crew.outcomes) // self._number
        is_another, self._tenths = tenths > self._tenths, tenths
        return is_another and self._number >= _MANY

    def line(self, crew: Crew) -> str:
        """How far the crew is."""
        outcomes = list(crew.outcomes.values())
        done, failed = len(outcomes), sum(each.status is not RowStatus.OK for each in outcomes)
        # The first words are kept where a line cannot be taken away, and must be true afterwards.
        words = [
            f"asking {self._number:,}",
            f"{done:,} done",
            f"{sum(each.tokens for each in outcomes):,} of about {self._expected:,} tokens",
        ]
        if failed:
            words.append(f"{failed:,} without an answer")
        if crew.rests_s:
            words.append(f"the service is busy: resting {crew.rests_s:.0f} s")
        elif done and done < self._number:
            words.append(f"{_time((time.monotonic() - self._began) / done * (self._number - done))} left")
        return " · ".join(words)


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
