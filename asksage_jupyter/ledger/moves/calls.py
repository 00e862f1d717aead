"""Hold, settle, presume: how tokens go. Each function is part of one transaction.

A pool's member spends twice in the same transaction: from their own grants, which are their cap, and from the
pool's. Both chains get entries of the same op, kind and sum; the call and its bill are the member's alone.
So does whoever spends within an envelope.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ...account import Account, Bill, Call, Envelope, Kind, Source, Status
from ...errors import LedgerConflict, NotEnoughTokens, OverEnvelope
from ...month import to_datetime
from ..tables.chain import about_bill, append, bound, of_call
from ..tables.prepared import Prepared, together
from ..tables.schema import OF_A_CALL, entry, grant
from ..tables.schema import bill as bill_table
from ..tables.schema import call as call_table
from ..tables.seek import STATES, TAIL_COLUMNS, WITH_POOLS, States, state_of, with_tail
from ..tables.state import Tail
from .envelopes import enveloped
from .paying import Payer, payers
from .shares import add_to, spread

_FIND_CALL = Prepared(
    select(call_table.c.account_id, call_table.c.estimate).where(call_table.c.op == bindparam("op"))
)
_INSERT_CALL = Prepared(call_table.insert())
_INSERT_BILL = Prepared(bill_table.insert())

# The entries of one call, the caller's before those of each other payer; each with the present tail of its
# grant, in the order of burning.
_OF_CALLS = (
    with_tail(
        select(entry.c.op, grant.c.account_id, entry.c.kind, entry.c.tokens, entry.c.t, *TAIL_COLUMNS)
        .join(grant, grant.c.id == entry.c.grant_id)
        .join(call_table, call_table.c.op == entry.c.op)
    )
    .where(OF_A_CALL)
    .order_by(
        entry.c.op,
        (grant.c.account_id == call_table.c.account_id).desc(),
        grant.c.account_id,
        grant.c.ends,
        grant.c.id,
        entry.c.seq,
    )
)
_LINKS = Prepared(_OF_CALLS.where(entry.c.op == bindparam("op")))
_LINKS_OF_MANY = _OF_CALLS.where(entry.c.op.in_(bindparam("ops", expanding=True)))
_LAST_BILL = (
    select(bill_table.c.tokens, bill_table.c.input_tokens, bill_table.c.output_tokens)
    .where(bill_table.c.op == bindparam("op"))
    .order_by(bill_table.c.seq.desc())
    .limit(1)
)


def hold(
    connection: Connection,
    holder: Account,
    call: Call,
    due: int,
    clock: int,
    within: Sequence[Envelope] = (),
) -> None:
    """Set aside the call's estimate, over as many live grants as it takes, and in each envelope."""
    asked = {"host": holder.host, "holder": holder.holder, "now": clock}
    rows, there, *enveloping = together(
        connection,
        (WITH_POOLS, asked),
        (_FIND_CALL, {"op": call.op}),
        *((STATES, asked | {"holder": envelope.of(holder).holder}) for envelope in within),
    )
    states = States.of(rows, clock)
    if there:
        state = states.get(holder, call.meter)
        if state is None or there != [(state.account_id, call.estimate)]:
            raise LedgerConflict(f"the call {call.op} was already held with other figures: make a new op.")
        return
    # At least one token, so that a grant's running total shows every open hold.
    tokens = max(1, call.estimate)
    own, *others = payers(connection, holder, call.meter, states)
    _refuse(call, tokens, (*others, own))
    envelopes = [
        enveloped(connection, holder, call.meter, envelope, rows_of, own.state)
        for envelope, rows_of in zip(within, enveloping, strict=True)
    ]
    _refuse(call, tokens, envelopes)
    others += envelopes
    fields = of_call(call)
    row = (call.op, own.state.account_id, *fields)
    _INSERT_CALL.run(connection, dict(zip(call_table.c.keys(), row, strict=True)))
    for payer in (own, *others):
        payer.grant_as_taken(connection, tokens)
        shares, _ = spread(tokens, payer.state.live)
        for tail, share in shares:
            about = bound(fields) if payer is own else ()
            append(connection, tail, Kind.HOLD, call.op, share, now=payer.state.now, due=due, about=about)


def _refuse(call: Call, tokens: int, asked: Iterable[Payer]) -> None:
    """Refuse what one of the payers cannot pay.

    Raises
    ------
    NotEnoughTokens, OverEnvelope
    """
    for payer in asked:
        if tokens <= payer.room or not payer.can_refuse:
            continue
        if payer.envelope is not None:
            raise OverEnvelope(payer.name, call.estimate, payer.room, payer.envelope.told_by)
        resets_at = to_datetime(payer.state.ends)
        raise NotEnoughTokens(call.meter.value, call.estimate, payer.room, resets_at, short=payer.name)


