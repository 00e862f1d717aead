"""Whether the ledger is what was written: sequence, sums, times and hashes, recomputed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, exists, func, select

from ..account import Kind
from .chain import digest, totals
from .schema import account, bill, call, entry, grant

_SHOWN = 20

_ENTRIES = (
    select(
        *(column.label("at") if column.name == "t" else column for column in entry.c),  # Row.t is taken
        account.c.host, account.c.holder, account.c.meter, grant.c.source, grant.c.starts, grant.c.ends,
        call.c.sent_at, call.c.model, call.c.estimate, call.c.notebook, call.c.cell, call.c.project,
        call.c.user,
        bill.c.tokens.label("billed"), bill.c.source.label("bill_source"), bill.c.status, bill.c.input_tokens,
        bill.c.output_tokens, bill.c.duration_ms, bill.c.request_id, bill.c.model.label("answered"),
    )
    .join(grant, grant.c.id == entry.c.grant_id)
    .join(account, account.c.id == grant.c.account_id)
    .outerjoin(call, (call.c.op == entry.c.op) & (entry.c.kind == Kind.HOLD.value))
    .outerjoin(bill, (bill.c.grant_id == entry.c.grant_id) & (bill.c.seq == entry.c.seq))
    .order_by(entry.c.grant_id, entry.c.seq)
)  # fmt: skip
_FIELDS, _GRANT, _CALL, _BILL = slice(0, 10), slice(11, 17), slice(17, 24), slice(24, 32)

_of_op = entry.alias("of_op")
_BOOKED = (
    select(func.sum(_of_op.c.tokens))
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
    ~exists().where(_of_op.c.op == call.c.op, _of_op.c.kind == Kind.HOLD.value)
)
_BILLS_WITHOUT_ENTRY = select(bill.c.op).where(
    ~exists().where(_of_op.c.grant_id == bill.c.grant_id, _of_op.c.seq == bill.c.seq)
)
_GRANTS_WITHOUT_ENTRY = select(grant.c.id).where(~exists().where(_of_op.c.grant_id == grant.c.id))


@dataclass(frozen=True, slots=True)
class Verification:
    """What `Ledger.verify` found.

    Attributes
    ----------
    entries : int
        How many entries were read.
    ok : bool
        Whether there is no problem.
    problems : tuple[str, ...]
        One line each; at most the first 20.
    head : str
        SHA-256 over the last hash of every chain, in hex. Noted elsewhere, it shows later whether the end
        of a chain was cut off.
    """

    entries: int
    ok: bool
    problems: tuple[str, ...]
    head: str


def verify(connection: Connection) -> Verification:
    """Recompute all chains and compare."""
    head = hashlib.sha256()
    chain = _Chain(0)
    problems: list[str] = []
    entries = 0
    for row in connection.execute(_ENTRIES, execution_options={"yield_per": 1000}):
        if row.grant_id != chain.grant_id:
            head.update(chain.hash)
            chain = _Chain(row.grant_id)
        found = [f"grant {row.grant_id}, entry {row.seq}: {fault}" for fault in chain.follow(row)]
        problems += found[: _SHOWN - len(problems)]
        entries += 1
    head.update(chain.hash)
    problems += _loose_ends(connection)
    return Verification(entries, not problems, tuple(problems[:_SHOWN]), head.hexdigest())


@dataclass(slots=True)
class _Chain:
    """Where one grant's chain stands, as recomputed so far."""

    grant_id: int
    seq: int = 0
    granted: int = 0
    held: int = 0
    used: int = 0
    t: int = 0
    hash: bytes = b""
    open: dict[str, int] = field(default_factory=dict)

    def follow(self, row: Any) -> Iterator[str]:
        """Go on to the next entry, and tell what is wrong with it; then trust it, to find the next fault."""
        if row.seq != self.seq + 1:
            yield f"the entry before it is missing (the last one was {self.seq})"
        if row.at < self.t:
            yield "it is older than the entry before it"
        if row.kind == Kind.HOLD:
            self.open[row.op] = row.tokens
            released = 0
        else:
            released = self.open.pop(row.op, 0) if row.kind in (Kind.SETTLE, Kind.PRESUME) else 0
        summed = totals(self.granted, self.held, self.used, row.kind, row.tokens, released)
        if (row.granted, row.held, row.used) != summed:
            yield "its totals are not those of the entry before it and its own tokens"
        if row.hash != digest(self.hash, row[_FIELDS], _about(row)):
            yield "its hash is not that of its fields, its call or bill, and the entry before it"
        self.seq, self.t, self.hash = row.seq, row.at, row.hash
        self.granted, self.held, self.used = row.granted, row.held, row.used


def _about(row: Any) -> tuple[object, ...]:
    """The fields that were written with the entry, as `chain` binds them."""
    if row.kind == Kind.HOLD:
        return tuple(row[_CALL])
    if row.kind == Kind.GRANT and row.seq == 1:
        return tuple(row[_GRANT])
    return () if row.billed is None else tuple(row[_BILL])


def _loose_ends(connection: Connection) -> list[str]:
    checks = (
        (_WRONG_BILLS, "call {}: its bill is not what its entries book"),
        (_CALLS_WITHOUT_HOLD, "call {}: it has no hold"),
        (_BILLS_WITHOUT_ENTRY, "call {}: its bill has no entry"),
        (_GRANTS_WITHOUT_ENTRY, "grant {}: it has no entry"),
    )
    return [
        line.format(name)
        for check, line in checks
        for name in connection.execute(check.limit(_SHOWN)).scalars()
    ]
