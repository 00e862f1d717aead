"""Calls and open holds, read and never written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
)

from ...account import Account, Kind, Source
from .schema import OF_A_CALL, account, bill, call, entry, grant

_NEWEST = 2**63 - 1

CALL_COLUMNS: tuple[str, ...] = (
    "op", "sent_at", "model", "meter", "notebook", "cell", "project", "user", "input_tokens", "output_tokens",
    "tokens", "estimate", "source", "status", "duration_ms", "request_id", "job", "tags", "client",
)  # fmt: skip

_SENT = itemgetter(CALL_COLUMNS.index("sent_at"), CALL_COLUMNS.index("op"))

_after = entry.alias("after")
_CALLS = (
    select(
        call.c.op, call.c.sent_at, func.coalesce(bill.c.model, call.c.model), account.c.meter,
        call.c.notebook, call.c.cell, call.c.project, call.c.user, bill.c.input_tokens, bill.c.output_tokens,
        bill.c.tokens, call.c.estimate, bill.c.source, bill.c.status, bill.c.duration_ms, bill.c.request_id,
        call.c.job, call.c.tags, call.c.client,
    )
    .select_from(call)
    .join(bill, bill.c.op == call.c.op)
    .join(account, account.c.id == call.c.account_id)
    # The latest bill counts, and none does when the call was voided after a presume: only a presume's may be
    # followed by another, and asking so first spares a look for each of the others.
    .where(
        (bill.c.source != Source.PRESUMED.value)
        | ~exists().where(
            _after.c.op == bill.c.op,
            _after.c.grant_id == bill.c.grant_id,
            _after.c.kind == Kind.SETTLE.value,
            _after.c.seq > bill.c.seq,
        )
    )
    .order_by(call.c.sent_at, call.c.op)
)  # fmt: skip

# Every hold that is open, of all accounts: each grant is walked back from its last entry until all of its
# running total is found. Open holds are young, however long the history.
_at, _of_op = entry.alias("at_"), entry.alias("of_op")
_NONE, _ONE = literal_column("0", BigInteger()), literal_column("1", BigInteger())


def is_ended(of: FromClause) -> ColumnElement[bool]:
    """Whether the call of an `entry` was settled or presumed on the entry's grant.

    Each kind is sought by itself: for either of them SQLite looks through the whole grant.
    """

    def has(kind: Kind) -> ColumnElement[bool]:
        return exists().where(
            _of_op.c.op == of.c.op,
            _of_op.c.kind == literal_column(f"'{kind}'"),
            _of_op.c.grant_id == of.c.grant_id,
        )

    return has(Kind.SETTLE) | has(Kind.PRESUME)


def _is_open(held: FromClause) -> ColumnElement[bool]:
    return and_(held.c.kind == literal_column("'hold'"), ~is_ended(held))


# As subqueries, or SQLite may choose to look through all entries for them.
_seq = select(func.max(entry.c.seq)).where(entry.c.grant_id == grant.c.id).correlate(grant).scalar_subquery()
_tail = entry.alias("tail_")
_held = (
    select(_tail.c.held)
    .where(_tail.c.grant_id == grant.c.id, _tail.c.seq == _seq)
    .correlate(grant)
    .scalar_subquery()
)


def open_holds_of(*whose: ColumnElement[bool]) -> Select[Any]:
    """The ``(op, due, tokens, grant_id)`` of every open hold on the grants of such an `account`."""
    tails = (
        select(grant.c.id, _seq.label("seq"), _held.label("held"))
        .join(account, account.c.id == grant.c.account_id)
        .where(*whose)
        .subquery("tails")
    )
    walk = (
        select(tails.c.id.label("grant_id"), tails.c.seq, tails.c.held.label("left_"))
        .where(tails.c.held > _NONE)
        .cte("walk", recursive=True)
    )
    found = case((_is_open(_at), _at.c.tokens), else_=_NONE)
    walk = walk.union_all(
        select(walk.c.grant_id, walk.c.seq - _ONE, walk.c.left_ - found)
        .join(_at, (_at.c.grant_id == walk.c.grant_id) & (_at.c.seq == walk.c.seq))
        .where(walk.c.left_ > found)
    )
    return (
        select(entry.c.op, entry.c.due, entry.c.tokens, entry.c.grant_id)
        .select_from(walk)
        .join(entry, (entry.c.grant_id == walk.c.grant_id) & (entry.c.seq == walk.c.seq))
        .where(_is_open(entry))
    )


# What each grant holds.
HOLDING = select(grant.c.id, _held.label("held"))
HOLDING_OF = HOLDING.join(account, account.c.id == grant.c.account_id).where(
    account.c.host == bindparam("host"), account.c.holder == bindparam("holder")
)

_METERS_OF = select(account.c.id).where(
    account.c.host == bindparam("host"), account.c.holder == bindparam("holder")
)

_BACKWARDS = (
    select(entry.c.op, entry.c.kind, entry.c.tokens, entry.c.due)
    .where(entry.c.grant_id == bindparam("grant_id"), entry.c.seq <= bindparam("upto"), OF_A_CALL)
    .order_by(entry.c.seq.desc())
)


def calls_statement(holder: Account | None, since: int | None, until: int | None) -> Select[Any]:
    """The settled and presumed calls, in the order they were sent."""
    statement = _within(_CALLS, since, until)
    if holder is not None:
        statement = statement.where(account.c.host == holder.host, account.c.holder == holder.holder)
    return statement


def _within(statement: Select[Any], since: int | None, until: int | None) -> Select[Any]:
    if since is not None:
        statement = statement.where(call.c.sent_at >= since)
    if until is not None:
        statement = statement.where(call.c.sent_at < until)
    return statement


def is_persons(of: FromClause) -> ColumnElement[bool]:
    """Whether a row of `account` is a person's: no pool's, and no envelope's within one."""
    return ~is_pools(of) & of.c.holder.not_like(literal_column("'envelope:%'"))


