"""The statements of every move, compiled once.

SQLAlchemy's own execution costs two to three times what SQLite needs for these one-row statements. They are
written and compiled by SQLAlchemy Core all the same, for whichever database is connected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
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
        return list(self.start(connection, parameters).fetchall())

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> None:
        """Run a statement whose rows nobody wants; on a server, at the latest with what is run next."""
        sql, values = self._bound(connection, parameters)
        driver: Any = connection.connection.driver_connection
        if hasattr(driver, "put_off"):
            driver.put_off(sql, values)
        else:
            driver.execute(sql, values).close()

    def start(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """Run a statement; its rows can be fetched from what is returned."""
        cursor = connection.connection.cursor()
        cursor.execute(*self._bound(connection, parameters))
        return cursor

    def _bound(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[str, Any]:
        sql, names = self._compiled.get(connection.dialect.name) or self._compile(connection)
        return sql, parameters if names is None else [parameters[name] for name in names]

    def _compile(self, connection: Connection) -> tuple[str, Sequence[str] | None]:
        compiled: Any = self._statement.compile(dialect=connection.dialect)  # type: ignore[attr-defined]
        found = self._compiled[connection.dialect.name] = (str(compiled), compiled.positiontup)
        return found


def together(
    connection: Connection, *asked: tuple[Prepared, Mapping[str, Any]]
) -> tuple[list[tuple[Any, ...]], ...]:
    """The rows of several statements; from a server they come in one way there and back."""
    driver: Any = connection.connection.driver_connection
    with driver.pipeline() if hasattr(driver, "pipeline") else nullcontext():
        started = [prepared.start(connection, parameters) for prepared, parameters in asked]
    return tuple(list(cursor.fetchall()) for cursor in started)
