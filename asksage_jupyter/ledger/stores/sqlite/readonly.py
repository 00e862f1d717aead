"""The ledger's SQLite file as one who only reads it opens it: nothing is made, migrated or written.

While a notebook has the ledger open its log is read too; SQLite may make that log's two companions
(``-wal``, ``-shm``) anew where it can. In a folder that cannot be written, and where no log lies beside the
file, nobody can be writing either, and the file is read as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection

from ....errors import LedgerMissing, LedgerUnusable
from ....forks import refuse_after_fork
from ..steps import STAND_INS, STEPS
from .connections import APPLICATION_ID, File, FileConnections, engine_of, file_of, version_of
from .driver import FileConnection
from .faults import CANTOPEN, DATABASE, FAULTS, READONLY, code_of, told

_WAITS_S = 2.0  # only where no log is written ahead does a reader wait at all


class ReadOnly(FileConnections):
    """Connections that cannot write, to a file that may not be there yet, or not be the same for ever."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._live = engine_of(lambda: self._open("mode=ro"), ())
        self._still = engine_of(lambda: self._open("mode=ro&immutable=1"), ())

    def connect(self) -> Connection:
        """A new connection of the caller's own, to read from and to close.

        Raises
        ------
        LedgerMissing
            There is no ledger yet.
        LedgerUnusable
            It cannot be read, or is none.
        LedgerTooNew
            Written by a newer version.
        """
        refuse_after_fork()
        try:
            return self._checked()
        except FAULTS as error:
            raise told(self.path, error) from None

    def mark(self) -> Hashable:
        """The file, and whether a log lies beside it; without one, as of when it is."""
        found = self._file()
        try:
            if self._has_log():
                return found
            return (*found, self.path.stat().st_mtime_ns)
        except OSError as error:
            raise told(self.path, error) from None

    def _idle_one(self) -> Connection | None:
        mark = self.mark()
        while (connection := super()._idle_one()) is not None:
            if connection.info["mark"] == mark:
                refuse_after_fork()
                return connection
            with suppress(*DATABASE):
                connection.close()
        return None

    def _checked(self) -> Connection:
        """Connect; what can be seen of the file tells whether it is a ledger that can be read."""
        try:
            connection = self._live.connect()
            self._check(connection)
        except DATABASE as error:
            # SQLite cannot make the log's companions here: nobody else is using them.
            if code_of(error) not in (READONLY, CANTOPEN) or self._has_log():
                raise
            connection = self._still.connect()
            self._check(connection)
        # What stands in for a table must not hide it once it is made.
        connection.info["mark"] = self.mark() if connection.info["is_of_today"] else None
        return connection

    def _check(self, connection: Connection) -> None:
        try:
            self._refuse_others(connection)
            # An older one is read as well: what it has not yet is empty.
            version = version_of(connection, self.path, len(STEPS))
            missing = [stand_in for since, stand_in in STAND_INS.items() if version < since]
            connection.info["is_of_today"] = not missing
            for stand_in in missing:
                connection.exec_driver_sql(stand_in)
            connection.rollback()
        except BaseException:
            connection.close()
            raise

    def _refuse_others(self, connection: Connection) -> None:
        pragma = connection.exec_driver_sql
        if pragma("PRAGMA application_id").scalar_one() == APPLICATION_ID:
            return
        if pragma("SELECT count(*) FROM sqlite_master").scalar_one():
            raise LedgerUnusable(
                f"{self.path} is another program's database: set ASKSAGE_LEDGER to the ledger's path."
            )
        raise _missing(self.path)  # it is being made this very moment

    def _file(self) -> File:
        try:
            return file_of(self.path)
        except FileNotFoundError:
            raise _missing(self.path) from None
        except OSError as error:
            raise told(self.path, error) from None

    def _has_log(self) -> bool:
        return self.path.with_name(f"{self.path.name}-wal").exists()

    def _open(self, query: str) -> FileConnection:
        return sqlite3.connect(
            f"{self.path.as_uri()}?{query}",
            uri=True,
            timeout=_WAITS_S,
            isolation_level=None,
            check_same_thread=False,
            factory=FileConnection,
        )


def _missing(path: Path) -> LedgerMissing:
    return LedgerMissing(f"there is no ledger at {path} yet: the first call makes it.")
