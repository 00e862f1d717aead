"""SQLite's own connection, of which nothing is left once it is closed."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any
from weakref import ref

from .... import forks


class FileConnection(sqlite3.Connection):
    """A connection that lets go of all its locks when it is closed, whoever still knows of its cursors.

    SQLite keeps a closed connection, with its transaction and locks, for as long as one statement is left.
    The traceback of a move that was stopped has such statements, and a notebook keeps the last error.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        self._cursors: list[ref[sqlite3.Cursor]] = []  # not a WeakSet: a stop within its callbacks is lost
        forks.opening(self)  # no later: amid the opening, too, SQLite is locked
        super().__init__(*args, **named)

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        """A cursor that is closed no later than the connection."""
        cursor = super().cursor(factory)
        self._cursors = [known for known in self._cursors if known() is not None]
        self._cursors.append(ref(cursor))
        return cursor

    def close(self) -> None:
        """End whatever is going on, then close."""
        cursors, self._cursors = self._cursors, []
        for known in cursors:
            if (cursor := known()) is not None:
                with suppress(sqlite3.Error):
                    cursor.close()
        with suppress(sqlite3.Error):
            self.rollback()
        super().close()
        forks.closed(self)  # no sooner
