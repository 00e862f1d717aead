"""Settled calls as columns, a span of time at a time.

SQLite makes one JSON text of each column of a span, without a step of Python's for each row, and without its
lock: half the time of the rows, and several connections read side by side.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from ...account import Account
from ..tables.reading import blocks, calls_statement
from ..tables.schema import account, call

Columns = Sequence[Sequence[Any]]
"""The columns of `CALL_COLUMNS`, as long as each other."""

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
_CALLS = (
    calls_statement(None, None, None)
    .where(
        call.c.account_id.in_(bindparam("meters", expanding=True)),
        call.c.sent_at >= bindparam("since"),
        call.c.sent_at < bindparam("until"),
    )
    .subquery()
)
_AS_COLUMNS = select(*(func.json_group_array(column) for column in _CALLS.c))


def columns(
    connection: Connection, holder: Account, since: int | None, until: int | None, size: int
) -> Iterator[Columns]:
    """The settled and presumed calls in the order they were sent, about `size` at a time."""
    if connection.dialect.name != "sqlite":
        for block in blocks(connection, calls_statement(holder, since, until), size):
            yield list(zip(*block, strict=True))
        return
    meters = connection.scalars(_METERS, {"host": holder.host, "holder": holder.holder}).all()
    start, stop = since or 0, _END_OF_TIME if until is None else until
    while start < stop:
        asked = ({"account_id": meter, "since": start, "size": size} for meter in meters)
        nth = [found for found in (connection.scalar(_NTH, each) for each in asked) if found is not None]
        end = max(start + 1, min([*nth, stop]))
        texts = connection.execute(_AS_COLUMNS, {"meters": meters, "since": start, "until": end}).one()
        if texts[0] != "[]":
            yield [json.loads(text) for text in texts]
        start = end
