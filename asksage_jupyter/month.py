"""Clock and zone -> period: which month an instant belongs to, and when that month starts and ends.

Instants are int64 microseconds since 1970 in UTC; a period is ``"2026-11"``; a zone is an IANA name.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .display.dates import day
from .display.plain import shown
from .errors import BadInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE, _HOUR = 60_000_000, 3_600_000_000


def now() -> int:
    """The present instant, in microseconds UTC."""
    return time.time_ns() // 1000


def moment(t: int, zone: str = "UTC", now: int | None = None) -> str:
    """An instant as people read it, to the minute: "28 Nov 14:02 UTC".

    With `now`, its age too, if that is less than a day, and no day if that is today: "14:02 UTC (2 min ago)".
    """
    then = to_datetime(t).astimezone(rules_of(zone))
    words = f"{day(then)} {then:%H:%M %Z}"
    if now is None or now - t >= 24 * _HOUR:
        return words
    is_today = local_day(t, zone) == local_day(now, zone)
    return f"{f'{then:%H:%M %Z}' if is_today else words} ({_age(now - t)})"


def _age(passed: int) -> str:
    """How long ago, roughly: seconds would change all the time, and nobody needs them."""
    if passed >= _HOUR:
        return f"{passed // _HOUR} h ago"
    return f"{passed // _MINUTE} min ago" if passed >= _MINUTE else "just now"


def to_datetime(t: int) -> datetime:
    """The aware UTC datetime of the instant `t` (microseconds)."""
    return _EPOCH + timedelta(microseconds=t)


def to_instant(moment: datetime) -> int:
    """The instant of an aware datetime, in microseconds UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def local_day(t: int, zone: str) -> date:
    """The day in `zone` on which the instant `t` falls, as clocks there read it.

    Raises
    ------
    BadInput
        `zone` is not an IANA time zone.
    """
    return to_datetime(t).astimezone(rules_of(zone)).date()


def period_at(t: int, zone: str = "UTC") -> str:
    """The period (``"2026-11"``) that holds the instant `t` in `zone`.

    Raises
    ------
    BadInput
        `zone` is not an IANA time zone.
    """
    # Asked of the bounds, not of the wall clock alone: where clocks fall back from midnight of the
    # 1st, they read the old month again for an hour, and a month once begun must not reopen.
    local = to_datetime(t).astimezone(rules_of(zone))
    period = f"{local.year:04d}-{local.month:02d}"
    following = _following(period)
    return following if t >= _bounds(period, zone)[1] else period


def named(given: object) -> str:
    """The period that is meant: by ``"2026-11"`` or ``"2026-9"``, by a day of it, by pandas' own months.

    Raises
    ------
    BadInput
        It is no month.
    """
    text = given
    if callable(of_month := getattr(given, "strftime", None)) and _is_within_a_month(given):
        with suppress(ValueError):  # pandas.NaT is no day
            text = of_month("%Y-%m")
    elif type(given).__name__ == "datetime64":
        text = str(given)[:7]
    bounds(text)  # type: ignore[arg-type]  # which is what it looks at
    year, _, month = str(text).partition("-")
    return f"{int(year):04d}-{int(month):02d}"


def _is_within_a_month(given: object) -> bool:
    """Whether it is no longer than a month, as a quarter of pandas' is."""
    return str(getattr(given, "freqstr", "M"))[:1] in "MDBhHmsT"


def bounds(period: str, zone: str = "UTC") -> tuple[int, int]:
    """First instant of `period` and of the one after it, in microseconds UTC.

    Raises
    ------
    BadInput
        `period` is not of the form ``YYYY-MM``, or `zone` is unknown.
    """
    return _first_instant(period, zone), _first_instant(_following(period), zone)


_bounds = lru_cache(maxsize=64)(bounds)  # every call asks for those of its own month


def _first_instant(period: str, zone: str) -> int:
    """The first instant whose local date is the 1st: also where midnight does not exist, or happens twice."""
    try:
        midnight = datetime.strptime(period, "%Y-%m")
    except (TypeError, ValueError):
        raise BadInput(f"{shown(period)} is not a month: write it like 2026-11") from None
    # fold=0 takes the earlier of two midnights. A midnight that does not exist maps, through UTC,
    # to the instant the clocks jump: with the offset of before the gap it is that very instant.
    return to_instant(midnight.replace(tzinfo=rules_of(zone), fold=0).astimezone(UTC))


def _following(period: str) -> str:
    year, month = (int(part) for part in period.split("-"))
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


def rules_of(zone: str) -> tzinfo:
    """The rules of the clocks in `zone`.

    Raises
    ------
    BadInput
        `zone` is not an IANA time zone, or this machine has no rules of it.
    """
    if zone == "UTC":  # also where there is no database of zones
        return UTC
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise BadInput(f"{shown(zone)} is no time zone: use an IANA name, such as America/New_York") from None
