"""Whose figures are shown, and what they are read from: one kept view of the ledger."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from ...errors import AskSageError, LedgerMissing
from ...forecast import daily
from ...ledger import CALL_COLUMNS, LedgerView
from ...ledger.stores.place import place_of
from ...session.forecasting import is_limited, own_pace
from ...session.holder.access import Access, Noted
from ...session.origins.labels import cell_label
from ...session.origins.renames import called_now
from ...session.spent_days import SpentDays
from ..wire.calls import calls
from .whose import whose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from pathlib import Path
    from typing import Any

    from ...account import Account, Balance, Meter
    from ...forecast import Pace
    from ...settings import AskSage
    from ..wire.figures import Wire

_NOTEBOOK = CALL_COLUMNS.index("notebook")


class AccountView:
    """The account that is shown, in the ledger; called from one thread.

    Parameters
    ----------
    settings : AskSage
        Whose ledger, and whose tokens.
    clock : callable
        The present instant, in microseconds UTC.
    """

    def __init__(self, settings: AskSage, clock: Callable[[], int]) -> None:
        self.settings, self.clock = settings, clock

    @cached_property
    def ledger(self) -> LedgerView:
        """What is read; opened when it is first asked."""
        timeout_s = self.settings.ledger_timeout_s
        return LedgerView(self.settings.ledger, clock=self.clock, timeout_s=timeout_s)

    @cached_property
    def _spent_days(self) -> SpentDays:
        return SpentDays(self.ledger)

    @property
    def folder(self) -> Path:
        """The ledger's, whether there is a ledger or not."""
        return place_of(self.settings.ledger).folder

    def account(self) -> Account:
        """Whose figures are shown.

        Raises
        ------
        LedgerError
            There is no ledger, or it cannot be read.
        """
        settings = self.settings
        return whose(settings.account, self.ledger.accounts(), is_named=bool(settings.email))

    def known_or_configured(self) -> Account:
        """The same; the configured one where there is no ledger yet."""
        try:
            return self.account()
        except LedgerMissing:
            return self.settings.account

    def noted(self) -> Noted | None:
        """What stands between the account and the service, as a kernel noted it."""
        with suppress(AskSageError):
            return Access(self.folder, self.known_or_configured(), self.clock).noted()
        return None

    def days(self, account: Account, meter: Meter, starts: int, ends: int, now: int) -> dict[date, int]:
        """Tokens used on each local day of a month that has any."""
        if starts <= now < ends:
            return self._spent_days.of(account, meter, now)
        return daily(self.ledger.spending(account, meter, starts, ends), account.zone)

    def pace(self, balance: Balance, meter: Meter, now: int) -> Pace | None:
        """How long a meter lasts; None where nobody said how much there is."""
        if not is_limited(balance.of(meter)):
            return None
        return own_pace(self._spent_days, balance, meter, now, self.settings.working_days)

    def calls(self, rows: Sequence[Sequence[Any]], account: Account, now: int) -> list[Wire]:
        """The ledger's rows as lines, each under its notebook's present name."""
        folder = self.folder
        present = {each: each and called_now(folder, each, 0) for each in {row[_NOTEBOOK] for row in rows}}
        rows = [(*row[:_NOTEBOOK], present[row[_NOTEBOOK]], *row[_NOTEBOOK + 1 :]) for row in rows]
        return calls(rows, account.zone, now, lambda notebook, cell: cell_label(folder, notebook, cell))

    def close(self) -> None:
        """Close what was opened."""
        if "ledger" in self.__dict__:
            self.ledger.close()
