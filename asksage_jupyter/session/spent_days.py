"""What was used day by day, kept so that a pace costs no more than the last day's entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import month
from ..forecast import HISTORY, daily
from ..ledger import QUARTER

if TYPE_CHECKING:
    from datetime import date

    from ..account import Account, Meter
    from ..ledger import LedgerView

_DAY = 96 * QUARTER
_KEPT = _DAY // 144  # ten minutes: bills that come a day late may take as long to show


class SpentDays:
    """The days of this month and of 90 days before it, of any account's meters.

    Attributes
    ----------
    view : LedgerView
    """

    def __init__(self, view: LedgerView) -> None:
        self.view = view
        self._older: dict[tuple[Account, Meter], tuple[int, int, list[tuple[int, int]]]] = {}

    def of(self, account: Account, meter: Meter, now: int) -> dict[date, int]:
        """Tokens used on each local day that has any.

        Raises
        ------
        LedgerError
        """
        read_at, yesterday, older = self._older.get((account, meter), (0, 0, []))
        if not read_at <= now < read_at + _KEPT:
            starts, _ = month.bounds(month.period_at(now, account.zone), account.zone)
            yesterday = (now - _DAY) // QUARTER * QUARTER
            older = self.view.spending(account, meter, min(starts - HISTORY, yesterday), yesterday)
            self._older[account, meter] = now, yesterday, older
        newer = self.view.spending(account, meter, yesterday, now + 2 * QUARTER)
        return daily([*older, *newer], account.zone)
