"""How long all that is asked for free may take together, however many routes and tries that are."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class _Limit:
    ends: float
    lasts: float
    outer: _Limit | None = None
    is_over: bool = False


_NONE = _Limit(math.inf, math.inf)
_limit: ContextVar[_Limit] = ContextVar("asksage_deadline", default=_NONE)


@contextmanager
def within_s(seconds: float) -> Iterator[None]:
    """What is asked for free within ends after `seconds`, or when an outer limit does; what costs has none.

    It goes with the context: a thread that is to share it runs in a copy.
    """
    outer = _now()
    limit = _Limit(min(outer.ends, time.monotonic() + seconds), min(outer.lasts, seconds), outer)
    try:
        _limit.set(limit)
        yield
    finally:
        # First of all, at a stroke: a Ctrl-C may prevent what follows, and must not leave a limit behind.
        limit.is_over = True
        _limit.set(outer)


def left_s() -> float:
    """Seconds until the limit; infinite where there is none."""
    return _now().ends - time.monotonic()


def limit_s() -> float:
    """How long the whole was given, in seconds."""
    return _now().lasts


def _now() -> _Limit:
    limit = _limit.get()
    while limit.is_over and limit.outer is not None:
        limit = limit.outer
    return limit
