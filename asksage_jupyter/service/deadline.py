"""How long all that is asked for free may take together, however many routes and tries that are."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends: ContextVar[float] = ContextVar("asksage_deadline", default=math.inf)
_lasts: ContextVar[float] = ContextVar("asksage_deadline_s", default=math.inf)


@contextmanager
def within_s(seconds: float) -> Iterator[None]:
    """What is asked for free within ends after `seconds`, or when an outer limit does; what costs has none.

    It goes with the context: a thread that is to share it runs in a copy.
    """
    ends = min(_ends.get(), time.monotonic() + seconds)
    set_ends = _ends.set(ends)
    set_lasts = _lasts.set(min(_lasts.get(), seconds))
    try:
        yield
    finally:
        _ends.reset(set_ends)
        _lasts.reset(set_lasts)


def left_s() -> float:
    """Seconds until the limit; infinite where there is none."""
    return _ends.get() - time.monotonic()


def limit_s() -> float:
    """How long the whole was given, in seconds."""
    return _lasts.get()
