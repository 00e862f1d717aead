"""A hint to every front end that the ledger changed; it carries no figures, so forging one tells nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ...errors import AskSageError

if TYPE_CHECKING:
    from jupyter_events import EventLogger

HINT = "urn:asksage-jupyter:ledger-changed"
_SCHEMA = {
    "$id": HINT,
    "version": "1",
    "title": "The Ask Sage ledger changed",
    "personal-data": False,
    "description": "A call was held or settled, or a figure corrected: read the balance again.",
    "type": "object",
    "properties": {},
    "additionalProperties": False,
}
_LOOKS_EVERY_S = 0.05
_HINTS_EVERY_S = 0.05


def register_hint(events: EventLogger) -> None:
    """Make the hint known to the event bus; again changes nothing."""
    if HINT not in events.schemas:
        events.register_event_schema(_SCHEMA)


class Hints:
    """Tells the event bus of changes, the first at once, then at most twenty a second.

    Parameters
    ----------
    watch : callable
        Calls a function in a thread of its own after each change, and returns what stops that.
    events : EventLogger
    """

    def __init__(
        self, watch: Callable[[Callable[[], None], float], Callable[[], None]], events: EventLogger
    ) -> None:
        self._watch, self._events = watch, events
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Callable[[], None] | None = None
        self._later: asyncio.TimerHandle | None = None
        self._next_at = 0.0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch from now on, for the event bus of `loop`; again changes nothing."""
        if self._loop is None:
            self._loop = loop
            with suppress(AskSageError):  # a ledger in an impossible place: the balance says so
                self._stop = self._watch(self._changed, _LOOKS_EVERY_S)

    async def close(self) -> None:
        """Watch no more."""
        stop, self._stop = self._stop, None
        if stop is not None:
            await asyncio.to_thread(stop)
        if self._later is not None:
            self._later.cancel()

    def _changed(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._hint)

    def _hint(self) -> None:
        if self._loop is None or self._later is not None:
            return
        wait_s = self._next_at - self._loop.time()
        if wait_s > 0:
            self._later = self._loop.call_later(wait_s, self._emit)
        else:
            self._emit()

    def _emit(self) -> None:
        if self._loop is None:
            return
        self._later = None
        self._next_at = self._loop.time() + _HINTS_EVERY_S
        self._events.emit(schema_id=HINT, data={})
