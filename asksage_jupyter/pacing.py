"""The pace of the current account, read from its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .account import Meter
from .session import current
from .session.forecasting import pace_of

if TYPE_CHECKING:
    from .forecast import Pace

__all__ = ["pace"]


def pace(meter: str = "inference") -> Pace:
    """Tell how fast a meter's tokens are spent, and how long they last.

    Read from the ledger; the first time, where there is a key, the service is asked what the account has.
    Weekends and holidays are those of
    ``AskSage.weekend`` and ``AskSage.holidays``.

    Parameters
    ----------
    meter : str
        ``"inference"`` or ``"training"``.

    Returns
    -------
    Pace
        ``.a_day`` spent a working day lately, ``.up_to`` what may be spent, ``.exhausted_on`` between
        ``.earliest`` and ``.latest`` in 80 % of cases, as far as habits go on, ``.expiring`` unused, and in
        the month's last five working days what they would buy. How: `asksage_jupyter.forecast.paths`.

    Raises
    ------
    BadInput
        There is no such meter.
    LedgerError
        The ledger cannot be read.
    NotReached, BadKey
        First contact, and the service cannot be asked.
    """
    wanted = Meter.named(meter)
    session = current()
    session.make_contact(needs_key=False)
    return pace_of(session, wanted)
