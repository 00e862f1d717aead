"""The SQLite file of the store of replies: threads take turns at it, and no fork meets it open."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ... import forks
from ...display.plain import told
from ...errors import AskSageError
from ...ledger.stores.place import is_on_network, make_file
from ...ledger.stores.sqlite.driver import FileConnection

T = TypeVar("T")
Run = Callable[..., sqlite3.Cursor]
"""Runs a statement."""

_WAIT_S = 30.0
_FORKING_S = 2.0
# In a forked child, of the parent: to close one would let go of the parent's locks.
_abandoned: list[FileConnection | None] = []


class StoreUnusable(AskSageError):
    """The store of replies cannot be opened or written; nothing is sent without it."""


class RepliesFile:
    """The file, opened as it is needed.

    Parameters
    ----------
    path : Path
        Made where it is missing, for this person alone.
    prepare : callable
        Makes or checks the tables of a connection.
    """

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self._path, self._prepare = path, prepare
        self._turn = threading.Lock()
        self._connection: FileConnection | None = None
        self._is_paused = False

    def use(self, do: Callable[[Run], T]) -> T:
        """Run statements, alone among the threads.

        Raises
        ------
        StoreUnusable
        LedgerError
            This process was forked while another thread used it.
        """
        forks.refuse_after_fork()
        try:
            # In no generator: one that a Ctrl-C leaves behind has the lock as long as the error lives.
            with self._turn:
                try:
                    if self._connection is None:
                        self._connection = self._opened()
                    return do(self._connection.execute)
                except BaseException:
                    self._close()  # with whatever was begun
                    raise
        except (sqlite3.Error, OSError) as error:
            raise StoreUnusable(
                f"the store of replies {self._path} fails ({told(error)}): nothing is sent without it"
            ) from None

    def write(self, do: Callable[[Run], T]) -> T:
        """One durable transaction. Raises as `use` does."""

        def transact(run: Run) -> T:
            run("BEGIN IMMEDIATE")
            done = do(run)
            run("COMMIT")
            return done

        return self.use(transact)

    def close(self) -> None:
        """Close it; a later use opens it again."""
        forks.forget(self)
        with self._turn:
            self._close()

    def pause(self) -> None:
        """Close it, before a fork, once the thread that uses it is through; one that takes long goes on."""
        self._is_paused = self._turn.acquire(timeout=_FORKING_S)
        if self._is_paused:
            self._close()

    def resume(self) -> None:
        """Let threads use it again."""
        if self._is_paused:
            self._is_paused = False
            self._turn.release()

    def begin_anew(self) -> None:
        """Forget the threads of the process that forked this one."""
        _abandoned.append(self._connection)
        self._connection, self._turn, self._is_paused = None, threading.Lock(), False

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self) -> FileConnection:
        make_file(self._path)
        forks.know(self)
        connection = sqlite3.connect(
            self._path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False, factory=FileConnection
        )
        try:
            journal = "TRUNCATE" if is_on_network(self._path) else "WAL"
            for pragma in (f"journal_mode={journal}", "synchronous=FULL", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection
