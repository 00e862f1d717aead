"""What goes over the wire, as dicts of JSON: figures, and the words in which they are shown.

Instants are in UTC, days in the account's zone. The words are those of the notebook's panel: the front end
makes none of its own, and knows no figure's meaning.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ... import month
from ...account import Meter, advice, gauges, limiting, unbilled_words
from ...display.dates import day
from ...display.plain import many
from ...ledger import CALL_COLUMNS
from ...session.forecasting import is_told
from .status import access_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...account import Balance, Gauge, MeterBalance, Pool
    from ...forecast import Pace, WorkingDays
    from ...ledger import NotebookSpending
    from ...session.endpoints import Running
    from ...session.holder.access import Noted
    from ...session.holding.bounds import Bound

Wire = dict[str, Any]

_TOKENS = CALL_COLUMNS.index("tokens")
_OF_A_PACE = ("words", "advice", "lasts", "a_day", "up_to", "expiring")
_DAYS_OF_A_PACE = ("exhausted_on", "earliest", "latest")


def instant(t: int) -> str:
    """An instant of microseconds UTC."""
    return month.to_datetime(t).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def holder(balance: Balance) -> Wire:
    """Whose tokens these are."""
    found = balance.account
    return {
        "holder": found.holder,
        "host": found.host,
        "zone": found.zone,
        "demo": found.is_demo,
        "title": balance.title,
    }


def access(noted: Noted | None) -> Wire | None:
    """What stands between the account and the service; None where nothing is known to."""
    if noted is None:
        return None
    return {"state": noted.state.value, "title": access_title(noted), "words": noted.words}


def endpoint(running: Running) -> Wire:
    """An endpoint on this machine, and what came of it."""
    return {
        "name": running.name,
        "url": running.url,
        "since": instant(running.since),
        "calls": running.calls,
        "tokens": running.tokens,
        "words": running.words,
    }


def period(now: int, zone: str) -> Wire:
    """The month of `now`; its last day counts as one day left."""
    key = month.period_at(now, zone)
    starts, ends = month.bounds(key, zone)
    left = (month.local_day(ends, zone) - month.local_day(now, zone)).days
    return {"key": key, "starts": instant(starts), "ends": instant(ends), "days_left": max(1, left)}


def meter(
    found: MeterBalance, pace: Pace | None, zone: str = "UTC", *, asked_for: int = 0, may_tell: bool = True
) -> Wire:
    """What is left on a meter, and how long it lasts.

    Parameters
    ----------
    zone : str
        The account's.
    asked_for : int
        Tokens that were asked for, about which nobody has decided.
    may_tell : bool
        Whether the person is to tell what is not known: not while the service may yet.
    """
    first = limiting(found)
    return {
        "meter": found.meter.value,
        "title": found.meter.capitalize(),
        "granted": found.granted,
        "used": found.used,
        "held": found.held,
        "remaining": found.remaining,
        "spendable": found.spendable,
        "overage": found.overage if found.granted is not None else 0,
        "source": found.source,
        "as_of": instant(month.to_instant(found.as_of)) if found.as_of else None,
        "pace": None if pace is None else _pace(pace),
        "pool": None if found.pool is None else _pool(found.pool),
        "asked_for": asked_for,
        "level": first.level.value,
        "step": first.level.words,
        "left": first.words,
        "gauges": [_gauge(each) for each in gauges(found)],
        "lines": _lines(found, pace, zone, asked_for=asked_for, may_tell=may_tell),
    }


def days(used: Mapping[date, int], starts: int, ends: int, zone: str) -> list[Wire]:
    """Every day of a month in order, those to come too."""
    found = _days_between(month.local_day(starts, zone), month.local_day(ends, zone))
    return [
        {
            "date": each.isoformat(),
            "day": day(each),
            "used": used.get(each, 0),
            "figure": f"{used.get(each, 0):,}",
        }
        for each in found
    ]


def even(granted: int | None, days: Sequence[Wire], calendar: WorkingDays) -> Wire | None:
    """Spending that would just last: tokens on each day, none on days off; None without an allotment."""
    dates = [date.fromisoformat(day["date"]) for day in days]
    a_day = int(calendar.even(granted or 0, dates[0], dates[-1]))
    if not a_day:
        return None
    return {
        "tokens": [a_day if day in calendar else 0 for day in dates],
        "words": f"Even: {a_day:,} a working day",
    }


def picture(meter: Meter, days: Sequence[Wire]) -> str:
    """The month's days in a sentence; empty where nothing was used."""
    peak = max(days, key=lambda day: int(day["used"]))
    if peak["used"] <= 0:
        return ""
    used = sum(day["used"] for day in days)
    return (
        f"{meter.capitalize()} tokens used each day: {used:,} in all, "
        f"most on {peak['day']} ({peak['figure']})."
    )


