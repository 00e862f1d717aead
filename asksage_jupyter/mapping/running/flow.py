"""How many calls may be under way: few at first, more while it goes well, none while the service is busy."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...errors import Unavailable

_FIRST = 2
_GOOD = 20  # replies after which one more is let in, once there was trouble
_PAUSES_S = (2.0, 60.0)  # where the service does not say how long
_LONGEST_PAUSE_S = 600.0
_GIVE_UP_S = 600.0  # without one good reply


class Flow:
    """The measure that all workers of a crew keep; they call it one at a time.

    Parameters
    ----------
    most : int
        Calls under way at the most.
    clock : callable
        Seconds.

    Attributes
    ----------
    allowed : int
        Calls that may be under way now.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self.allowed = min(_FIRST, most)
        self._streak = 0
        self._has_slowed = False
        self._pause_s = _PAUSES_S[0]
        self._last_good = clock()
        self._until = 0.0

    @property
    def rests_s(self) -> float:
        """How long all rest yet, because the service is busy."""
        return max(0.0, self._until - self._clock())

    def went_well(self) -> None:
        """A good reply came: another call may be let in."""
        self._last_good, self._pause_s = self._clock(), _PAUSES_S[0]
        self._streak += 1
        if self.allowed < self._most and (not self._has_slowed or self._streak % _GOOD == 0):
            self.allowed += 1

    def went_badly(self) -> None:
        """A reply came that is none."""
        self._streak = 0

    def rest(self, busy: Unavailable) -> bool:
        """Let all rest as long as the service says, with half as many afterwards.

        Returns
        -------
        bool
            Whether there is hope; not where nothing good came for ten minutes, or waiting cannot help.
        """
        now = self._clock()
        if now < self._until:  # not the first of those that were under way together
            return True
        self._has_slowed, self._streak = True, 0
        self.allowed = max(1, self.allowed // 2)
        usual = self._pause_s * random.uniform(0.75, 1.0)  # noqa: S311  no secret is made of it
        self._until = now + min(busy.retry_after_s or usual, _LONGEST_PAUSE_S)
        self._pause_s = min(2 * self._pause_s, _PAUSES_S[1])
        return self._until - self._last_good <= _GIVE_UP_S and not _is_lasting(busy)


def _is_lasting(error: Unavailable) -> bool:
    """Whether waiting cannot help: a name that does not exist, a certificate that is not trusted."""
    return getattr(error, "passing", None) is False
