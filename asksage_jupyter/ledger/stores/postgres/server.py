"""The ledger on a PostgreSQL server, as one who only reads it opens it.

Nothing is set for a session, so that a pooler that lends connections for one transaction each (PgBouncer)
may stand in between; a watch alone needs a connection of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from ....errors import LedgerError, LedgerMissing, LedgerTooNew, LedgerUnusable
from ..connections import Connections, close
from ..place import Place
from .connection import engine_of
from .faults import DATABASE, has_no_tables, is_lost, is_silent, told, told_of_connecting
from .steps import STEPS, VERSION, WITH_TAGS
from .watch import ServerWatch

T = TypeVar("T")

_IDLE = 2  # more connections than a kernel's cells and display need at a time are not kept
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_abandoned: list[Connection] = []  # of the parent, in a forked child: closing one would end the parent's


class Server(Connections):
    """Connections to read one ledger with, that may not be there yet.

    Parameters
    ----------
    place : Place
        Of a database.
    timeout_s : float
        How long connecting, waiting for others, and the server's silence may each take.
    """

    faults = DATABASE

    def __init__(self, place: Place, timeout_s: float) -> None:
        super().__init__()
        if place.url is None:
            raise TypeError("a place without a database")
        self.title, self.timeout_s = place.title, timeout_s
        self._engine = engine_of(place.url, place.title, timeout_s)
        self._begin_process()

    def read(self, look: Callable[[Connection], T], *, snapshot: bool = False) -> T:
        """Read with `look`, which runs again when a kept connection turns out to be lost.

        Raises
        ------
        LedgerError
        """
        kept = self._idle_one()
        try:
            if kept is not None:
                try:
                    return self._look(kept, look, snapshot)
                except DATABASE as error:
                    if not is_lost(error) or is_silent(error):
                        raise
            return self._look(self.connect(), look, snapshot)
        except DATABASE as error:
            raise self.told(error) from None

    def _look(self, connection: Connection, look: Callable[[Connection], T], snapshot: bool) -> T:
        driver: Any = connection.connection.driver_connection
        try:
            if snapshot:
                driver.put_off(_READ)
            found = look(connection)
            driver.forget_put_off()
            driver.rollback()
            connection.rollback()
        except BaseException:
            self._lose(connection)
            raise
        self._idle.append(connection)
        return found

    def connect(self) -> Connection:
        """A new connection of the caller's own, to read from and to close.

        Raises
        ------
        LedgerMissing
            There is no ledger in the database yet.
        LedgerUnusable
            The server does not let this person in.
        LedgerTooNew
            Written by a newer version.
        LedgerError
            The server cannot be reached.
        """
        connection = self._connected()
        try:
            version = self._version(connection)
        except BaseException as error:
            close(connection)
            if isinstance(error, DATABASE):
                raise self.told(error) from None
            raise
        if not version:
            close(connection)
            raise LedgerMissing(f"there is no ledger at {self.title} yet: the first call makes it.")
        if version < WITH_TAGS:
            close(connection)
            raise LedgerUnusable(
                f"the ledger {self.title} was made by an older asksage_jupyter: the first call brings it up "
                f"to date, of a team's its owner's"
            )
        return connection

    def watch(self, on_change: Callable[[], None], interval_s: float) -> ServerWatch:
        """Call `on_change` after commits, whoever made them; the server says when."""
        return ServerWatch(self._connected, on_change, retry_s=max(interval_s, 1.0))

    def told(self, error: BaseException) -> LedgerError:
        """The error for the person, of one that the server or the driver raised."""
        return told(self.title, error)

    def _connected(self) -> Connection:
        try:
            return self._engine.connect()
        except DATABASE as error:
            raise told_of_connecting(self.title, error) from None

    def _begin_process(self) -> None:
        """Take nothing over from the process that forked this one."""
        self._pid = os.getpid()
        _abandoned.extend(self._idle)
        self._idle.clear()

    def _idle_one(self) -> Connection | None:
        if self._pid != os.getpid():
            self._begin_process()
        while len(self._idle) > _IDLE:
            close(self._idle.popleft())
        return super()._idle_one()

    def _begun(self, connection: Connection, snapshot: bool) -> Connection:
        try:
            connection.exec_driver_sql(_READ)
        except DATABASE as error:
            if not is_lost(error):
                raise
            self._lose(connection)
            connection = self.connect()
            connection.exec_driver_sql(_READ)
        return connection

    def _lose(self, connection: Connection) -> None:
        """Close a connection that was lost, and those that were kept since before: they are lost too."""
        close(connection)
        self.close()

    def _version(self, connection: Connection) -> int:
        """The ledger's version; 0 before it is made.

        Raises
        ------
        LedgerTooNew
            Above those known.
        """
        try:
            version = connection.scalar(VERSION) or 0
        except DATABASE as error:
            if not has_no_tables(error):
                raise
            version = 0
        connection.rollback()
        if version > len(STEPS):
            raise LedgerTooNew(
                f"{self.title} was written by a newer asksage_jupyter (ledger version {version}, this one "
                f"knows {len(STEPS)}): upgrade with  pip install -U asksage_jupyter"
            )
        return version
