"""The statements of every move, compiled once.

SQLAlchemy's own execution costs two to three times what SQLite needs for these one-row statements. They are
written and compiled by SQLAlchemy Core all the same, for whichever database is connected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.expression import Executable


class Prepared:
    """A statement that takes and returns plain integers, strings, bytes and None.

    Errors are those of the database's driver, not SQLAlchemy's.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, Sequence[str] | None]] = {}

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run and fetch all rows."""
        return list(self._run(connection, parameters).fetchall())

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> None:
        """Run a statement that returns nothing."""
        self._run(connection, parameters).close()

    def _run(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        sql, names = self._compiled.get(connection.dialect.name) or self._compile(connection)
        cursor = connection.connection.cursor()
        cursor.execute(sql, parameters if names is None else [parameters[name] for name in names])
        return cursor

    def _compile(self, connection: Connection) -> tuple[str, Sequence[str] | None]:
        compiled: Any = self._statement.compile(dialect=connection.dialect)  # type: ignore[attr-defined]
        found = self._compiled[connection.dialect.name] = (str(compiled), compiled.positiontup)
        return found
