"""Hold, settle, presume, correct: how tokens go. Each function is part of one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, func, select

from ..account import Account, Bill, Call, Kind, Meter, Source, Status
from ..errors import LedgerConflict, LedgerError, NotEnoughTokens
from ..month import to_datetime
from .chain import about_bill, about_call, append
from .grants import with_allotment
from .prepared import Prepared
from .reading import HOLDING, open_holds
from .schema import OF_A_CALL, entry, grant
from .schema import bill as bill_table
from .schema import call as call_table
from .state import STATE, TAIL_COLUMNS, Tail, live_at, read_state, states, with_tail

_FIND_CALL = Prepared(
    select(call_table.c.account_id, call_table.c.estimate).where(call_table.c.op == bindparam("op"))
)
_INSERT_CALL = Prepared(call_table.insert())
_INSERT_BILL = Prepared(bill_table.insert())

# The entries of one call, each with the present tail of its grant, in the order of burning.
_LINKS = Prepared(
    with_tail(
        select(grant.c.account_id, entry.c.kind, entry.c.tokens, entry.c.t, *TAIL_COLUMNS).join(
            grant, grant.c.id == entry.c.grant_id
        )
    )
    .where(entry.c.op == bindparam("op"), OF_A_CALL)
    .order_by(grant.c.ends, grant.c.id, entry.c.seq)
)
_LAST_BILL = (
    select(bill_table.c.tokens, bill_table.c.input_tokens, bill_table.c.output_tokens)
    .where(bill_table.c.op == bindparam("op"))
    .order_by(bill_table.c.seq.desc())
    .limit(1)
)
_CORRECTED = select(func.count(), func.sum(entry.c.tokens)).where(
    entry.c.op == bindparam("op"), entry.c.kind == Kind.CORRECT.value
)


def hold(connection: Connection, holder: Account, call: Call, due: int, clock: int) -> None:
    """Set aside the call's estimate, over as many live grants as it takes."""
    state = read_state(connection, holder, call.meter, clock)
    there = _FIND_CALL.rows(connection, {"op": call.op})
    if there:
        if state is None or there != [(state.account_id, call.estimate)]:
            raise LedgerConflict(f"the call {call.op} was already held with other figures: make a new op.")
        return
    if state is None or (state.monthly is None and not state.live):
        raise _no_plan(call.meter)
    state = with_allotment(connection, holder, call.meter, state)
    # At least one token, so that a grant's running total shows every open hold.
    tokens = max(1, call.estimate)
    remaining = sum(tail.room for tail in state.live)
    if tokens > remaining:
        raise NotEnoughTokens(call.meter.value, call.estimate, remaining, to_datetime(state.ends))
    shares, _ = spread(tokens, state.live)
    about = about_call(call)
    for tail, share in shares:
        append(connection, tail, Kind.HOLD, call.op, share, now=state.now, due=due, about=about)
    columns = call_table.c.keys()
    row = (call.op, state.account_id, *about)
    _INSERT_CALL.run(connection, dict(zip(columns, row, strict=True)))


def settle(connection: Connection, op: str, bill: Bill | None, clock: int) -> None:
    """End the call's hold with its bill, or with nothing and no bill row: a void."""
    asked = _Asked.of(connection, op)
    tokens = 0 if bill is None else bill.tokens
    if asked.settled:
        if not _is_same(connection, asked, bill):
            raise LedgerConflict(
                f"the call {op} was already settled with {sum(asked.booked.values()):,} tokens: correct the "
                f"difference instead."
            )
        return
    _book(connection, asked, Kind.SETTLE, tokens, bill, clock)


def presume(connection: Connection, clock: int) -> int:
    """Book every hold that is past due at its estimate; returns how many calls."""
    ops = late(connection, clock)
    for op in ops:
        asked = _Asked.of(connection, op)
        tokens = sum(asked.held.values())
        bill = Bill(tokens, Source.PRESUMED, Status.LOST)
        _book(connection, asked, Kind.PRESUME, tokens, bill, clock)
    return len(ops)


def late(connection: Connection, clock: int) -> list[str]:
    """The calls whose holds are open past their due time."""
    ops: dict[str, None] = {}
    for grant_id, held in connection.execute(HOLDING).all():
        if held:
            ops |= dict.fromkeys(op for op, due in open_holds(connection, grant_id, held) if due <= clock)
    return list(ops)


