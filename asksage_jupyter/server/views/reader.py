"""What the routes ask of the ledger, in one place: answers as they go over the wire."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ... import month
from ...errors import AskSageError, LedgerMissing
from ...ledger.stores.watch import MarkWatch
from ...session import endpoints
from ...session.holder import access
from ...session.holder.access import Noted, Obstacle
from ...session.origins.renames import note
from ..wire.footing import footing_of
from . import months
from .account_view import AccountView
from .notebooks import Notebooks
from .standing import no_standing, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from ...account import Account, Balance, Meter, MeterBalance
    from ...prompting.footing import Footing
    from ...settings import AskSage
    from ..wire.figures import Wire

_NOTES_EVERY_S = 0.5
_NO_KEY = "No Ask Sage key yet: in a notebook, run %asksage login."


class Reader:
    """Answers from one kept view; called from one thread.

    Parameters
    ----------
    settings : AskSage
        Whose ledger, and whose tokens.
    clock : callable
        The present instant, in microseconds UTC.

    Attributes
    ----------
    latest : Balance or None
        What was read last.
    """

    def __init__(self, settings: AskSage, *, clock: Callable[[], int] = month.now) -> None:
        self._view = AccountView(settings, clock)
        self._notebooks = Notebooks(self._view)
        self.latest: Balance | None = None

    def balance(self, can_check: Callable[[Account], bool], checked_at: int | None) -> Wire:
        """Both meters, calls without a bill, the last call; a ledger that cannot be read is a state too."""
        now, noted = self._view.clock(), self._view.noted()
        try:
            self.latest = self._view.ledger.balance(self._view.account())
            return standing(self._view, self.latest, can_check, checked_at, now, noted)
        except AskSageError as error:
            may_check = self._may(can_check)
            if may_check is False and noted is None and isinstance(error, LedgerMissing):
                # No kernel has asked yet, and so none noted it.
                noted = Noted(Obstacle.NO_KEY, _NO_KEY, now)
            return no_standing(error, now, noted, can_check=bool(may_check))

    def meters(self) -> tuple[MeterBalance, ...]:
        """Both meters, without what else there is to say of them.

        Raises
        ------
        LedgerError
            There is no ledger, or it cannot be read.
        """
        return self._view.ledger.balance(self._view.account()).meters

    def month(self, meter: Meter, period: str | None) -> Wire:
        """A meter's month, as `months.by_day` tells it."""
        return months.by_day(self._view, meter, period)

    def markdown(self, period: str | None) -> str:
        """A month's summary, as `months.markdown` tells it."""
        return months.markdown(self._view, period)

    def notebook(self, path: str, file: str, kernel: Footing) -> Wire:
        """A notebook's spending, as `Notebooks.spending` tells it."""
        return self._notebooks.spending(path, file, kernel)

    def stop_endpoint(self, name: str) -> bool:
        """Ask one of the account's endpoints to end; returns whether it runs.

        Raises
        ------
        LedgerError
            There is no ledger, or it cannot be read.
        """
        return endpoints.stop(self._view.folder, self._view.account(), name)

    def footing(self, file: str | None) -> Footing:
        """How a notebook stands, for a price; None of what is no notebook.

        Raises
        ------
        LedgerError
            The ledger cannot be read.
        """
        view = self._view
        return footing_of(view.settings, view.ledger, view.known_or_configured(), file)

    def renamed(self, old: str, new: str) -> None:
        """Note that a notebook has another name: calls are listed for it under both."""
        note(self._view.folder, old, new, self._view.clock())

    def watch(self, on_change: Callable[[], None], interval_s: float) -> Callable[[], None]:
        """Call `on_change` in a thread of its own after each change; returns what stops that."""
        folder = self._view.folder

        def mark() -> Hashable:
            return access.mark(folder), endpoints.mark(folder)

        stops = (
            self._view.ledger.watch(on_change, interval_s=interval_s),
            MarkWatch(mark, on_change, interval_s=_NOTES_EVERY_S).stop,
        )

        def stop() -> None:
            for each in stops:
                each()

        return stop

    def close(self) -> None:
        """Close the view."""
        self._view.close()

    def _may(self, can_check: Callable[[Account], bool]) -> bool | None:
        """Whether there is a key; None where the settings do not tell for whom."""
        with suppress(AskSageError):
            return can_check(self._view.settings.account)
        return None
