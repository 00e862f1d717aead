"""One line, once a month, when the tokens will not last it."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ... import month
from ...account import Meter
from ...beside import of_account
from ..showing import show

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from IPython.core.events import EventManager

    from ...session import Session

_log = logging.getLogger(__name__)


class Forewarning:
    """Warns after a cell that used tokens, once a month and meter in all kernels of the account.

    It looks when the cell is over, so that neither reply nor receipt waits for it.

    Parameters
    ----------
    session : Session
    events : EventManager
        IPython's; heard until `close`.
    every_s : float
        Seconds between two looks at least.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        session: Session,
        events: EventManager,
        *,
        every_s: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._events = session, events
        self._every_s, self._clock = every_s, clock
        self._next = clock()
        self._is_used = False
        self._told: set[str] = set()
        events.register("post_run_cell", self._after_cell)

    def after_call(self) -> None:
        """Note that something was sent."""
        self._is_used = True

    def close(self) -> None:
        """Hear no more cells."""
        with suppress(ValueError):  # whoever reset the events took it out already
            self._events.unregister("post_run_cell", self._after_cell)

    def _after_cell(self, _result: object) -> None:
        if not self._is_used or self._clock() < self._next:
            return
        self._is_used, self._next = False, self._clock() + self._every_s
        try:
            for meter in Meter:
                self._look(meter)
        except Exception:  # noqa: BLE001  whatever it is, the cell is done and was paid for
            _log.debug("the pace could not be told", exc_info=True)

    def _look(self, meter: Meter) -> None:
        from ...session.forecasting import pace_of

        session = self._session
        period = month.period_at(session.clock(), session.account.zone)
        mark = _mark(session, meter, period)
        if mark.name in self._told or mark.exists():
            return
        pace = pace_of(session, meter)
        # Where nothing is left a refusal says so, and there is nothing to foresee.
        if pace.lasts is False and pace.remaining and pace.remaining > 0:
            self._told.add(mark.name)
            if _is_first(mark):
                show.notify(f"{meter}: {pace.told}")


def _mark(session: Session, meter: Meter, period: str) -> Path:
    """The file that is there once the account was warned; its name tells nobody whose it is."""
    whose = of_account(session.ledger.folder / "warned", session.account)
    return whose.with_name(f"{whose.stem}-{meter}-{period}")


def _is_first(mark: Path) -> bool:
    """Leave the mark, and tell whether no other kernel had; the marks of past months go."""
    try:
        mark.parent.mkdir(mode=0o700, exist_ok=True)
        mark.touch(mode=0o600, exist_ok=False)
        past = mark.name.rpartition("-")[0].rpartition("-")[0]
        for other in mark.parent.glob(f"{past}-*"):
            if other.name < mark.name:
                other.unlink(missing_ok=True)
    except FileExistsError:
        return not mark.exists()  # what is there may not be the mark, but something in the folder's place
    except OSError:
        _log.debug("the warning could not be marked as told", exc_info=True)
    return True
