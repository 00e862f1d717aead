"""Whether every value is of its column's kind: SQLite keeps whatever was written into the file by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from sqlalchemy import Column, Connection, Table
from sqlalchemy.exc import SQLAlchemyError

from ...tables.schema import metadata

_KINDS = {int: "integer", str: "text", bytes: "blob"}


def strange_tables(connection: Connection) -> Iterator[str]:
    """The tables with a value of another kind, by name; takes as long as they are."""
    for table in metadata.tables.values():
        with suppress(SQLAlchemyError):  # what cannot be asked is told by whoever reads it
            if connection.exec_driver_sql(_any_strange(table)).scalar():
                yield table.name


def _any_strange(table: Table) -> str:
    strange = " OR ".join(_is_strange(column) for column in table.columns)
    return f'SELECT EXISTS (SELECT 1 FROM "{table.name}" WHERE {strange})'  # noqa: S608  our own names


def _is_strange(column: Column[object]) -> str:
    kinds = f"'{_KINDS[column.type.python_type]}'" + (", 'null'" if column.nullable else "")
    return f'typeof("{column.name}") NOT IN ({kinds})'
