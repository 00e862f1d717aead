"""Balances, calls and open holds, read and never written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, func, select

from ..account import Account, Balance, Kind, Meter, MeterBalance
from ..month import to_datetime
from .schema import OF_A_CALL, account, bill, call, entry, grant
from .state import State, month_of

_NOT_KNOWN = "not known: asksage_jupyter.set_plan(...)"

CALL_COLUMNS: tuple[str, ...] = (
    "op", "sent_at", "model", "meter", "notebook", "cell", "project", "user", "input_tokens", "output_tokens",
    "tokens", "estimate", "source", "status", "duration_ms", "request_id",
)  # fmt: skip

_SENT = itemgetter(CALL_COLUMNS.index("sent_at"), CALL_COLUMNS.index("op"))

_after = entry.alias("after")
_CALLS = (
    select(
        call.c.op, call.c.sent_at, func.coalesce(bill.c.model, call.c.model), account.c.meter,
        call.c.notebook, call.c.cell, call.c.project, call.c.user, bill.c.input_tokens, bill.c.output_tokens,
        bill.c.tokens, call.c.estimate, bill.c.source, bill.c.status, bill.c.duration_ms, bill.c.request_id,
    )
    .select_from(call)
    .join(bill, bill.c.op == call.c.op)
    .join(account, account.c.id == call.c.account_id)
    # The latest bill counts, and none does when the call was voided after a presume.
    .where(
        ~exists().where(
            _after.c.op == bill.c.op,
            _after.c.grant_id == bill.c.grant_id,
            _after.c.kind == Kind.SETTLE.value,
            _after.c.seq > bill.c.seq,
        )
    )
    .order_by(call.c.sent_at, call.c.op)
)  # fmt: skip

# What each grant holds: as a subquery, or SQLite may choose to look through all entries for it.
HOLDING = select(
    grant.c.id,
    select(entry.c.held)
    .where(entry.c.grant_id == grant.c.id)
    .order_by(entry.c.seq.desc())
    .limit(1)
    .scalar_subquery()
    .label("held"),
)
HOLDING_OF = HOLDING.join(account, account.c.id == grant.c.account_id).where(
    account.c.host == bindparam("host"), account.c.holder == bindparam("holder")
)

_METERS_OF = select(account.c.id).where(
    account.c.host == bindparam("host"), account.c.holder == bindparam("holder")
)

_BACKWARDS = (
    select(entry.c.op, entry.c.kind, entry.c.tokens, entry.c.due)
    .where(entry.c.grant_id == bindparam("grant_id"), OF_A_CALL)
    .order_by(entry.c.seq.desc())
)


def balance_of(holder: Account, states: dict[str, State], clock: int) -> Balance:
    """Both meters as figures."""
    inference, training = (_meter_balance(meter, states.get(meter), holder, clock) for meter in Meter)
    return Balance(holder, inference, training)


def _meter_balance(meter: Meter, state: State | None, holder: Account, clock: int) -> MeterBalance:
    if state is None:
        ends = month_of(clock, holder.zone)[2]
        return MeterBalance(meter, None, 0, 0, _NOT_KNOWN, None, to_datetime(ends))
    live = state.live
    granted: int | None = sum(tail.granted for tail in live)
    if state.allotment is None and state.monthly is not None:
        granted = sum(tail.granted for tail in live) + state.monthly  # as the first hold will find it
    elif not live:
        granted = None
    return MeterBalance(
        meter,
        granted,
        sum(tail.used for tail in live),
        sum(tail.held for tail in live),
        state.plan_source or (_NOT_KNOWN if not live else live[0].source),
        to_datetime(max(tail.t for tail in live)) if live else None,
        to_datetime(state.ends),
    )


def calls_statement(holder: Account | None, since: int | None, until: int | None) -> Select[Any]:
    """The settled and presumed calls, in the order they were sent."""
    statement = _CALLS
    if holder is not None:
        statement = statement.where(account.c.host == holder.host, account.c.holder == holder.holder)
    if since is not None:
        statement = statement.where(call.c.sent_at >= since)
    if until is not None:
        statement = statement.where(call.c.sent_at < until)
    return statement


def month_calls_statement(grants: Sequence[int], starts: int, ends: int) -> Select[Any]:
    """The settled and presumed calls that were held on any of these grants within the bounds."""
    held = entry.alias("held_")
    of_month = select(held.c.op).where(
        held.c.grant_id.in_(grants), held.c.kind == Kind.HOLD.value, held.c.t >= starts, held.c.t < ends
    )
    return _CALLS.where(call.c.op.in_(of_month))


def last_call(connection: Connection, holder: Account) -> tuple[Any, ...] | None:
    """The newest settled or presumed call: for each meter one seek from the end of its index."""
    newest = _CALLS.order_by(None).order_by(call.c.sent_at.desc(), call.c.op.desc()).limit(1)
    asked = {"host": holder.host, "holder": holder.holder}
    found = (
        tuple(row)
        for account_id in connection.scalars(_METERS_OF, asked).all()
        for row in connection.execute(newest.where(call.c.account_id == account_id))
    )
    return max(found, key=_SENT, default=None)


def open_holds(connection: Connection, grant_id: int, held: int) -> Iterator[tuple[str, int]]:
    """Find the ``(op, due)`` of a grant's open holds.

    Walks back from the newest entry, and stops when all of the running total `held` is found: open holds
    are young, however long the history.
    """
    ended: set[str] = set()
    with connection.execute(_BACKWARDS, {"grant_id": grant_id}) as rows:
        for op, kind, tokens, due in rows:
            if kind != Kind.HOLD:
                ended.add(op)
            elif op not in ended:
                yield op, due
                held -= tokens
                if held <= 0:
                    return
