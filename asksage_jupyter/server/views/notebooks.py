"""What a notebook used this month, what bounds it, and what running it again costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ... import month
from ...account import Meter
from ...errors import LedgerMissing
from ...ledger import CALL_COLUMNS, NotebookSpending
from ...rates import Rates
from ...session.asking.rerun import NotebookCost, cost_again
from ...session.origins.renames import called_before
from ..wire import figures
from ..wire.footing import footing_of, is_whole

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ...prompting.footing import Footing
    from ..wire.figures import Wire
    from .account_view import AccountView

_NOTEBOOK, _SENT_AT = map(CALL_COLUMNS.index, ("notebook", "sent_at"))


class Notebooks:
    """Tells of one notebook after another, on the inference meter.

    Parameters
    ----------
    view : AccountView
    """

    def __init__(self, view: AccountView) -> None:
        self._view = view
        self._cost: tuple[Hashable, NotebookCost] | None = None  # of the notebook that was asked about last

    def spending(self, path: str, file: str, kernel: Footing) -> Wire:
        """What a notebook used this month; nothing where there is no ledger.

        Parameters
        ----------
        path, file : str
            As the front end knows it, and as its kernels do.
        kernel : Footing
            How its kernel told that it stands.

        Raises
        ------
        LedgerError
            The ledger cannot be read.
        """
        view = self._view
        try:
            account, now = view.account(), view.clock()
            starts, ends = month.bounds(month.period_at(now, account.zone), account.zone)
            names = list(called_before(view.folder, file, starts, ends))
            found = [
                view.ledger.notebook_spending(account, Meter.INFERENCE, name, since=since, until=until)
                for name, since, until in names
            ]
            opened = [
                row
                for row in view.ledger.open_calls(account)
                for name, since, until in names
                if row[_NOTEBOOK] == name and since <= row[_SENT_AT] < until
            ]
        except LedgerMissing:
            found, opened = [], []
        spending, at = NotebookSpending.together(found), Path(file)
        bound, again = (self._bound(at, kernel), self._again(at, spending)) if is_whole(at) else ("", "")
        return figures.notebook(path, spending, opened, bound, again)

    def _bound(self, file: Path, kernel: Footing) -> str:
        """What the envelope that binds a notebook leaves, in words; empty where none does."""
        view = self._view
        try:
            footing = footing_of(view.settings, view.ledger, view.account(), str(file)).over(kernel)
        except LedgerMissing:
            return ""
        return footing.trouble or "".join(map(figures.bound, footing.bounds[:1]))

    def _again(self, file: Path, spending: NotebookSpending) -> str:
        """What running a notebook again costs; its calls are looked through when it was billed or saved."""
        if not spending.calls:
            return ""
        view, account = self._view, self._view.account()
        saved_at = file.stat().st_mtime_ns if file.exists() else 0
        told = (account, file, saved_at, spending.calls, spending.tokens)
        if self._cost is None or self._cost[0] != told:
            rates = Rates(view.folder, account.host, clock=view.clock)
            self._cost = told, cost_again(view.ledger, account, rates, view.clock(), str(file))
        left = view.ledger.balance(account).inference.spendable
        return replace(self._cost[1], remaining=left).again
