"""How long the service says to wait before it is asked again, and whether that is worth waiting for."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from .scalars import seconds

if TYPE_CHECKING:
    import httpx

LONGEST_S = 60.0  # waited for in all, before the person is told how long instead


def told_s(response: httpx.Response) -> float | None:
    """The seconds of a reply's ``Retry-After``, which is a number or a date; None where it has none."""
    header = response.headers.get("retry-after", "").strip()
    if (number := seconds(header)) is not None:
        return number
    with contextlib.suppress(ValueError, OverflowError, TypeError):
        until = parsedate_to_datetime(header)
        return max(0.0, (_aware(until) - _now(response)).total_seconds())
    return None


def _now(response: httpx.Response) -> datetime:
    """The service's own clock, which the date was made by; this machine's where it is not told."""
    with contextlib.suppress(ValueError, OverflowError, TypeError):
        return _aware(parsedate_to_datetime(response.headers.get("date", "")))
    return datetime.now(UTC)


def _aware(date: datetime) -> datetime:
    return date if date.tzinfo else date.replace(tzinfo=UTC)
