"""Tell when the ledger changed, whoever changed it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable

from ...interrupts import begin

_log = logging.getLogger(__name__)


class Watch:
    """A daemon thread that calls `on_change` after changes; several may come as one.

    A subclass says in `_has_changed` how it hears of them.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asksage-ledger-watch", daemon=True)

    def start(self) -> None:
        """Begin; where threads cannot start, do nothing: changes of others show at the next cell."""
        try:
            begin(self._thread)
        except RuntimeError:
            self._over.set()
            self._drop()
        except KeyboardInterrupt:
            self._over.set()  # nobody will know of it
            raise

    def stop(self) -> None:
        """End the thread and wait for it a little; harmless when it has ended."""
        self._over.set()
        self._wake()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)  # a callback that hangs must not hang the caller too

    def _run(self) -> None:
        while not self._over.is_set():
            if not self._has_changed() or self._over.is_set():
                continue
            try:
                self._on_change()
            except Exception:  # noqa: BLE001  a display that fails must not end the watch
                _log.exception("a watcher of the ledger failed")
        self._drop()

    def _has_changed(self) -> bool:
        """Wait a while, or until woken; whether anything changed since the last time."""
        raise NotImplementedError

    def _wake(self) -> None:
        """Let the wait be over: the watch is."""

    def _drop(self) -> None:
        """Close the connection that is kept for the watch."""
        raise NotImplementedError


class MarkWatch(Watch):
    """Looks now and then whether a mark is still the same.

    Parameters
    ----------
    mark : callable
        Returns it; never fails.
    on_change : callable
        Called in the watch's thread after it differed.
    interval_s : float
        Seconds between two looks.
    """

    def __init__(
        self, mark: Callable[[], Hashable], on_change: Callable[[], None], interval_s: float
    ) -> None:
        super().__init__(on_change)
        self._mark, self._interval_s = mark, interval_s
        self._seen = mark()
        self.start()

    def _has_changed(self) -> bool:
        if self._over.wait(self._interval_s):
            return False
        seen, self._seen = self._seen, self._mark()
        return seen != self._seen

    def _drop(self) -> None:
        """There is nothing to close."""
