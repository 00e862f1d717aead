"""Hear from PostgreSQL when the ledger changed: every move ends with a NOTIFY."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ....errors import LedgerError
from ..connections import close
from ..watch import Watch
from .faults import DATABASE

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHANNEL = "asksage_ledger"


class ServerWatch(Watch):
    """Listens on one connection of its own, and makes it anew when it is lost.

    What happened while there was none is unknown, so that counts as a change too.

    Parameters
    ----------
    connect : callable
        Opens that connection; raises `LedgerError` when it cannot.
    on_change : callable
        Called in the watch's thread after commits.
    retry_s : float
        How long to wait after a connection did not come about.
    """

    def __init__(
        self, connect: Callable[[], Connection], on_change: Callable[[], None], *, retry_s: float
    ) -> None:
        super().__init__(on_change)
        self._connect, self._retry_s = connect, retry_s
        self._connection: Connection | None = None
        self._woken, self._waker = socket.socketpair()
        self._listen()
        self.start()

    def _has_changed(self) -> bool:
        if self._connection is None:
            return self._listen() or self._over.wait(self._retry_s)
        listening: Any = self._connection.connection.driver_connection
        try:
            if self._woken in select.select([listening, self._woken], [], [])[0]:
                self._woken.recv(64)  # it may be a forked child that stops its copy of this watch
            return any(listening.notifies(timeout=0))
        except (*DATABASE, OSError):
            self._drop_connection()
            return True

    def _listen(self) -> bool:
        try:
            self._connection = self._connect()
            self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        except (LedgerError, *DATABASE):
            self._drop_connection()
        return self._connection is not None

    def _wake(self) -> None:
        with suppress(OSError):
            self._waker.send(b".")

    def _drop(self) -> None:
        self._drop_connection()
        self._woken.close()
        self._waker.close()

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            close(connection)