def opened(rows: Sequence[Sequence[Any]]) -> Wire:
    """The calls without a bill yet: how many, and what is held for them."""
    calls, tokens = len(rows), sum(row[_TOKENS] for row in rows)
    return {"calls": calls, "tokens": tokens, "words": unbilled_words(calls, tokens)}


def bound(found: Bound) -> str:
    """What an envelope of a notebook, or a budget of its kernel, leaves."""
    warns = ", and only warns" if found.is_soft else ""
    return (
        f"{found.words[:1].upper()}{found.words[1:]} leaves {max(0, found.left):,} of {found.tokens:,}{warns}"
    )


def notebook(
    path: str, found: NotebookSpending, open_calls: Sequence[Sequence[Any]], bound: str, again: str
) -> Wire:
    """What a notebook used, the dearest cells first, what is held, what bounds it, what it costs again."""
    used = f"{found.tokens:,} tokens this month, {many(found.calls, 'call')}" if found.calls else ""
    return {
        "path": path,
        "open": opened(open_calls),
        "tokens": found.tokens,
        "calls": found.calls,
        "words": used,
        "bound": bound,
        "again": again,
        "cells": [
            {
                "cell": each.cell,
                "tokens": each.tokens,
                "calls": each.calls,
                "model": each.model,
                "sent_at": instant(each.sent_at),
                "figure": f"{each.tokens:,}",
                "words": f"{each.model} · {many(each.calls, 'call')}",
            }
            for each in found.cells
        ],
    }


def _gauge(found: Gauge) -> Wire:
    figure, against = found.headline
    return {
        "name": found.name,
        "label": found.label,
        "pool": bool(found.pool),
        "level": found.level.value,
        "step": found.level.words,
        "figure": figure,
        "against": against,
        "bar": []
        if found.granted is None
        else [{"kind": each.kind, "share": each.share, "words": each.words} for each in found.segments],
    }


def _lines(
    found: MeterBalance, pace: Pace | None, zone: str, *, asked_for: int, may_tell: bool
) -> list[Wire]:
    """What is told below a meter's bars, each line with its kind."""
    lines = {
        "own": f"You used {found.used:,} of it." if found.is_uncapped else "",
        "bound": f"{found.bound_words[:1].upper()}{found.bound_words[1:]}",
        "pace": pace.told if pace is not None and is_told(found) else "",
        "advice": advice(found, zone) if may_tell or found.granted is not None or found.pool else "",
        "asked": f"{asked_for:,} asked for, pending" if asked_for else "",
    }
    return [{"kind": kind, "words": words} for kind, words in lines.items() if words]


def _pool(found: Pool) -> Wire:
    return {
        "name": found.name,
        "granted": found.granted,
        "used": found.used,
        "held": found.held,
        "remaining": found.remaining,
        "held_by_others": found.held_by_others,
        "open_by_others": found.open_by_others,
        "capped": found.is_capped,
        "words": str(found),
    }


def _pace(pace: Pace) -> Wire:
    days = {name: getattr(pace, name) for name in _DAYS_OF_A_PACE}
    return {
        **{name: getattr(pace, name) for name in _OF_A_PACE},
        **{name: day and day.isoformat() for name, day in days.items()},
    }


def _days_between(first: date, end: date) -> Iterator[date]:
    while first < end:
        yield first
        first += timedelta(days=1)
