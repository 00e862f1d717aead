"""Instants and local days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from .. import month

HISTORY = timedelta(days=90) // timedelta(microseconds=1)
"""How far before a month a forecast looks back, in microseconds."""


def daily(quarters: Iterable[tuple[int, int]], zone: str) -> dict[date, int]:
    """Tokens used on each local day that has an entry; every zone's midnight falls on a quarter hour.

    Parameters
    ----------
    quarters : iterable of (int, int)
        The start of a quarter hour in microseconds UTC, and the tokens used in it.
    zone : str
        IANA name.
    """
    local = month.rules_of(zone)
    days: dict[date, int] = defaultdict(int)
    for t, tokens in quarters:
        days[month.to_datetime(t).astimezone(local).date()] += tokens
    return dict(days)


def today(now: int, zone: str) -> date:
    """The local day of the instant `now` (microseconds UTC), always of the month that `now` belongs to."""
    local = month.local_day(now, zone)
    # Where clocks fall back from midnight of the 1st they read the old month again for an hour.
    return max(local, date.fromisoformat(f"{month.period_at(now, zone)}-01"))


def to_come_share(day: date, now: int, zone: str) -> float:
    """The share of the local `day` that is still to come, 0 to 1; days of 23 and 25 hours are as they are."""
    start, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    return min(1.0, max(0.0, (end - now) / (end - start)))


def _midnight(day: date, zone: str) -> int:
    local = datetime(day.year, day.month, day.day, tzinfo=month.rules_of(zone))
    return month.to_instant(local.astimezone(UTC))