def settle(connection: Connection, op: str, bill: Bill | None, clock: int) -> None:
    """End the call's hold with its bill, or with nothing and no bill row: a void."""
    links = _LINKS.rows(connection, {"op": op})
    if not links:
        raise LedgerConflict(f"the call {op} was never held: hold it before it is settled.")
    ((own, *pools),) = _asked(links)
    tokens = 0 if bill is None else bill.tokens
    if own.settled:
        if not _is_same(connection, own, bill):
            raise LedgerConflict(
                f"the call {op} was already settled with {sum(own.booked.values()):,} tokens: correct the "
                f"difference instead."
            )
        return
    _book(connection, own, Kind.SETTLE, tokens, bill, clock)
    for pool in pools:
        _book(connection, pool, Kind.SETTLE, tokens, None, clock)


def presume(connection: Connection, ops: Sequence[str], clock: int) -> int:
    """Book these calls, which were found late, at their estimates; returns how many still were to do."""
    booked = 0
    for own, *pools in _asked(connection.execute(_LINKS_OF_MANY, {"ops": ops}).all()):
        if own.settled or own.presumed:  # by another, between the finding and this turn
            continue
        tokens = sum(own.held.values())
        _book(connection, own, Kind.PRESUME, tokens, Bill(tokens, Source.PRESUMED, Status.LOST), clock)
        for pool in pools:
            _book(connection, pool, Kind.PRESUME, tokens, None, clock)
        booked += 1
    return booked


@dataclass(slots=True)
class _Asked:
    """What one payer's chains tell of one call: the grants that held it, and what was booked on them."""

    op: str
    account_id: int
    held_at: int = 0
    settled: bool = False
    presumed: bool = False
    tails: dict[int, Tail] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    booked: dict[int, int] = field(default_factory=dict)

    def take(self, kind: str, tokens: int, t: int, tail: Tail) -> None:
        self.tails.setdefault(tail.grant_id, tail)  # or what was booked since they were read
        if kind == Kind.HOLD:
            self.held[tail.grant_id], self.held_at = tokens, t
        else:
            self.booked[tail.grant_id] = self.booked.get(tail.grant_id, 0) + tokens
            self.settled |= kind == Kind.SETTLE
            self.presumed |= kind == Kind.PRESUME


def _asked(links: Iterable[Sequence[Any]]) -> Iterator[list[_Asked]]:
    """The payers of each call, the caller before the pool; all know the same, latest tails."""
    tails: dict[int, Tail] = {}
    for op, of_op in groupby(links, itemgetter(0)):
        payers_of = []
        for account_id, of_payer in groupby(of_op, itemgetter(1)):
            asked = _Asked(op, account_id, tails=tails)
            for _, _, kind, tokens, t, *columns in of_payer:
                asked.take(kind, tokens, t, Tail(*columns))
            payers_of.append(asked)
        yield payers_of


def _book(
    connection: Connection, asked: _Asked, kind: Kind, tokens: int, bill: Bill | None, clock: int
) -> None:
    """Write one entry on each grant concerned: first to those that held it, then the excess."""
    wanted: dict[int, int] = {}
    for grant_id, share in asked.held.items():
        wanted[grant_id] = min(tokens, share)
        tokens -= wanted[grant_id]
    if tokens:
        last = asked.tails[list(asked.held)[-1]]
        shares, rest = spread(tokens, _live_when_held(connection, asked))
        for tail, share in add_to(shares, last, rest):
            asked.tails.setdefault(tail.grant_id, tail)
            wanted[tail.grant_id] = wanted.get(tail.grant_id, 0) + share
    for grant_id, total in wanted.items():
        released = 0 if asked.presumed else asked.held.get(grant_id, 0)
        first = grant_id == next(iter(asked.held))
        tail = asked.tails[grant_id] = append(
            connection,
            asked.tails[grant_id],
            kind,
            asked.op,
            total - asked.booked.get(grant_id, 0),
            now=clock,
            released=released,
            about=about_bill(bill) if bill is not None and first else (),
        )
        if bill is not None and first:
            row = (tail.grant_id, tail.seq, asked.op, tail.t, *about_bill(bill))
            _INSERT_BILL.run(connection, dict(zip(bill_table.c.keys(), row, strict=True)))


def _live_when_held(connection: Connection, asked: _Asked) -> tuple[Tail, ...]:
    # As of the hold: what a late reply costs above its estimate is not the new month's.
    return state_of(connection, asked.account_id, asked.held_at).at(asked.held_at).live


def _is_same(connection: Connection, asked: _Asked, bill: Bill | None) -> bool:
    """Whether a settled call came to the figures of `bill`."""
    if bill is None:
        return not any(asked.booked.values())
    there = connection.execute(_LAST_BILL, {"op": asked.op}).one_or_none()
    figures = (bill.tokens, bill.input_tokens, bill.output_tokens)
    return there is not None and tuple(there) == figures and sum(asked.booked.values()) == bill.tokens
