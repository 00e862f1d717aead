"""Tell when the ledger changed, whoever changed it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ..errors import LedgerError

_log = logging.getLogger(__name__)


class Watcher:
    """A daemon thread that asks SQLite for the file's version on one kept connection of its own.

    Every commit shows there: another process's, and this process's other connections'.

    Parameters
    ----------
    connect : callable
        Opens the connection.
    on_change : callable
        Called in the watcher's thread after commits; several may come as one.
    interval_s : float
        Seconds between two looks.
    """

    def __init__(
        self, connect: Callable[[], Connection], on_change: Callable[[], None], interval_s: float
    ) -> None:
        self._connect, self._on_change, self._interval_s = connect, on_change, interval_s
        self._over = threading.Event()
        self._connection: Connection | None = None
        self._seen = self._version()
        self._thread = threading.Thread(target=self._run, name="asksage-ledger-watch", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no threads here: changes of others show at the next cell
            self._over.set()
            self._drop()

    def stop(self) -> None:
        """End the thread and wait for it a little; harmless when it has ended."""
        self._over.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)  # a callback that hangs must not hang the caller too

    def _run(self) -> None:
        while not self._over.wait(self._interval_s):
            version = self._version()
            if version is None or version == self._seen:
                continue
            self._seen = version
            try:
                self._on_change()
            except Exception:  # noqa: BLE001  a display that fails must not end the watch
                _log.exception("a watcher of the ledger failed")
        self._drop()

    def _version(self) -> int | None:
        """The file's version as this connection sees it; None when the file cannot be read now."""
        try:
            self._connection = self._connection or self._connect()
            version: int = self._connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            self._connection.rollback()
        except (DBAPIError, LedgerError):
            self._drop()
            return None
        return version

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
