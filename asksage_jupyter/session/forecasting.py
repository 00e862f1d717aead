"""A session's own forecast: how fast its account spends, and what it may spend of what would expire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import forecast, month
from ..account import Meter
from ..errors import BadInput
from .budgeting import Budget

if TYPE_CHECKING:
    from ..account import Account
    from ..forecast import Pace, WorkingDays
    from ..ledger import Ledger
    from .session import Session

_TOLD_BY = "the forecast: %asksage pace"


def pace_of(session: Session, meter: Meter) -> Pace:
    """How fast a meter of the session's account is spent, and how long it lasts, from the ledger alone."""
    found = pace_in(session.ledger, session.account, meter, session.clock(), session.settings.working_days)
    usual = session.ledger.usual_call(session.account, meter) if found.is_expiring else None
    return found.buying(usual)


def pace_in(ledger: Ledger, account: Account, meter: Meter, now: int, calendar: WorkingDays) -> Pace:
    """The same of any account, or of a pool as a whole, at an instant in microseconds UTC."""
    starts, ends = month.bounds(month.period_at(now, account.zone), account.zone)
    quarters = ledger.spending(account, meter, starts - forecast.HISTORY, ends)
    return forecast.pace(
        ledger.balance(account).of(meter),
        forecast.daily(quarters, account.zone),
        now,
        account.zone,
        calendar,
    )


class Leftover(Budget):
    """What the forecast says will expire in nine of ten cases, and no token of the next month.

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
