"""What was booked in the background, told once and quietly after the next cell."""

from __future__ import annotations

from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ...reconciling import Background
from ..showing import show

if TYPE_CHECKING:
    from IPython.core.events import EventManager

    from ...reconciling import Reconciled
    from ...session import Session


class News:
    """Compares the account after use, and tells of what changed: a balance never moves without a word.

    Parameters
    ----------
    session : Session
    events : EventManager
        IPython's; heard until `close`.
    every_s : float
        Seconds between two comparisons at least.
    """

    def __init__(self, session: Session, events: EventManager, every_s: float) -> None:
        self._untold: SimpleQueue[str] = SimpleQueue()
        self._events = events
        self._background = Background(session, every_s=every_s, tell=self._hear)
        events.register("post_run_cell", self._after_cell)

    def after_call(self) -> None:
        """Have the account compared before long."""
        self._background.after_call()

    def close(self) -> None:
        """Compare no more, and hear no more cells."""
        self._background.close()
        with suppress(ValueError):  # whoever reset the events took it out already
            self._events.unregister("post_run_cell", self._after_cell)

    def _hear(self, found: Reconciled) -> None:
        whom = "the local demo" if found.account.is_demo else "Ask Sage"
        self._untold.put(f"Compared with {whom} meanwhile: {found.booked}.")

    def _after_cell(self, _result: object) -> None:
        while not self._untold.empty():
            show.mention(self._untold.get())
