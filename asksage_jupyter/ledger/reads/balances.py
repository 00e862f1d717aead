"""What is left: a balance from the states of an account and of the pool it spends from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, select

from ...account import Account, Balance, Envelope, Kind, Meter, MeterBalance, Pool
from ...month import to_datetime
from ..tables.prepared import Prepared, together
from ..tables.reading import open_holds_of
from ..tables.schema import OF_A_CALL, account, call, entry, grant
from ..tables.seek import STATES, WITH_POOLS, States, is_theirs_or_a_pool, read_state
from ..tables.state import State, Tail, never_seen

_NOT_KNOWN = "not known: asksage_jupyter.set_plan(...)"


# What is held by a person, and by all who spend from a pool of theirs.
_HELD = Prepared(open_holds_of(is_theirs_or_a_pool))

# What a job's calls used that paid into no envelope of it.
_inside, _of_envelope, _theirs = entry.alias("inside"), grant.alias("of_envelope"), account.alias("theirs")
_OUTSIDE = (
    select(func.coalesce(func.sum(entry.c.tokens), 0))
    .join(grant, grant.c.id == entry.c.grant_id)
    .join(call, call.c.op == entry.c.op)
    .join(account, account.c.id == call.c.account_id)
    .where(
        OF_A_CALL,
        entry.c.kind != Kind.HOLD.value,
        grant.c.account_id == call.c.account_id,
        call.c.job == bindparam("job"),
        account.c.host == bindparam("host"),
        account.c.holder == bindparam("holder"),
        account.c.meter == bindparam("meter"),
        ~exists(_inside.c.op)
        .where(_inside.c.op == call.c.op, _inside.c.grant_id == _of_envelope.c.id)
        .where(_of_envelope.c.account_id == _theirs.c.id, _theirs.c.holder == bindparam("envelope")),
    )
)


def balance_alone(connection: Connection, holder: Account, clock: int) -> Balance | None:
    """Both meters as figures, in one statement; None of a pool's member, for whom it takes another."""
    found = States.of(STATES.rows(connection, _asked(holder, clock)), clock)
    if any(state.member.pool_id is not None for state in found.found.values()):
        return None
    return _balance(holder, found, [], clock)


def balance_in_pool(connection: Connection, holder: Account, clock: int) -> Balance:
    """The same with the pools, and with what others hold of them."""
    asked = _asked(holder, clock)
    rows, held = together(connection, (WITH_POOLS, asked), (_HELD, asked))
    return _balance(holder, States.of(rows, clock), held, clock)


def has_begun(connection: Connection, holder: Account, meter: Meter, clock: int) -> bool:
    """Whether this month's allotment is made; of a pool's member the pool's."""
    state = _payer(connection, holder, meter, clock)
    return state is not None and state.allotment is not None


def knows_month(connection: Connection, holder: Account, meter: Meter, clock: int) -> bool:
    """Whether this month's allotment is there, or what the first hold makes it from."""
    state = _payer(connection, holder, meter, clock)
    return state is not None and (state.allotment is not None or state.allowance is not None)


def left_in(connection: Connection, owner: Account, meter: Meter, envelope: Envelope, clock: int) -> int:
    """What an envelope has left; all of it before its first call."""
    own = read_state(connection, owner, meter, clock) or never_seen(owner, clock)
    there = read_state(connection, envelope.of(owner), meter, clock)
    source, _, _ = envelope.span(own.period, own.starts, own.ends)
    tails = () if there is None else there.tails
    return envelope.tokens - sum(tail.used + tail.held for tail in tails if tail.source == source)


def used_outside(connection: Connection, owner: Account, meter: Meter, envelope: Envelope) -> int:
    """What calls of a job's envelope were billed that did not pay into it."""
    asked = {
        "host": owner.host,
        "holder": owner.holder,
        "meter": meter.value,
        "job": envelope.name,
        "envelope": envelope.of(owner).holder,
    }
    return int(connection.execute(_OUTSIDE, asked).scalar_one())


def _payer(connection: Connection, holder: Account, meter: Meter, clock: int) -> State | None:
    """The state of whose tokens are spent: the pool's, of its member."""
    found = States.of(WITH_POOLS.rows(connection, _asked(holder, clock)), clock)
    state = found.get(holder, meter)
    if state is None or state.member.pool_id is None:
        return state
    return found.found[state.member.pool_id]


def _asked(holder: Account, clock: int) -> dict[str, object]:
    return {"host": holder.host, "holder": holder.holder, "now": clock}


def _balance(holder: Account, found: States, held: Sequence[Sequence[Any]], clock: int) -> Balance:
    inference, training = (_meter_balance(meter, holder, found, held, clock) for meter in Meter)
    return Balance(holder, inference, training)


def _meter_balance(
    meter: Meter, holder: Account, found: States, held: Sequence[Sequence[Any]], clock: int
) -> MeterBalance:
    state = found.get(holder, meter) or never_seen(holder, clock)
    if state.member.pool_id is None:
        return _figures(meter, state, state.plan_source or _first_source(state.live), None)
    common = found.found[state.member.pool_id]
    now = max(state.now, common.now)
    state, common = state.at(now), common.at(now)
    pool = _pool(holder, state, common, held)
    return _figures(meter, state, f"the pool {pool.name}", pool)


def _figures(meter: Meter, state: State, source: str, pool: Pool | None) -> MeterBalance:
    live = state.live
    used, held = sum(tail.used for tail in live), sum(tail.held for tail in live)
    granted = _granted(state)
    if pool is not None and not pool.is_capped:
        granted = None if pool.remaining is None else used + held + pool.remaining
    return MeterBalance(
        meter,
        granted,
        used,
        held,
        source,
        to_datetime(max(tail.t for tail in live)) if live else None,
        to_datetime(state.ends),
        pool,
    )


def _granted(state: State) -> int | None:
    """What the live grants give; a month that is not made yet counts as its first hold will find it."""
    given = sum(tail.granted for tail in state.live)
    if state.allotment is None and state.allowance is not None:
        return given + state.allowance
    return given if state.live else None


def _first_source(live: tuple[Tail, ...]) -> str:
    return live[0].source if live else _NOT_KNOWN


def _pool(holder: Account, state: State, common: State, held: Sequence[Sequence[Any]]) -> Pool:
    own = _open(held, state.live)
    others = {op: tokens for op, tokens in _open(held, common.live).items() if op not in own}
    return Pool(
        Account(holder.host, state.member.pool or "").pool,
        _granted(common),
        sum(tail.used for tail in common.live),
        sum(tail.held for tail in common.live),
        sum(others.values()),
        len(others),
        state.member.cap is not None,
    )


def _open(held: Sequence[Sequence[Any]], tails: Iterable[Tail]) -> dict[str, int]:
    """The tokens of each call that these grants hold."""
    grants = {tail.grant_id for tail in tails}
    found: dict[str, int] = {}
    for op, _, tokens, grant_id in held:
        if grant_id in grants:
            found[op] = found.get(op, 0) + tokens
    return found
