"""Tell when a SQLite file changed, whoever changed it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .... import forks
from ....errors import LedgerError
from ..watch import Watch


class FileWatch(Watch):
    """Asks SQLite for the file's version on one kept connection of its own.

    Every commit shows there: another process's, and this process's other connections'.

    Parameters
    ----------
    connect : callable
        Opens that one; where there is no file yet, once it is there.
    mark : callable
        What a kept connection was opened for: another mark is another file.
    on_change : callable
        Called in the watch's thread after commits.
    interval_s : float
        Seconds between two looks.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        mark: Callable[[], Hashable],
        on_change: Callable[[], None],
        interval_s: float,
    ) -> None:
        super().__init__(on_change)
        self._connect, self._mark, self._interval_s = connect, mark, interval_s
        self._connection: Connection | None = None
        self._opened_for: Hashable = None
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
            if self._connection is not None and self._opened_for != self._mark():
                self._drop()  # another file lies there by now
            if self._connection is None:
                self._connection = self._connect()
                self._opened_for = self._mark()
            version = self._connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            self._connection.rollback()
        except (DBAPIError, LedgerError):
            self._drop()
            return None
        return self._opened_for, version

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
