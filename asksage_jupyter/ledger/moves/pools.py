"""Who spends from which pool: joining, leaving, and what each member used."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, bindparam, case, func, select

from ...account import Account, Grant, Kind, Meter
from ...errors import BadInput, LedgerConflict
from ..tables.reading import is_ended, is_persons, is_pools
from ..tables.schema import account, entry, grant, member
from ..tables.seek import read_state
from ..tables.state import Membership, State, Tail, granted_by
from .grants import account_state, open_grant, regranted

_latest = member.alias("latest")
_SEQ = select(func.max(_latest.c.seq)).where(_latest.c.account_id == member.c.account_id).scalar_subquery()
_pool = account.alias("pool")
_POOL_OF = (
    select(_pool.c.holder)
    .select_from(member)
    .join(account, account.c.id == member.c.account_id)
    .join(_pool, _pool.c.id == member.c.pool_id)
    .where(
        account.c.host == bindparam("host"),
        account.c.holder == bindparam("holder"),
        account.c.meter == bindparam("meter"),
        member.c.seq == _SEQ,
    )
)
_POOLS = select(account.c.host, account.c.holder, func.min(account.c.zone)).where(is_pools(account))
_EVER = (
    select(member.c.account_id, account.c.holder, account.c.zone, func.min(member.c.t))
    .join(account, account.c.id == member.c.account_id)
    .where(member.c.pool_id == bindparam("pool_id"))
    .group_by(member.c.account_id, account.c.holder, account.c.zone)
    .order_by(account.c.holder)
)
# An entry of the pool's chain is a member's when theirs has one of the same op and kind.
_own, _of_own = entry.alias("own"), grant.alias("of_own")
_spender = account.alias("spender")
_OWNER = (
    select(_of_own.c.account_id)
    .join(_own, _own.c.grant_id == _of_own.c.id)
    .join(_spender, _spender.c.id == _of_own.c.account_id)
    .where(_own.c.op == entry.c.op, _own.c.kind == entry.c.kind, is_persons(_spender))
    .limit(1)
    .scalar_subquery()
)
_is_hold = entry.c.kind == Kind.HOLD.value
_SHARES = (
    select(
        _OWNER.label("owner"),
        func.sum(case((_is_hold, 0), else_=entry.c.tokens)),
        func.sum(case((and_(_is_hold, ~is_ended(entry)), entry.c.tokens), else_=0)),
    )
    .where(entry.c.grant_id.in_(bindparam("grants", expanding=True)), entry.c.kind != Kind.GRANT.value)
    .group_by("owner")
)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a pool's owner granted to a member beside their cap.

    Attributes
    ----------
    tokens, left : int
        Ask Sage tokens, and those neither used nor held.
    ends : int
        When it cannot be spent any more, in microseconds UTC.
    """

    tokens: int
    left: int
    ends: int


@dataclass(frozen=True, slots=True)
class Member:
    """Who spends, or spent, from a pool.

    Attributes
    ----------
    account : Account
    cap : int or None
        Ask Sage tokens a month; None where only the pool's own limit counts.
    used, held : int
        Ask Sage tokens of the pool's live grants.
    since : int
        When they first joined, in microseconds UTC.
    has_left : bool
        Their calls and figures stay.
    granted : tuple of Granted
        What they may spend now beside the cap.
    """

    account: Account
    cap: int | None
    used: int
    held: int
    since: int
    has_left: bool
    granted: tuple[Granted, ...] = ()


def join(
    connection: Connection, holder: Account, meter: Meter, pool: Account, cap: int | None, clock: int
) -> bool:
    """Let a person spend from a pool, or change their cap; False when it is so already.

    What they used this month before they joined counts against their cap too.

    Raises
    ------
    LedgerConflict
        They spend from another pool.
    """
    if holder.is_pool or not pool.is_pool:
        raise BadInput(f"a person joins a pool, not {holder.holder} {pool.holder}")
    common = account_state(connection, pool, meter, clock)
    state = account_state(connection, holder, meter, clock)
    there = state.member
    wanted = Membership(there.seq + 1, common.account_id, pool.holder, cap)
    if there.pool_id not in (None, common.account_id):
        other = Account(holder.host, there.pool or "").pool
        raise LedgerConflict(
            f"{holder.holder} spends from another pool: let them leave it first, with  "
            f"asksage-jupyter team remove {holder.holder} --pool {other}"
        )
    if replace(there, seq=wanted.seq) == wanted:
        return False
    _change(connection, state, wanted)
    return True


