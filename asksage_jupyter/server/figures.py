"""Figures as they go over the wire: dicts of JSON; instants in UTC, days in the account's zone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from .. import month
from ..ledger import CALL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..account import Balance, MeterBalance, Pool
    from ..forecast import Pace
    from ..ledger import NotebookSpending
    from ..session.access import Noted

Wire = dict[str, Any]

_OF_A_CALL = (
    "model", "meter", "tokens", "estimate", "source", "status", "notebook", "cell", "duration_ms",
)  # fmt: skip
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
    return None if noted is None else {"state": noted.state.value, "words": noted.words}


def period(now: int, zone: str) -> Wire:
    """The month of `now`; its last day counts as one day left."""
    key = month.period_at(now, zone)
    starts, ends = month.bounds(key, zone)
    left = (month.local_day(ends, zone) - month.local_day(now, zone)).days
    return {"key": key, "starts": instant(starts), "ends": instant(ends), "days_left": max(1, left)}


def meter(found: MeterBalance, pace: Pace | None) -> Wire:
    """What is left on a meter, and how long it lasts."""
    return {
        "meter": found.meter.value,
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
    }


def call(row: Sequence[Any]) -> Wire:
    """A call of the ledger; neither its id nor who sent it for what project leaves the server."""
    found = dict(zip(CALL_COLUMNS, row, strict=True))
    return {"sent_at": instant(found["sent_at"]), **{name: found[name] for name in _OF_A_CALL}}


def days(used: Mapping[date, int], starts: int, ends: int, zone: str) -> list[Wire]:
    """Every day of a month in order, those to come too."""
    return [
        {"date": each.isoformat(), "used": used.get(each, 0)}
        for each in _days_between(month.local_day(starts, zone), month.local_day(ends, zone))
    ]


def opened(rows: Sequence[Sequence[Any]]) -> Wire:
    """The calls without a bill yet: how many, and what is held for them."""
    return {"calls": len(rows), "tokens": sum(row[_TOKENS] for row in rows)}


def notebook(path: str, found: NotebookSpending, open_calls: Sequence[Sequence[Any]]) -> Wire:
    """What a notebook used, the dearest cells first, and what is held for its calls without a bill yet."""
    return {
        "path": path,
        "open": opened(open_calls),
        "tokens": found.tokens,
        "calls": found.calls,
        "cells": [
            {
                "cell": each.cell,
                "tokens": each.tokens,
                "calls": each.calls,
                "model": each.model,
                "sent_at": instant(each.sent_at),
            }
            for each in found.cells
        ],
    }


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
