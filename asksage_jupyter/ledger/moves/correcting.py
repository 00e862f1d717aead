"""Correct: a signed difference, on what is live or on a month that is over; part of one transaction."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, literal_column, select

from ...account import Account, Kind, Meter
from ...errors import LedgerConflict
from ..tables.chain import append
from ..tables.prepared import Prepared, together
from ..tables.schema import account, entry, grant, member
from ..tables.seek import TAIL_COLUMNS, WITH_POOLS, States, read_state, with_tail
from ..tables.state import Tail, allotment_of
from .paying import gift, payers, used_of_pool
from .shares import add_to, give_back, spread

_OF_SOURCE = with_tail(select(*TAIL_COLUMNS).select_from(grant)).where(
    grant.c.account_id == bindparam("account_id"), grant.c.source == bindparam("source")
)
_POOL_AT = (
    select(member.c.pool_id, account.c.holder)
    .outerjoin(account, account.c.id == member.c.pool_id)
    .where(member.c.account_id == bindparam("account_id"), member.c.t < bindparam("until"))
    .order_by(member.c.seq.desc())
    .limit(1)
)
_CORRECTED = Prepared(
    select(func.count(), func.sum(entry.c.tokens))
    .join(grant, grant.c.id == entry.c.grant_id)
    .join(account, account.c.id == grant.c.account_id)
    .where(
        entry.c.op == bindparam("op"),
        entry.c.kind == literal_column("'correct'"),
        account.c.host == bindparam("host"),
        account.c.holder == bindparam("holder"),
    )
)


def correct(
    connection: Connection,
    holder: Account,
    meter: Meter,
    tokens: int,
    op: str,
    clock: int,
    period: str | None = None,
) -> None:
    """Book a signed difference: spent like a call, given back in the opposite order.

    In a `period` that is over, where nothing is spent any more, it is booked on the allotments of then.
    """
    asked = {"op": op, "host": holder.host, "holder": holder.holder, "now": clock}
    rows, ((times, booked),) = together(connection, (WITH_POOLS, asked), (_CORRECTED, asked))
    if times:
        if booked != tokens:
            raise LedgerConflict(
                f"the correction {op} was already booked with {booked:,} tokens: make a new op."
            )
        return
    states = States.of(rows, clock)
    if period is not None:
        _correct_over(connection, holder, meter, tokens, op, clock, period)
        return
    own, *common = payers(connection, holder, meter, states)
    for pool in common if tokens < 0 else ():
        used = used_of_pool(connection, pool.state.account_id, own.state.lasting, pool.state.live)
        if -tokens > used:
            raise gift(holder, -tokens, used, Account(holder.host, own.state.member.pool or "").pool)
    for payer in (own, *common):
        payer.grant_as_taken(connection, tokens)
        live = payer.state.lasting
        shares, rest = spread(tokens, live) if tokens >= 0 else give_back(-tokens, live)
        # What fits nowhere goes to the grant that is over first: overage ends with the month.
        for tail, share in add_to(shares, live[0], rest):
            append(connection, tail, Kind.CORRECT, op, share, now=payer.state.now)


def _correct_over(
    connection: Connection, holder: Account, meter: Meter, tokens: int, op: str, clock: int, period: str
) -> None:
    """Book it on a past month's allotment, and on that of the pool which the holder was in at its end."""
    state = read_state(connection, holder, meter, clock)
    own = None if state is None else _allotment(connection, state.account_id, period)
    if state is None or own is None:
        raise _nothing_of(period, meter)
    tails = [own]
    asked = {"account_id": state.account_id, "until": own.ends}
    pool_id, name = connection.execute(_POOL_AT, asked).one_or_none() or (None, None)
    if pool_id is not None and name is not None:
        common = _allotment(connection, pool_id, period)
        if common is None:
            raise _nothing_of(period, meter)
        if tokens < 0 and -tokens > (used := used_of_pool(connection, pool_id, [own], [common])):
            raise gift(holder, -tokens, used, Account(holder.host, name).pool, period)
        tails.append(common)
    for tail in tails:
        append(connection, tail, Kind.CORRECT, op, tokens, now=clock)


def _allotment(connection: Connection, account_id: int, period: str) -> Tail | None:
    asked = {"account_id": account_id, "source": allotment_of(period)}
    found = connection.execute(_OF_SOURCE, asked).one_or_none()
    return None if found is None else Tail(*found)


def _nothing_of(period: str, meter: Meter) -> LedgerConflict:
    return LedgerConflict(f"no {meter} tokens of {period} are there to be corrected.")
