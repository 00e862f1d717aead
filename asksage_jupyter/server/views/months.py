"""One month: a meter day by day with the last calls, and both meters as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import month
from ...account import Meter
from ...errors import BadInput, LedgerMissing
from ..wire import figures
from ..wire.summary import summary

if TYPE_CHECKING:
    from ...account import Account
    from ..wire.figures import Wire
    from .account_view import AccountView

_CALLS = 20
_PIECES = 400  # looked at for as many lines: of an upload each piece is a call


def by_day(view: AccountView, meter: Meter, period: str | None) -> Wire:
    """A meter's month day by day, and its last calls on both meters; nothing was used where no ledger is.

    Raises
    ------
    BadInput
        `period` is no month.
    LedgerError
        The ledger cannot be read.
    """
    now, account = view.clock(), view.known_or_configured()
    period, starts, ends = _bounds(period, now, account.zone)
    is_now = starts <= now < ends
    try:
        used = view.days(account, meter, starts, ends, now)
        recent = view.ledger.recent(account, since=starts, until=ends, limit=_PIECES)
        granted = _granted(view, account, meter, None if is_now else period)
    except LedgerMissing:
        used, recent, granted = {}, [], None
    days = figures.days(used, starts, ends, account.zone)
    return {
        "meter": meter.value,
        "period": period,
        "starts": figures.instant(starts),
        "ends": figures.instant(ends),
        "granted": granted,
        "today": month.local_day(now, account.zone).isoformat() if is_now else None,
        "days": days,
        "even": figures.even(granted, days, view.settings.working_days),
        "words": figures.picture(meter, days),
        "calls": view.calls(recent, account, now)[:_CALLS],
        "zone": f"{month.to_datetime(now).astimezone(month.rules_of(account.zone)):%Z}",
    }


def markdown(view: AccountView, period: str | None) -> str:
    """A month's summary as Markdown.

    Raises
    ------
    BadInput
        `period` is no month.
    LedgerError
        There is no ledger, or it cannot be read.
    """
    now, account = view.clock(), view.account()
    period, starts, ends = _bounds(period, now, account.zone)
    balance = view.ledger.balance(account)
    months = [view.ledger.month(account, meter, period) for meter in Meter]
    paces = [view.pace(balance, meter, now) for meter in Meter] if starts <= now < ends else []
    return summary(balance.title, months, [pace for pace in paces if pace is not None], now)


def _granted(view: AccountView, account: Account, meter: Meter, period: str | None) -> int | None:
    """What was given for a month; for this one as the balance tells it."""
    if period is None:
        found = view.ledger.balance(account).of(meter)
        return None if found.is_uncapped else found.granted
    past = view.ledger.month(account, meter, period)
    return past.given if past.is_known else None


def _bounds(period: str | None, now: int, zone: str) -> tuple[str, int, int]:
    """A month as it is written, and its bounds; this one where none is told."""
    try:
        starts, ends = month.bounds(period or month.period_at(now, zone), zone)
    except OverflowError:
        raise BadInput(f"{period!r} is no month of this age: write it like 2026-11") from None
    return month.period_at(starts, zone), starts, ends
