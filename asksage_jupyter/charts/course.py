"""The course of a month: what was given, what was spent on each day, and where that leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from .. import month

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..account import Meter
    from ..forecast import Course, Pace
    from ..session import Session


def course(
    session: Session, meter: Meter, period: str, spent: Mapping[date, int] | None = None
) -> tuple[Course, Pace | None]:
    """The course of `period`, and its pace unless it is over; of the ledger's spending, or of `spent`."""
    from ..forecast import HISTORY, Course, daily, pace

    calendar = session.settings.working_days
    account, ledger, now = session.account, session.ledger, session.clock()
    starts, ends = month.bounds(period, account.zone)
    balance = ledger.balance(account).of(meter)
    if spent is None:
        spent = daily(ledger.spending(account, meter, starts - HISTORY, ends), account.zone)
    figures = ledger.month(account, meter, period)
    given, last = figures.given if figures.is_known else None, month.local_day(ends - 1, account.zone)
    whole = Course.until(last, last, spent, 0, given, calendar)
    if not starts <= now < ends:
        return whole, None
    found = pace(replace(balance, granted=given, used=whole.used), spent, now, account.zone, calendar)
    return found.course, found
