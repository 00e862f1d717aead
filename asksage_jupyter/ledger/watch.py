"""Tell when the ledger changed, whoever changed it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from ..errors import LedgerError
from . import forks

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .connections import FileConnections

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
            self._thread.start()
        except RuntimeError:
            self._over.set()
            self._drop()

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


class FileWatch(Watch):
    """Asks SQLite for the file's version on one kept connection of its own.

    Every commit shows there: another process's, and this process's other connections'.

    Parameters
    ----------
    connections : FileConnections
        Opens that one; where there is no file yet, once it is there.
    on_change : callable
        Called in the watch's thread after commits.
    interval_s : float
        Seconds between two looks.
    """

    def __init__(
        self, connections: FileConnections, on_change: Callable[[], None], interval_s: float
    ) -> None:
        super().__init__(on_change)
        self._connections, self._interval_s = connections, interval_s
        self._connection: Connection | None = None
        self._mark: Hashable = None
        self._looking = threading.Lock()
        self._is_paused = False
        self._seen = self._version()
        forks.know(self)
        self.start()

    def pause(self) -> None:
        """Close the connection, before a fork; the next one tells another version."""
        self._is_paused = self._looking.acquire(timeout=1.0)
        if self._is_paused:
            self._drop()
            self._seen = None

    def resume(self) -> None:
        """Look again."""
        if self._is_paused:
            self._is_paused = False
            self._looking.release()

    def begin_anew(self) -> None:
        """The thread is not in the child: nobody looks."""

    def _has_changed(self) -> bool:
        if self._over.wait(self._interval_s):
            return False
        with self._looking:
            seen, self._seen = self._seen, self._version()
        return seen != self._seen

    def _version(self) -> Hashable:
        """The file's version as this connection sees it; None when the file cannot be read now."""
        try:
            if self._connection is not None and self._mark != self._connections.mark():
                self._drop()  # another file lies there by now
            if self._connection is None:
                self._connection = self._connections.connect()
                self._mark = self._connections.mark()
            version = self._connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            self._connection.rollback()
        except (DBAPIError, LedgerError):
            self._drop()
            return None
        return self._mark, version

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
