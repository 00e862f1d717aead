"""A session's own forecast: how fast its account spends, and what it may spend of what would expire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import forecast, month
from ..account import Level, Meter, limiting
from ..errors import BadInput
from .budgeting import Budget
from .spent_days import SpentDays

if TYPE_CHECKING:
    from ..account import Balance, MeterBalance
    from ..forecast import Pace, WorkingDays
    from .session import Session

_TOLD_BY = "the forecast: %asksage pace"


def pace_of(session: Session, meter: Meter) -> Pace:
    """How fast a meter of the session's account is spent, and how long it lasts, from the ledger alone."""
    ledger, calendar = session.ledger, session.settings.working_days
    return own_pace(SpentDays(ledger), ledger.balance(session.account), meter, session.clock(), calendar)


def own_pace(spent: SpentDays, balance: Balance, meter: Meter, now: int, calendar: WorkingDays) -> Pace:
    """The same of the account of a balance, at an instant in microseconds UTC."""
    found = pace_in(spent, balance, meter, now, calendar)
    usual = spent.view.usual_call(balance.account, meter) if found.is_expiring else None
    return found.buying(usual)


def pace_in(spent: SpentDays, balance: Balance, meter: Meter, now: int, calendar: WorkingDays) -> Pace:
    """The same of any account, or of a pool as a whole, without what its holder's calls are like."""
    account = balance.account
    return forecast.pace(balance.of(meter), spent.of(account, meter, now), now, account.zone, calendar)


def is_told(found: MeterBalance) -> bool:
    """Whether a pace says something below what is left of a meter.

    Of what nobody uses there is nothing to expect; that it is used up is said already.
    """
    is_used_up = limiting(found).level in (Level.USED_UP, Level.OVER)
    return bool(found.used or found.held) and not is_used_up


def is_limited(found: MeterBalance) -> bool:
    """Whether a meter has an end of its own, for which there is a pace."""
    return found.granted is not None and not found.is_uncapped


class Leftover(Budget):
    """What the forecast says will expire at least, the low end of its band; no token of the next month.

    Parameters
    ----------
    session : Session

    Raises
    ------
    BadInput
        It is too early to say what will expire, or nobody told what there is.
    """

    def __init__(self, session: Session) -> None:
        pace = pace_of(session, Meter.INFERENCE)
        if pace.expiring_low is None:
            raise BadInput(f"what will expire cannot be said yet. {pace.words} Nothing was sent.")
        super().__init__("what will expire this month", pace.expiring_low, _TOLD_BY)
        self._clock, self._zone = session.clock, session.account.zone
        self._period = month.period_at(self._clock(), self._zone)

    @property
    def left(self) -> int:
        """What is neither spent nor held; nothing once the month is over."""
        is_over = month.period_at(self._clock(), self._zone) != self._period
        return 0 if is_over else super().left