def is_pools(of: FromClause) -> ColumnElement[bool]:
    """Whether a row of `account` is a pool's."""
    return of.c.holder.like(literal_column("'pool:%'"))


def month_calls_statement(grants: Sequence[int], starts: int, ends: int) -> Select[Any]:
    """The settled and presumed calls that were held on any of these grants within the bounds."""
    held = entry.alias("held_")
    of_month = select(held.c.op).where(
        held.c.grant_id.in_(grants), held.c.kind == Kind.HOLD.value, held.c.t >= starts, held.c.t < ends
    )
    return _CALLS.where(call.c.op.in_(of_month))


def recent(
    connection: Connection,
    holder: Account,
    opened: Iterable[tuple[Any, ...]],
    since: int | None,
    until: int | None,
    limit: int,
) -> list[tuple[Any, ...]]:
    """The newest calls, newest first: of each meter, read from the end of its index; and `opened`."""
    newest = _within(_CALLS, since, until).order_by(None)
    newest = newest.order_by(call.c.sent_at.desc(), call.c.op.desc()).limit(limit)
    asked = {"host": holder.host, "holder": holder.holder}
    found = [
        tuple(row)
        for account_id in connection.scalars(_METERS_OF, asked).all()
        for row in connection.execute(newest.where(call.c.account_id == account_id))
    ]
    found += [row for row in opened if (since or 0) <= _SENT(row)[0] < (until or _NEWEST)]
    return sorted(found, key=_SENT, reverse=True)[:limit]


def open_holds(
    connection: Connection, grant_id: int, held: int, upto: int = _NEWEST
) -> Iterator[tuple[str, int, int]]:
    """Find the ``(op, due, tokens)`` of the holds that were open after a grant's entry `upto`.

    Walks back from there, and stops when all of the running total `held` is found: open holds are young,
    however long the history.
    """
    ended: set[str] = set()
    with connection.execute(_BACKWARDS, {"grant_id": grant_id, "upto": upto}) as rows:
        for op, kind, tokens, due in rows:
            if kind != Kind.HOLD:
                ended.add(op)
            elif op not in ended:
                yield op, due, tokens
                held -= tokens
                if held <= 0:
                    return
