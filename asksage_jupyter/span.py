"""From when until when: what people write, as instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from . import month
from .display.dates import day
from .display.plain import shown
from .errors import BadInput

When = date | str
"""A date, a datetime, either in ISO form, or one of `DAYS`."""

_DAY = timedelta(days=1)
DAYS = {"today": 0, "yesterday": 1}
"""Words for a day, and how many days ago it is."""


class Span(NamedTuple):
    """A time from `first` until `last`, which is out, in microseconds UTC; open where it is None."""

    first: int | None
    last: int | None

    def name(self, zone: str) -> str:
        """As ISO 8601 has it, the days whole and the last one in: ``"2026-10-01/2026-11-20"``."""
        until = _written(self.last, zone, through=True)
        return f"{_written(self.first, zone, through=False)}/{until}"


def words_of(name: str) -> str:
    """What `Span.name` tells, as people read it: ``"1 Oct 2026 to 20 Nov 2026"``."""
    first, _, last = name.partition("/")
    return " ".join(filter(None, (_read(first), f"to {_read(last) or 'now'}")))


def dated(when: When | None, now: int, zone: str) -> When | None:
    """The same, a word for a day as that day in `zone`."""
    ago = DAYS.get(when.strip().lower()) if isinstance(when, str) else None
    return when if ago is None else month.local_day(now, zone) - ago * _DAY


def span(period: object, since: When | None, until: When | None, zone: str) -> Span:
    """The first instant, and the first one after it that is out, in microseconds UTC.

    Raises
    ------
    BadInput
        `period` is no month, or given with one of the others; a bound is no date; nothing lies between.
    """
    if period is not None:
        if since is not None or until is not None:
            raise BadInput("give a period, or since and until, not both")
        return Span(*month.bounds(month.named(period), zone))
    try:
        first = None if since is None else _instant("since", since, zone, through=False)
        last = None if until is None else _instant("until", until, zone, through=True)
    except OverflowError:
        raise BadInput("since and until lie between the years 2 and 9998") from None
    if first is not None and last is not None and first >= last:
        raise BadInput(f"nothing lies between since {since} and until {until}: the earlier one goes first")
    return Span(first, last)


def _instant(name: str, when: When, zone: str, *, through: bool) -> int:
    """The instant that is meant; of a day its beginning, or with `through` its end."""
    found = _parsed(name, when)
    if isinstance(found, datetime):
        # A wall clock's time that comes twice is taken the first time.
        aware = found if found.tzinfo else found.replace(tzinfo=month.rules_of(zone))
        return month.to_instant(aware.astimezone(UTC))
    return _beginning(found + _DAY if through else found, zone)


def _beginning(day: date, zone: str) -> int:
    """A day's first instant, also where its midnight does not exist."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=month.rules_of(zone))
    return month.to_instant(midnight.astimezone(UTC))


def _written(t: int | None, zone: str, *, through: bool) -> str:
    if t is None:
        return ".."
    found = month.to_datetime(t).astimezone(month.rules_of(zone)).replace(tzinfo=None)
    if t == _beginning(found.date(), zone):
        return str(found.date() - through * _DAY)
    return found.isoformat(timespec="seconds" if found.second or found.microsecond else "minutes")


def _read(written: str) -> str:
    if written == "..":
        return ""
    found = datetime.fromisoformat(written)
    words = day(found, year=True)
    return f"{words} {written.partition('T')[2]}" if "T" in written else words


def _of_pandas(name: str, when: Any) -> When:
    """What pandas and NumPy have for a day or time, as Python has it."""
    if type(when).__name__ == "datetime64" and not str(when).startswith("NaT"):
        return str(when.astype("datetime64[us]"))
    if hasattr(when, "freqstr"):  # a period, which is meant whole
        day: date = (when.end_time if name == "until" else when.start_time).date()
        return day
    given: When = when
    return given


def _parsed(name: str, when: When) -> date:
    when = _of_pandas(name, when)
    if isinstance(when, date) and when == when:  # pandas.NaT is not itself
        return when
    text = when if isinstance(when, str) else ""
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            return parse(text)
        except ValueError:
            continue
    days = ", ".join(DAYS)
    raise BadInput(
        f"{name} is a date like 2026-11-23, or a time like 2026-11-23T14:00, or {days}, not {shown(when)}"
    )
