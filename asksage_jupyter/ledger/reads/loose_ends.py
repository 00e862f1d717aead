"""What no chain shows: rows that have lost others, bills unlike their entries, payers who disagree."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, ForeignKeyConstraint, Select, Table, case, exists, func, select

from ...account import Kind
from ..stores.sqlite.faults import DATABASE
from ..tables.reading import is_persons, is_pools
from ..tables.schema import account, bill, call, entry, grant, member, metadata
from .allotments import wrong_allotments

SHOWN = 20

_of_op = entry.alias("of_op")
_of_caller = grant.alias("of_caller")
_BOOKED = (
    select(func.sum(_of_op.c.tokens))
    .join(_of_caller, _of_caller.c.id == _of_op.c.grant_id)
    .join(call, (call.c.op == _of_op.c.op) & (call.c.account_id == _of_caller.c.account_id))
    .where(_of_op.c.op == bill.c.op, _of_op.c.kind.in_(["settle", "presume"]))
    .scalar_subquery()
)
# The latest bill of a call must be what its entries book.
_WRONG_BILLS = select(bill.c.op).where(
    ~exists().where(
        _of_op.c.op == bill.c.op,
        _of_op.c.grant_id == bill.c.grant_id,
        _of_op.c.kind == Kind.SETTLE.value,
        _of_op.c.seq > bill.c.seq,
    ),
    bill.c.tokens != _BOOKED,
)
_CALLS_WITHOUT_HOLD = select(call.c.op).where(
    ~exists().where(
        _of_op.c.op == call.c.op,
        _of_op.c.kind == Kind.HOLD.value,
        grant.c.id == _of_op.c.grant_id,
        grant.c.account_id == call.c.account_id,
    )
)
_BILLS_WITHOUT_ENTRY = select(bill.c.op).where(
    ~exists().where(
        _of_op.c.grant_id == bill.c.grant_id,
        _of_op.c.seq == bill.c.seq,
        _of_op.c.op == bill.c.op,
        _of_op.c.t == bill.c.t,
    )
)
# What a pool's chain books for an op, a member's books too.
_WRONG_IN_POOL = (
    select(entry.c.op)
    .join(grant, grant.c.id == entry.c.grant_id)
    .join(account, account.c.id == grant.c.account_id)
    .where(
        entry.c.kind != Kind.GRANT.value,
        entry.c.op.in_(
            select(_of_op.c.op)
            .join(_of_caller, _of_caller.c.id == _of_op.c.grant_id)
            .where(_of_caller.c.account_id.in_(select(member.c.pool_id).where(member.c.pool_id.is_not(None))))
        ),
    )
    .group_by(entry.c.op, entry.c.kind)
    .having(
        func.sum(case((is_persons(account), entry.c.tokens), (is_pools(account), -entry.c.tokens), else_=0))
        != 0
    )
)
# What an envelope's chain books for an op, all who pay for it book.
_BY_PAYER = (
    select(entry.c.op, entry.c.kind, func.sum(entry.c.tokens).label("tokens"))
    .join(grant, grant.c.id == entry.c.grant_id)
    .where(
        entry.c.kind != Kind.GRANT.value,
        entry.c.op.in_(
            select(_of_op.c.op)
            .join(_of_caller, _of_caller.c.id == _of_op.c.grant_id)
            .join(account, account.c.id == _of_caller.c.account_id)
            .where(~is_persons(account), ~is_pools(account))
        ),
    )
    .group_by(entry.c.op, entry.c.kind, grant.c.account_id)
    .subquery()
)
_WRONG_IN_ENVELOPE = (
    select(_BY_PAYER.c.op)
    .group_by(_BY_PAYER.c.op, _BY_PAYER.c.kind)
    .having((func.min(_BY_PAYER.c.tokens) != func.max(_BY_PAYER.c.tokens)) | (func.count() < 2))
)
_GRANTS_WITHOUT_ENTRY = select(grant.c.id).where(~exists().where(_of_op.c.grant_id == grant.c.id))


def _without_parent(table: Table, constraint: ForeignKeyConstraint) -> Select[Any]:
    """How many rows have lost the row that they belong to: those are in no chain and in no balance."""
    lost = select(func.count().label("rows")).where(
        *(column.is_not(None) for column in constraint.columns),
        ~exists().where(*(each.column == each.parent for each in constraint.elements)).correlate(table),
    )
    counted = lost.select_from(table).subquery()
    return select(counted.c.rows).where(counted.c.rows > 0)


_LOST: list[tuple[Select[Any], str]] = [
    (_without_parent(table, each), f"{{}} rows of {table.name} have lost their {each.referred_table.name}")
    for table in metadata.sorted_tables
    for each in table.foreign_key_constraints
]


def loose_ends(connection: Connection) -> list[str]:
    """One line for each, as far as they are worth showing."""
    checks: list[tuple[Select[Any], str]] = [
        (_WRONG_BILLS, "call {}: its bill is not what its entries book"),
        (_CALLS_WITHOUT_HOLD, "call {}: it has no hold"),
        (_BILLS_WITHOUT_ENTRY, "call {}: its bill has no entry"),
        (_GRANTS_WITHOUT_ENTRY, "grant {}: it has no entry"),
    ]
    try:
        if _sees_all(connection):
            checks += [
                *_LOST,
                (_WRONG_IN_POOL, "call {}: the pool's chain books other tokens than its member's"),
                (_WRONG_IN_ENVELOPE, "call {}: an envelope's chain books other tokens than its owner's"),
            ]
        found = [
            line.format(name)
            for check, line in checks
            for name in connection.execute(check.limit(SHOWN)).scalars()
        ]
        return found + list(wrong_allotments(connection)) + _faults_of_the_database(connection)
    except DATABASE as error:
        if connection.invalidated:
            raise
        return [f"calls and bills cannot be compared: {cause(error)}"]


def _sees_all(connection: Connection) -> bool:
    """Whether other members' entries are seen: a database with roles hides them from a member."""
    if connection.dialect.name != "postgresql":
        return True
    return not connection.exec_driver_sql("SELECT row_security_active('entry')").scalar_one()


def _faults_of_the_database(connection: Connection) -> list[str]:
    """What SQLite finds; the rules of a server that are not in force."""
    if connection.dialect.name == "postgresql":
        from ..stores.postgres.roles import not_in_force

        return not_in_force(connection)
    # An index that differs from its table would let a call be booked twice, and a trigger change what is.
    lines = connection.exec_driver_sql(f"PRAGMA integrity_check({SHOWN})").scalars()
    found = [f"the file: {' '.join(line.split())}" for line in lines if line != "ok"]
    triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
    return found + [f"the file: the trigger {name} is not this package's" for name in triggers]


def cause(error: BaseException) -> object:
    """What the database's own driver says."""
    return getattr(error, "orig", error)
