"""Whether the ledger is what was written: sequence, sums, times and hashes, recomputed.

A damaged file must not stop the audit: what cannot be read, or is no longer of its kind, is a problem too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from ...account import Kind
from ..stores.sqlite.faults import DATABASE
from ..stores.sqlite.kinds import strange_tables
from ..tables.chain import OF_CALL, OF_SOME_CALLS, bound, digest, totals
from ..tables.schema import account, bill, call, entry, grant
from .loose_ends import SHOWN, cause, loose_ends

_ENTRIES = (
    select(
        *(column.label("at") if column.name == "t" else column for column in entry.c),  # Row.t is taken
        account.c.host, account.c.holder, account.c.meter, grant.c.source, grant.c.starts, grant.c.ends,
        *(call.c[name] for name in (*OF_CALL, *OF_SOME_CALLS)),
        bill.c.tokens.label("billed"), bill.c.source.label("bill_source"), bill.c.status, bill.c.input_tokens,
        bill.c.output_tokens, bill.c.duration_ms, bill.c.request_id, bill.c.model.label("answered"),
    )
    .join(grant, grant.c.id == entry.c.grant_id)
    .join(account, account.c.id == grant.c.account_id)
    # A pool's hold binds nothing of its member's call.
    .outerjoin(
        call,
        (call.c.op == entry.c.op)
        & (entry.c.kind == Kind.HOLD.value)
        & (call.c.account_id == grant.c.account_id),
    )
    .outerjoin(bill, (bill.c.grant_id == entry.c.grant_id) & (bill.c.seq == entry.c.seq))
    .order_by(entry.c.grant_id, entry.c.seq)
)  # fmt: skip
_FIELDS, _GRANT, _CALL, _BILL = slice(0, 10), slice(11, 17), slice(17, 27), slice(27, 35)


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
    with any_text(connection):
        try:
            for row in connection.execute(_ENTRIES, execution_options={"yield_per": 1000}):
                if row.grant_id != chain.grant_id:
                    head.update(chain.hash)
                    chain = _Chain(row.grant_id)
                problems += [f"{_named(row)}: {fault}" for fault in chain.follow(row)][
                    : SHOWN - len(problems)
                ]
                entries += 1
        except DATABASE as error:
            if connection.invalidated:  # the server was lost, and nothing is wrong with the ledger
                raise
            problems.append(
                f"after grant {chain.grant_id}, entry {chain.seq}, nothing can be read: {cause(error)}"
            )
        head.update(chain.hash)
        problems += loose_ends(connection)
        if connection.dialect.name == "sqlite":
            problems += [
                f"{table}: a value is not of its column's kind" for table in strange_tables(connection)
            ]
    return Verification(entries, not problems, tuple(problems[:SHOWN]), head.hexdigest())


def _named(row: Any) -> str:
    return f"grant {row.grant_id} ({row.source}), entry {row.seq} ({row.kind}, op {row.op})"


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
        if not _is_well_formed(row):
            yield "its fields are not of their kinds"
            self.seq += 1
            return
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
        if not is_bound(row.hash, self.hash, row[_FIELDS], _about(row)):
            yield "its hash is not that of its fields, its call or bill, and the entry before it"
        self.seq, self.t, self.hash = row.seq, row.at, row.hash
        self.granted, self.held, self.used = row.granted, row.held, row.used


def is_bound(hashed: bytes, ahead: bytes, fields: Sequence[object], about: Sequence[object]) -> bool:
    """Whether an entry's hash is that of the hash ahead, its fields and the record written with it."""
    try:
        return hashed == digest(ahead, fields, about)
    except TypeError:  # a text that has become bytes
        return False


def _is_well_formed(row: Any) -> bool:
    numbers = (row.seq, row.tokens, row.granted, row.held, row.used, row.at)
    return all(isinstance(number, int) for number in numbers) and isinstance(row.hash, bytes)


def _about(row: Any) -> tuple[object, ...]:
    """The fields that were written with the entry, as `chain` binds them."""
    if row.kind == Kind.HOLD:
        return () if row.sent_at is None else bound(row[_CALL])
    if row.kind == Kind.GRANT and row.seq == 1:
        return tuple(row[_GRANT])
    return () if row.billed is None else tuple(row[_BILL])


@contextmanager
def any_text(connection: Connection) -> Iterator[None]:
    """Read text that is no longer text as well, instead of failing at it."""
    raw: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    raw.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        yield
    finally:
        raw.text_factory = str
