"""What an inference call must fit: the envelopes that the ledger keeps, and this kernel's budgets."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from ...account import Meter
from .. import envelopes
from ..budgeting import budgets
from ..origins import booking, origin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...account import Account, Envelope
    from ...ledger import Ledger
    from ...settings import AskSage


class Bound(NamedTuple):
    """What an envelope or a budget leaves.

    Attributes
    ----------
    words : str
        What it is called.
    tokens, left : int
        Its limit, and what is neither used nor held of it.
    told_by : str
        Where the limit stands.
    is_soft : bool
        Whether it only warns.
    """

    words: str
    tokens: int
    left: int
    told_by: str
    is_soft: bool


class Bounds:
    """The limits inside an account.

    Parameters
    ----------
    account : Account
    settings : AskSage
    ledger : callable
        Returns the ledger; called only where there is an envelope.
    """

    def __init__(self, account: Account, settings: AskSage, ledger: Callable[[], Ledger]) -> None:
        self._account, self._settings, self._ledger = account, settings, ledger

    def present(self, ledger: Ledger | None = None) -> list[Bound]:
        """The envelopes and budgets that an inference call from here and now must fit.

        Raises
        ------
        ConfigurationError, BadInput
            A limit that cannot be read.
        LedgerError
        """
        ledger = ledger or self._ledger()
        found = envelopes.within(self._settings, origin.notebook(ledger.folder), booking.present().job)
        return self._left_of(found, ledger)

    def said(self) -> list[Bound]:
        """Those that this kernel alone knows: what its lines said, and what ends with it.

        Raises
        ------
        BadInput
            The environment's limit cannot be read.
        LedgerError
        """
        return self._left_of(envelopes.said())

    def least(self, ledger: Ledger | None = None) -> Bound | None:
        """The one of them that refuses first; None where none does."""
        hard = (each for each in self.present(ledger) if not each.is_soft)
        return min(hard, key=attrgetter("left"), default=None)

    def _left_of(self, found: Sequence[Envelope], ledger: Ledger | None = None) -> list[Bound]:
        """What these envelopes leave, and this kernel's budgets; without any the ledger is not opened."""
        left = (ledger or self._ledger()).left_in(self._account, Meter.INFERENCE, found) if found else ()
        bounds = [
            Bound(each.words, each.tokens, tokens, each.told_by, each.is_soft)
            for each, tokens in zip(found, left, strict=True)
        ]
        own = budgets(self._settings)
        return bounds + [
            Bound(each.words, each.tokens, each.left, each.told_by, each.is_soft) for each in own
        ]
