"""The calls whose bill is not known yet, held or presumed spent: found by seeks, however long the history."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    select,
)

from ...account import HELD, OPEN, Account, Kind, Meter
from ..tables.prepared import Prepared
from ..tables.reading import HOLDING_OF, is_persons, open_holds, open_holds_of
from ..tables.schema import account, bill, call, entry, grant
from ..tables.state import month_of

_settled = entry.alias("settled")

# What a pool holds, its members hold too.
_LATE = Prepared(open_holds_of(is_persons(account)).where(entry.c.due <= bindparam("now")))
_OPEN_OF = open_holds_of(account.c.host == bindparam("host"), account.c.holder == bindparam("holder"))
_LATE_OF = Prepared(_OPEN_OF.where(entry.c.due <= bindparam("now")))

_HOLDING = HOLDING_OF.where(account.c.meter == bindparam("meter"))
# The kind is written out, or the index on presumes would not be seen to fit.
_PRESUMED = (
    select(entry.c.op)
    .join(grant, grant.c.id == entry.c.grant_id)
    .join(account, account.c.id == grant.c.account_id)
    .where(
        account.c.host == bindparam("host"),
        account.c.holder == bindparam("holder"),
        account.c.meter == bindparam("meter"),
        entry.c.kind == literal_column("'presume'"),
        ~exists().where(
            _settled.c.op == entry.c.op,
            _settled.c.kind == Kind.SETTLE.value,
            _settled.c.grant_id == entry.c.grant_id,
        ),
    )
)
# What was held is also what is presumed.
_CALL = (
    select(
        call.c.sent_at,
        call.c.model,
        call.c.estimate,
        func.sum(entry.c.tokens),
        func.min(entry.c.t),
        account.c.zone,
    )
    .join(account, account.c.id == call.c.account_id)
    .join(entry, (entry.c.op == call.c.op) & (entry.c.kind == Kind.HOLD.value))
    .join(grant, (grant.c.id == entry.c.grant_id) & (grant.c.account_id == call.c.account_id))
    .where(call.c.op == bindparam("op"))
    .group_by(call.c.op, call.c.sent_at, call.c.model, call.c.estimate, account.c.zone)
)

_SERVED = (
    select(call.c.model, bill.c.model)
    .distinct()
    .join(bill, bill.c.op == call.c.op)
    .join(account, account.c.id == call.c.account_id)
    .where(
        account.c.host == bindparam("host"),
        account.c.holder == bindparam("holder"),
        bill.c.model != call.c.model,
        call.c.sent_at >= bindparam("since"),
    )
)

# In the columns of `CALL_COLUMNS`: what is held stands for what was debited, and nothing is known of a reply.
_OPEN_CALL: tuple[ColumnElement[Any], ...] = (
    call.c.op, call.c.sent_at, call.c.model, account.c.meter, call.c.notebook, call.c.cell, call.c.project,
    call.c.user, null(), null(), func.sum(entry.c.tokens), call.c.estimate, literal_column(f"'{HELD}'"),
    literal_column(f"'{OPEN}'"), null(), null(),
    call.c.job, call.c.tags, call.c.client,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A call whose bill is not known yet.

    Attributes
    ----------
    op : str
    sent_at : int
        Microseconds UTC.
    model : str
        As asked.
    estimate : int
        Expected Ask Sage tokens.
    tokens : int
        Ask Sage tokens held or presumed: the estimate, and at least 1.
    presumed : bool
        Whether its hold is past due, and counts as spent.
    period : str
        The month that held it and will bear its bill, like ``"2026-11"``.
    held_at : int
        When it was held, in microseconds UTC.
    """

    op: str
    sent_at: int
    model: str
    estimate: int
    tokens: int
    presumed: bool
    period: str
    held_at: int


def late(connection: Connection, holder: Account | None, clock: int) -> list[str]:
    """The calls whose holds are open past their due time, of one account or of all."""
    if holder is None:
        rows = _LATE.rows(connection, {"now": clock})
    else:
        rows = _LATE_OF.rows(connection, {"host": holder.host, "holder": holder.holder, "now": clock})
    return list(dict.fromkeys(op for op, *_ in rows))  # a call may be held on several grants


def unsettled(connection: Connection, holder: Account, meter: Meter) -> list[Unsettled]:
    """The meter's calls that are held or presumed and not settled, in the order they were sent."""
    asked = {"host": holder.host, "holder": holder.holder, "meter": meter.value}
    ops = dict.fromkeys(connection.execute(_PRESUMED, asked).scalars(), True)
    for grant_id, held in connection.execute(_HOLDING, asked).all():
        if held:
            ops |= dict.fromkeys((op for op, _, _ in open_holds(connection, grant_id, held)), False)
    found = (_found(connection, op, presumed) for op, presumed in ops.items())
    return sorted(found, key=attrgetter("sent_at", "op"))


def served_as(connection: Connection, holder: Account, since: int) -> dict[str, frozenset[str]]:
    """By model, as asked for: the other models that answered in its place."""
    found: dict[str, frozenset[str]] = {}
    bound = {"host": holder.host, "holder": holder.holder, "since": since}
    for asked, served in connection.execute(_SERVED, bound):
        found[asked] = found.get(asked, frozenset()) | {served}
    return found


def open_calls(connection: Connection, holder: Account) -> list[tuple[Any, ...]]:
    """The calls of both meters that are held and neither settled nor presumed; newest first."""
    ops = set(connection.scalars(_OPEN_OF, {"host": holder.host, "holder": holder.holder}))
    return [tuple(row) for row in connection.execute(_open(ops))] if ops else []


def _open(ops: set[str]) -> Select[Any]:
    return (
        select(*_OPEN_CALL)
        .select_from(call)
        .join(account, account.c.id == call.c.account_id)
        .join(grant, grant.c.account_id == call.c.account_id)
        .join(entry, (entry.c.grant_id == grant.c.id) & (entry.c.op == call.c.op))
        .where(call.c.op.in_(ops), entry.c.kind == Kind.HOLD.value)
        .group_by(*_OPEN_CALL[:8], call.c.estimate, *_OPEN_CALL[16:])
        .order_by(call.c.sent_at.desc(), call.c.op.desc())
    )


def _found(connection: Connection, op: str, presumed: bool) -> Unsettled:
    sent_at, model, estimate, tokens, held_at, zone = connection.execute(_CALL, {"op": op}).one()
    return Unsettled(op, sent_at, model, estimate, int(tokens), presumed, month_of(held_at, zone)[0], held_at)
