"""What is left: a balance from the states of an account and of the pool it spends from."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from ..account import Account, Balance, Meter, MeterBalance, Pool
from ..month import to_datetime
from .reading import open_holds
from .state import STATES, State, Tail, never_seen, read_state, state_of, states

_NOT_KNOWN = "not known: asksage_jupyter.set_plan(...)"


def balance(connection: Connection, holder: Account, clock: int) -> Balance:
    """Both meters as figures."""
    asked = {"host": holder.host, "holder": holder.holder, "now": clock}
    found = states(STATES.rows(connection, asked), clock)
    inference, training = (
        _meter_balance(connection, meter, holder, found.get(meter) or never_seen(holder, clock))
        for meter in Meter
    )
    return Balance(holder, inference, training)


def has_month(connection: Connection, holder: Account, meter: Meter, clock: int) -> bool:
    """Whether this month's allotment is there, or what the first hold makes it from."""
    state = read_state(connection, holder, meter, clock)
    if state is not None and state.member.pool_id is not None:
        state = state_of(connection, state.member.pool_id, clock)
    return state is not None and (state.allotment is not None or state.allowance is not None)


def _meter_balance(connection: Connection, meter: Meter, holder: Account, state: State) -> MeterBalance:
    if state.member.pool_id is None:
        return _figures(meter, state, state.plan_source or _first_source(state.live), None)
    common = state_of(connection, state.member.pool_id, state.now)
    state, common = state.at(common.now), common.at(common.now)
    pool = _pool(connection, holder, state, common)
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


def _pool(connection: Connection, holder: Account, state: State, common: State) -> Pool:
    own = _open(connection, state.live)
    others = {op: tokens for op, tokens in _open(connection, common.live).items() if op not in own}
    return Pool(
        Account(holder.host, state.member.pool or "").pool,
        _granted(common),
        sum(tail.used for tail in common.live),
        sum(tail.held for tail in common.live),
        sum(others.values()),
        len(others),
        state.member.cap is not None,
    )


def _open(connection: Connection, tails: Iterable[Tail]) -> dict[str, int]:
    """The tokens of each call that these grants hold."""
    found: dict[str, int] = {}
    for tail in tails:
        if tail.held:
            for op, _, tokens in open_holds(connection, tail.grant_id, tail.held):
                found[op] = found.get(op, 0) + tokens
    return found
