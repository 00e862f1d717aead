"""Settled calls as columns, a span of time at a time.

The database itself makes one JSON text of a span: an object of its columns. No step of Python's is made for
each row, and SQLite makes it without Python's lock, while the text before it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Select, Text, bindparam, cast, func, literal_column, select

from ...account import Account
from ..tables.reading import CALL_COLUMNS, calls_statement
from ..tables.schema import account, call

_END_OF_TIME = 2**63 - 1

_METERS = select(account.c.id).where(
    account.c.host == bindparam("host"), account.c.holder == bindparam("holder")
)
_NTH = (
    select(call.c.sent_at)
    .where(call.c.account_id == bindparam("account_id"), call.c.sent_at >= bindparam("since"))
    .order_by(call.c.sent_at)
    .offset(bindparam("size"))
    .limit(1)
)
# Without an order: SQLite would lay each row aside for it, which takes a third of the time.
_CALLS = (
    calls_statement(None, None, None)
    .order_by(None)
    .where(
        call.c.account_id.in_(bindparam("meters", expanding=True)),
        call.c.sent_at >= bindparam("since"),
        call.c.sent_at < bindparam("until"),
    )
    .subquery()
)


def _as_json(whole: Callable[..., Any], array: Callable[..., Any]) -> Select[Any]:
    parts: list[Any] = []
    for name, column in zip(CALL_COLUMNS, _CALLS.c, strict=True):
        parts += [literal_column(f"'{name}'"), array(column)]
    return select(cast(whole(*parts), Text))


_AS_JSON = {
    "sqlite": _as_json(func.json_object, func.json_group_array),
    "postgresql": _as_json(
        func.json_build_object,
        lambda column: func.coalesce(func.json_agg(column), literal_column("'[]'::json")),
    ),
}


def columns(
    connection: Connection, holder: Account, since: int | None, until: int | None, size: int
) -> Iterator[str]:
    """The settled and presumed calls, about `size` at a time, each time those that were sent after the last.

    Each is a JSON object with the columns of `CALL_COLUMNS` by their names, as arrays as long as each other,
    whose rows are in any order.
    """
    meters = connection.scalars(_METERS, {"host": holder.host, "holder": holder.holder}).all()
    as_json = _AS_JSON[connection.dialect.name]
    start, stop = since or 0, _END_OF_TIME if until is None else until
    while start < stop:
        asked = ({"account_id": meter, "since": start, "size": size} for meter in meters)
        nth = [found for found in (connection.scalar(_NTH, each) for each in asked) if found is not None]
        end = max(start + 1, min([*nth, stop]))
        yield connection.execute(as_json, {"meters": meters, "since": start, "until": end}).scalar_one()
        start = end
