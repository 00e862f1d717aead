"""The ledger's SQLite file: how it is made, opened, written one move at a time, and read.

Never open this file a second way in the same process (another SQLite library, or plain `open`): closing
that second handle drops the locks of the first, and acknowledged debits are lost.
"""

from __future__ import annotations

import errno
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from ..errors import LedgerError, LedgerTooNew, LedgerUnusable
from .faults import CANTOPEN, CORRUPT, DATABASE, FAULTS, FULL, NOTADB, READONLY, code_of, told
from .gate import Gate
from .place import ballast_of, is_on_network, keep_ballast, lock_file_of, make_file
from .schema import STEPS, Step

T = TypeVar("T")

_APPLICATION_ID = 0x41534A31  # "ASJ1", in the file's header
_OPENING_S = 10  # how long SQLite itself waits, for a reader elsewhere that recovers the log

_File = tuple[int, int]  # device and inode

# The file of each connection of this process, by id; and the files its parent had open when it forked.
_open: dict[int, _File] = {}
_inherited: set[_File] = set()


class Store:
    """One ledger file, for all threads of this process.

    Parameters
    ----------
    path : Path
        The file; made when it is missing, with the folders above it.
    wait_s : float
        How long a move waits for other writers before it raises.
    on_network : bool or None
        Whether the file lies on a network file system; None asks the system.

    Raises
    ------
    LedgerError, LedgerUnusable, LedgerTooNew
        The file is as it was.
    """

    def __init__(
        self,
        path: Path,
        *,
        wait_s: float = 30.0,
        on_network: bool | None = None,
        steps: tuple[Step, ...] = STEPS,
    ) -> None:
        self.path, self._steps = path, steps
        self._shared = is_on_network(path) if on_network is None else on_network
        self._gate = Gate(lock_file_of(path), wait_s=wait_s)
        self._writer: Connection | None = None
        self._idle: deque[Connection] = deque()
        try:
            make_file(path)
            self._file = _identity(path)
            self.engine = _engine(path, self._file, journal="truncate" if self._shared else None)
            self._refuse_after_fork()
            self._prepare()
        except FAULTS as error:
            raise told(path, error) from None
        keep_ballast(path)
        if self._shared:
            warnings.warn(
                f"the ledger {path} is on a network file system: it works, slowly. Set ASKSAGE_LEDGER "
                f"to a path on a local disk; a ledger for a team will want PostgreSQL.",
                stacklevel=3,
            )

    def write(self, move: Callable[[Connection], T], *, vital: bool = False) -> T:
        """Run `move` in one durable transaction, alone among all writers.

        `move` runs again when the first try failed in the database: a commit that reports an error may
        have happened, so a move must converge.

        Parameters
        ----------
        vital : bool
            The move records what is already spent: on a full disk it may use up the ballast.

        Raises
        ------
        LedgerError
            Busy; or, as `LedgerUnusable`, not writable. Nothing is written, unless the commit itself
            reported the error: the same move again finds out.
        """
        self._refuse_after_fork()
        try:
            return self._transact(move)
        except FAULTS as error:
            code = code_of(error)
            if code in (READONLY, CORRUPT, NOTADB, CANTOPEN) or (code == FULL and not vital):
                raise told(self.path, error) from None
            if code == FULL:
                ballast_of(self.path).unlink(missing_ok=True)
        try:
            return self._transact(move)
        except FAULTS as error:
            raise told(self.path, error) from None

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """Lend a connection to read from; with `snapshot` all its statements see one state."""
        self._refuse_after_fork()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self.connect()
        try:
            # Without WAL, readers and writers exclude each other.
            with self._gate if self._shared else nullcontext():
                if snapshot:
                    connection.exec_driver_sql("BEGIN")
                yield connection
                connection.rollback()
        except BaseException as error:
            with suppress(*DATABASE):
                connection.close()
            if isinstance(error, FAULTS):
                raise told(self.path, error) from None
            raise
        self._idle.append(connection)

    def connect(self) -> Connection:
        """A new connection of the caller's own, to read from and to close.

        Raises
        ------
        LedgerError
        """
        self._refuse_after_fork()
        try:
            return self.engine.connect()
        except DATABASE as error:
            raise told(self.path, error) from None

    def close(self) -> None:
        """Close all idle connections; a later use opens new ones."""
        connections = [self._writer] if self._writer else []
        self._writer = None
        with suppress(IndexError):
            while True:
                connections.append(self._idle.pop())
        for connection in connections:
            with suppress(*DATABASE):
                connection.close()

    def _refuse_after_fork(self) -> None:
        # SQLite believes to hold in this process the locks that only the parent holds.
        if self._file in _inherited:
            raise LedgerError(
                "this process was forked from one that has the ledger open, and SQLite cannot be shared so: "
                "use threads, or the spawn method of multiprocessing."
            )

    def _transact(self, move: Callable[[Connection], T]) -> T:
        with self._gate:
            if _identity(self.path) != self._file:
                raise FileNotFoundError(errno.ENOENT, "replaced", str(self.path))
            connection = self._writer = self._writer or self.engine.connect()
            try:
                connection.rollback()  # what an interrupt may have left open
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                result = move(connection)
                connection.commit()
            except BaseException:
                try:
                    connection.rollback()
                except DATABASE:
                    self._writer = None
                    connection.invalidate()
                raise
            return result

    def _prepare(self) -> None:
        """Make or migrate the tables, as one transaction; then write ahead."""
        with self._gate, self.engine.connect() as connection:
            pragma = connection.exec_driver_sql
            # A crash right after the file was made must not lose the file's name in its folder.
            pragma("PRAGMA synchronous = EXTRA")
            pragma("BEGIN IMMEDIATE")
            self._check_application(connection)
            version = pragma("PRAGMA user_version").scalar_one()
            if version > len(self._steps):
                raise LedgerTooNew(
                    f"{self.path} was written by a newer asksage_jupyter (ledger version {version}, this one "
                    f"knows {len(self._steps)}): upgrade with  pip install -U asksage_jupyter"
                )
            if version < len(self._steps):
                for step in self._steps[version:]:
                    step(connection)
                pragma(f"PRAGMA user_version = {len(self._steps)}")
                pragma(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.commit()
            if not self._shared and pragma("PRAGMA journal_mode").scalar_one() != "wal":
                pragma("PRAGMA journal_mode = WAL")
            connection.rollback()

    def _check_application(self, connection: Connection) -> None:
        if connection.exec_driver_sql("PRAGMA application_id").scalar_one() == _APPLICATION_ID:
            return
        if connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one():
            raise LedgerUnusable(
                f"{self.path} is another program's database: set ASKSAGE_LEDGER to a path of its own."
            )


def _engine(path: Path, file: _File, *, journal: str | None) -> Engine:
    # No isolation level: transactions begin where this module says so, as IMMEDIATE ones.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": _OPENING_S},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        _open[id(connection)] = file
        for pragma in ("synchronous = FULL", "fullfsync = ON", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        if journal:  # WAL is a property of the file, the other journals of the connection
            connection.execute(f"PRAGMA journal_mode = {journal}")

    @event.listens_for(engine, "close")
    def closed(connection: object, _record: object) -> None:
        _open.pop(id(connection), None)

    return engine


def _identity(path: Path) -> _File:
    found = path.stat()
    return found.st_dev, found.st_ino


def _after_fork() -> None:
    _inherited.update(_open.values())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
