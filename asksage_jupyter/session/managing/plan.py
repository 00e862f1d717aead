"""What the account has a month, and what is bought besides."""

from __future__ import annotations

import operator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, SupportsIndex

from ... import month
from ...account import Meter
from ...display.dates import day
from ...display.plain import shown
from ...errors import BadInput
from ...ledger.moves.grants import checked

if TYPE_CHECKING:
    from ...account import Balance
    from ..session import Session

_LONGEST_RECEIPT = 400  # characters; an index of PostgreSQL takes 2,700 bytes


def top_up(
    session: Session,
    tokens: SupportsIndex,
    meter: str,
    receipt: str | SupportsIndex,
    expires: date | str | None,
) -> Balance:
    """Do what `asksage_jupyter.top_up` says."""
    wanted = Meter.named(meter)
    tokens = checked(tokens, "a top-up", least=1)
    source = f"top-up:{_named(receipt)}"
    now = session.clock()
    starts, ends = month.bounds(month.period_at(now, session.account.zone), session.account.zone)
    if expires is not None:
        ends = _end_of(expires, session.account.zone)
    if ends <= now and not session.ledger.has_grant(session.account, wanted, source):
        raise BadInput(
            f"{shown(str(expires))} is over: expires is the last day on which the tokens can be spent"
        )
    session.make_contact()
    session.ledger.grant(
        session.account, wanted, tokens, source=source, starts=starts, ends=max(ends, starts + 1)
    )
    return session.ledger.balance(session.account)


def _named(receipt: str | SupportsIndex) -> str:
    """The receipt as the ledger keeps it; a number is as good as a text."""
    named = str.__str__(receipt) if isinstance(receipt, str) else _digits(receipt)
    if not named.strip():
        raise BadInput(
            f"a top-up needs its receipt, by which it is booked once: any text that names the purchase, "
            f"not {shown(receipt)}"
        )
    if len(named) > _LONGEST_RECEIPT:
        raise BadInput(f"a receipt is at most {_LONGEST_RECEIPT} characters: its number is enough")
    return named.strip()


def _digits(number: SupportsIndex) -> str:
    try:
        return "" if isinstance(number, bool) else str(operator.index(number))
    except Exception:  # noqa: BLE001  of whatever kind, it is none
        return ""


def overdrawn(balance: Balance) -> list[str]:
    """One line for each meter from which nothing can be spent, and until when."""
    zone = month.rules_of(balance.account.zone)
    return [
        f"{meter.meter}: {meter.used + meter.held:,} tokens of {meter.granted:,} are used or held; calls are "
        f"refused until {day(meter.resets_at.astimezone(zone), year=True)}, a top-up or a larger plan"
        for meter in balance.meters
        if meter.remaining is not None and meter.granted is not None and meter.remaining <= 0 < meter.used
    ]


def _end_of(day: date | str, zone: str) -> int:
    """The first instant after `day` in `zone`."""
    try:
        given = date.fromisoformat(day) if isinstance(day, str) else date(day.year, day.month, day.day)
        following = given + timedelta(days=1)
    except Exception:  # noqa: BLE001  of whatever kind, it is none
        raise BadInput(f"{shown(day)} is not a date: write it like 2026-12-31") from None
    midnight = datetime(following.year, following.month, following.day, tzinfo=month.rules_of(zone))
    return month.to_instant(midnight.astimezone(UTC))
