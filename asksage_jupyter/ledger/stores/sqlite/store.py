"""The ledger's SQLite file: how it is made, opened, and written one move at a time."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from ....display.notices import warn
from ....errors import LedgerUnusable
from ....forks import refuse_after_fork
from ....interrupts import StoppedWaiting, handled, is_stop
from ..connections import discard
from ..gate import Gate
from ..place import ballast_of, is_on_network, keep_ballast, lock_file_of, make_file
from ..steps import STEPS, Step
from ..turns import Of
from .connections import APPLICATION_ID, FileConnections, engine_of, file_of, version_of
from .driver import FileConnection
from .faults import CANTOPEN, CORRUPT, DATABASE, FAULTS, FULL, NOTADB, READONLY, code_of, told

T = TypeVar("T")

_FORKING_S = 2.0
_OPENING_S = 10  # how long SQLite itself waits, for a reader elsewhere that recovers the log
# EXTRA is FULL under WAL. Where WAL could not be switched on, it also syncs the folder when a journal is
# deleted: a journal that came back after a power cut would undo what was acknowledged.
_DURABLE = ("synchronous = EXTRA", "fullfsync = ON", "foreign_keys = ON")
# WAL is a property of the file, the other journals of the connection.
_WITHOUT_SHARED_MEMORY = (*_DURABLE, "journal_mode = truncate")

_abandoned: list[
    Connection
] = []  # in a forked child: never closed there, for SQLite would unlock and tidy up


class FileStore(FileConnections):
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
        super().__init__(path)
        self._steps = steps
        self._shared = is_on_network(path) if on_network is None else on_network
        self._gate = Gate(lock_file_of(path), wait_s=wait_s, is_exposed=True)
        self._writer: Connection | None = None
        try:
            make_file(path)
            self._file = file_of(path)
            pragmas = _WITHOUT_SHARED_MEMORY if self._shared else _DURABLE
            self._engine = engine_of(self._open, pragmas)
            refuse_after_fork()
            self._prepare()
        except FAULTS as error:
            raise told(path, error) from None
        keep_ballast(path)
        if self._shared:
            warn(
                f"the ledger {path} is on a network file system, or one that is not known to be local: it "
                f"works, slowly. Set ASKSAGE_LEDGER to a path on a local disk; a ledger for a team will want "
                f"PostgreSQL.",
                stacklevel=6,  # whoever makes a Ledger
            )

    def write(self, move: Callable[[Connection], T], *, of: Of = (), vital: bool = False) -> T:
        """Run `move` in one durable transaction, alone among all writers.

        `move` runs again when the first try failed in the database: a commit that reports an error may
        have happened, so a move must converge.

        Parameters
        ----------
        of : Account or list of str
            Whose chains, or which calls', the move appends to; here all writers wait for one another anyway.
        vital : bool
            The move records what is already spent: on a full disk it may use up the ballast.

        Raises
        ------
        LedgerError
            Busy; or, as `LedgerUnusable`, not writable. Nothing is written, unless the commit itself
            reported the error: the same move again finds out.
        StoppedWaiting
            Nothing is written.
        """
        refuse_after_fork()
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
        except StoppedWaiting:
            raise KeyboardInterrupt from None  # the first try may have been written
        except FAULTS as error:
            raise told(self.path, error) from None

    def connect(self) -> Connection:
        """A new connection of the caller's own, to read from and to close.

        Raises
        ------
        LedgerError
        """
        refuse_after_fork()
        try:
            return self._engine.connect()
        except DATABASE as error:
            raise told(self.path, error) from None

    def close(self) -> None:
        """Close all idle connections; a later use opens new ones."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(*DATABASE):
                writer.close()
        super().close()

    def pause(self) -> None:
        """Close all, before a fork, once the thread that writes is through; one that takes long goes on."""
        if self._gate.pause(_FORKING_S):
            self.close()
        else:
            super().pause()

    def resume(self) -> None:
        """Let writers pass again."""
        self._gate.resume()

    def begin_anew(self) -> None:
        """Let this process's own writers pass; a writer of the parent's is not one of them."""
        self._gate.begin_anew()
        if self._writer is not None:
            _abandoned.append(self._writer)
            self._writer = None

    def _idle_one(self) -> Connection | None:
        refuse_after_fork()
        try:
            self._refuse_another()  # what was moved away still answers whoever has it open
        except OSError as error:
            raise told(self.path, error) from None
        return super()._idle_one()

    def _refuse_another(self) -> None:
        if file_of(self.path) != self._file:
            raise FileNotFoundError(errno.ENOENT, "replaced", str(self.path))

    def _turn(self) -> AbstractContextManager[None]:
        # Without WAL, readers and writers exclude each other.
        return self._gate if self._shared else nullcontext()

    def _let_go(self) -> None:
        self._gate.let_go()

    def _open(self) -> FileConnection:
        return sqlite3.connect(
            self.path,
            timeout=_OPENING_S,
            isolation_level=None,
            check_same_thread=False,
            factory=FileConnection,
        )

    def _transact(self, move: Callable[[Connection], T]) -> T:
        return self._gate.through(lambda: self._alone(move))

    def _alone(self, move: Callable[[Connection], T]) -> T:
        before = handled()
        self._refuse_another()
        connection = self._writer = self._writer or self._engine.connect()
        try:
            connection.rollback()  # what an interrupt may have left open
            connection.begin()
            connection.connection.driver_connection.execute("BEGIN IMMEDIATE")  # type: ignore[union-attr]
            result = move(connection)
            connection.commit()
        except BaseException as error:
            if is_stop(error, before):
                self._writer = None
                discard(connection)
                raise KeyboardInterrupt from None
            try:
                connection.rollback()
            except DATABASE:
                self._writer = None
                connection.invalidate()
            if not isinstance(error, FAULTS) and (damage := self._damage(connection, error)):
                raise damage from None
            raise
        return result

    def _prepare(self) -> None:
        """Make or migrate the tables, as one transaction; then write ahead."""
        with self._gate, self._engine.connect() as connection:
            pragma = connection.exec_driver_sql
            pragma("BEGIN IMMEDIATE")
            self._check_application(connection)
            version = version_of(connection, self.path, len(self._steps))
            if version < len(self._steps):
                for step in self._steps[version:]:
                    step(connection)
                pragma(f"PRAGMA user_version = {len(self._steps)}")
                pragma(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.commit()
            if not self._shared and pragma("PRAGMA journal_mode").scalar_one() != "wal":
                pragma("PRAGMA journal_mode = WAL")
            connection.rollback()

    def _check_application(self, connection: Connection) -> None:
        if connection.exec_driver_sql("PRAGMA application_id").scalar_one() == APPLICATION_ID:
            return
        if connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one():
            raise LedgerUnusable(
                f"{self.path} is another program's database: set ASKSAGE_LEDGER to a path of its own."
            )