def leave(connection: Connection, holder: Account, meter: Meter, pool: Account, clock: int) -> bool:
    """Let a member go; what they hold is still settled from the pool. False when they are none."""
    state = read_state(connection, holder, meter, clock)
    if state is None or state.member.pool != pool.holder:
        return False
    _change(connection, state, Membership(state.member.seq + 1))
    return True


def give(
    connection: Connection,
    holder: Account,
    meter: Meter,
    pool: Account,
    tokens: int,
    ends: int,
    clock: int,
) -> bool:
    """Let a member spend more than their cap until `ends`; False when it is so already.

    Raises
    ------
    BadInput
        They are no member with a cap, or it is over.
    LedgerConflict
        Other tokens were given until then.
    """
    state = read_state(connection, holder, meter, clock)
    if state is None or state.member.pool != pool.holder or state.member.pool_id is None:
        raise BadInput(f"{holder.holder} is no member of {pool.pool} on the {meter} meter")
    if state.is_uncapped:
        raise BadInput(
            f"{holder.holder} has no cap in {pool.pool}: only what the pool has counts, and nothing can be "
            f"granted beside it"
        )
    if ends <= state.now:
        raise BadInput("a grant must end after now")
    source = f"{granted_by(state.member.pool_id)}{ends}"
    there = next((tail for tail in state.tails if tail.source == source), None)
    if there is None:
        wanted = Grant(0, source, state.now, ends)
        open_grant(connection, holder, meter, state, tokens, wanted)
        return True
    if there.granted != tokens:
        raise LedgerConflict(
            f"{holder.holder} was granted {there.granted:,} {meter} tokens until then, not {tokens:,}: grant "
            f"more until another day"
        )
    return False


def pool_of(connection: Connection, holder: Account, meter: Meter) -> str | None:
    """The name of the pool from which an account spends on a meter."""
    asked = {"host": holder.host, "holder": holder.holder, "meter": meter.value}
    found = connection.scalar(_POOL_OF, asked)
    return None if found is None else Account(holder.host, found).pool


def known_pools(connection: Connection, host: str | None) -> list[Account]:
    """The pools of a host or of all hosts."""
    statement = _POOLS if host is None else _POOLS.where(account.c.host == host)
    ordered = statement.group_by(account.c.host, account.c.holder).order_by(account.c.host, account.c.holder)
    return [Account(*row) for row in connection.execute(ordered)]


def members(connection: Connection, pool: Account, meter: Meter, clock: int) -> list[Member]:
    """Everybody who ever joined, and what of the pool's live grants they used and hold."""
    common = read_state(connection, pool, meter, clock)
    if common is None:
        return []
    asked = {"pool_id": common.account_id, "grants": [tail.grant_id for tail in common.live]}
    shares = {owner: (int(used), int(held)) for owner, used, held in connection.execute(_SHARES, asked)}
    found = []
    for account_id, name, zone, since in connection.execute(_EVER, asked).all():
        holder = Account(pool.host, name, zone)
        state = read_state(connection, holder, meter, clock)
        has_left = state is None or state.member.pool_id != common.account_id
        cap = None if state is None or has_left else state.member.cap
        granted = () if state is None or has_left else _granted(state)
        found.append(Member(holder, cap, *shares.get(account_id, (0, 0)), since, has_left, granted))
    return found


def _granted(state: State) -> tuple[Granted, ...]:
    return tuple(Granted(tail.granted, tail.room, tail.ends) for tail in state.live if tail.is_of_pool)


def _change(connection: Connection, state: State, wanted: Membership) -> None:
    """Write the membership's next row, and make this month's own allotment what it says."""
    row = {
        "account_id": state.account_id,
        "seq": wanted.seq,
        "pool_id": wanted.pool_id,
        "cap": wanted.cap,
        "t": state.now,
    }
    connection.execute(member.insert(), row)
    allotment = state.allotment
    if allotment is not None:
        regranted(connection, replace(state, member=wanted), _wanted_allotment(state, wanted, allotment))


def _wanted_allotment(state: State, wanted: Membership, allotment: Tail) -> int:
    """What this month's own allotment has to be: the cap; without one, no more than was taken already."""
    if wanted.pool_id is None:
        # What is held is paid by the pool: whatever a bill leaves of it is not the leaver's.
        return max(0, allotment.used) if state.monthly is None else state.monthly
    return max(0, allotment.used + allotment.held) if wanted.cap is None else wanted.cap