def correct(connection: Connection, holder: Account, meter: Meter, tokens: int, op: str, clock: int) -> None:
    """Book a signed difference: spent like a call, given back in the opposite order."""
    times, booked = connection.execute(_CORRECTED, {"op": op}).one()
    if times:
        if booked != tokens:
            raise LedgerConflict(
                f"the correction {op} was already booked with {booked:,} tokens: make a new op."
            )
        return
    state = read_state(connection, holder, meter, clock)
    if state is None or (state.monthly is None and not state.live):
        raise _no_plan(meter)
    live = with_allotment(connection, holder, meter, state).live
    if tokens >= 0:
        shares, rest = spread(tokens, live)
    else:
        shares, rest = give_back(-tokens, live)
    # What fits nowhere goes to the grant that is over first: overage ends with the month.
    for tail, share in _add(shares, live[0], rest):
        append(connection, tail, Kind.CORRECT, op, share, now=state.now)


def spread(tokens: int, tails: Iterable[Tail]) -> tuple[list[tuple[Tail, int]], int]:
    """Divide `tokens` over the room of grants in their order, with what is left over."""
    shares = []
    for tail in tails:
        share = min(tokens, max(0, tail.room))
        if share:
            shares.append((tail, share))
            tokens -= share
    return shares, tokens


def give_back(tokens: int, tails: Sequence[Tail]) -> tuple[list[tuple[Tail, int]], int]:
    """The same in reverse: negative shares of what was used, with what is left over."""
    shares = []
    for tail in reversed(tails):
        share = min(tokens, max(0, tail.used))
        if share:
            shares.append((tail, -share))
            tokens -= share
    return shares, -tokens


@dataclass(slots=True)
class _Asked:
    """What the ledger knows of one call: the grants that held it, and what was booked on them."""

    op: str
    account_id: int = 0
    held_at: int = 0
    settled: bool = False
    presumed: bool = False
    tails: dict[int, Tail] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    booked: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, op: str) -> _Asked:
        asked = cls(op)
        for account_id, kind, tokens, t, *columns in _LINKS.rows(connection, {"op": op}):
            tail = Tail(*columns)
            asked.account_id = account_id
            asked.tails[tail.grant_id] = tail
            if kind == Kind.HOLD:
                asked.held[tail.grant_id], asked.held_at = tokens, t
            else:
                asked.booked[tail.grant_id] = asked.booked.get(tail.grant_id, 0) + tokens
                asked.settled |= kind == Kind.SETTLE
                asked.presumed |= kind == Kind.PRESUME
        if not asked.held:
            raise LedgerError(f"the call {op} was never held: hold it before it is settled.")
        return asked


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
        for tail, share in _add(shares, last, rest):
            asked.tails.setdefault(tail.grant_id, tail)
            wanted[tail.grant_id] = wanted.get(tail.grant_id, 0) + share
    for grant_id, total in wanted.items():
        released = 0 if asked.presumed else asked.held.get(grant_id, 0)
        first = grant_id == next(iter(asked.held))
        tail = append(
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
    asking = {"account_id": asked.account_id, "now": asked.held_at}
    (state,) = states(STATE.rows(connection, asking), asked.held_at).values()
    return live_at(asked.held_at, state.tails)


def _add(shares: list[tuple[Tail, int]], last: Tail, rest: int) -> list[tuple[Tail, int]]:
    """The shares, with `rest` added to that of `last`."""
    if not rest:
        return shares
    by_grant = {tail.grant_id: (tail, share) for tail, share in shares}
    tail, share = by_grant.get(last.grant_id, (last, 0))
    by_grant[last.grant_id] = (tail, share + rest)
    return list(by_grant.values())


def _is_same(connection: Connection, asked: _Asked, bill: Bill | None) -> bool:
    """Whether a settled call came to the figures of `bill`."""
    if bill is None:
        return not any(asked.booked.values())
    there = connection.execute(_LAST_BILL, {"op": asked.op}).one_or_none()
    figures = (bill.tokens, bill.input_tokens, bill.output_tokens)
    return there is not None and tuple(there) == figures and sum(asked.booked.values()) == bill.tokens


def _no_plan(meter: Meter) -> LedgerError:
    return LedgerError(
        f"the monthly {meter} tokens are not known: tell them with  "
        f"asksage_jupyter.set_plan({meter}=...)  and run this again."
    )
