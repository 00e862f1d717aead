"""Plans and grants: where tokens come from. Each function is part of one transaction."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from typing import SupportsIndex

from sqlalchemy import Connection, Table, bindparam, select

from ...account import Account, Grant, Kind, Meter
from ...display.plain import shown
from ...errors import BadInput, LedgerConflict, LedgerError
from ..reads.people import zone_of
from ..tables.chain import append
from ..tables.op import new_op
from ..tables.schema import account, entry, grant, plan
from ..tables.seek import read_state
from ..tables.state import State, Tail, allotment_of, never_seen

# Far above any plan, and so far below 2**63 that no sum of entries can leave a signed 64-bit integer.
_MOST = 10**15
_YES_OR_NO = ("bool", "bool_")  # Python's and, by either name, NumPy's

_FIND_GRANT = (
    select(grant.c.id, grant.c.source, grant.c.starts, grant.c.ends, entry.c.tokens)
    .join(entry, (entry.c.grant_id == grant.c.id) & (entry.c.seq == 1))
    .where(grant.c.account_id == bindparam("account_id"), grant.c.source == bindparam("source"))
)


def checked(tokens: SupportsIndex, what: str, *, least: int = 0) -> int:
    """`tokens` as an int, when it is a whole number that a ledger can add up: NumPy's are.

    Raises
    ------
    BadInput
    """
    try:
        number = None if type(tokens).__name__ in _YES_OR_NO else operator.index(tokens)
    except Exception:  # noqa: BLE001  of whatever kind, it is none
        number = None
    if number is None or not least <= number <= _MOST:
        raise BadInput(
            f"{what} must be a whole number of tokens from {least:,} to {_MOST:,}, not {shown(tokens)}"
        )
    return number


def signed(tokens: SupportsIndex, what: str) -> int:
    """The same for a correction, which may be negative."""
    return checked(tokens, what, least=-_MOST)


def open_month(
    connection: Connection, holder: Account, meter: Meter, allotment: int, used: int, source: str, clock: int
) -> bool:
    """Make this month's allotment, and book what other devices used of it; False when it is there.

    A pool's member has none of their own to make.
    """
    state = account_state(connection, holder, meter, clock)
    if state.allotment is not None or state.member.pool_id is not None:
        return False
    state = _planned(connection, state, allotment, source)
    state = with_allotment(connection, holder, meter, state)
    if used and state.allotment is not None:
        op = f"other-devices:{state.period}"
        append(connection, state.allotment, Kind.CORRECT, op, used, now=state.now)
    return True


def set_plan(
    connection: Connection, holder: Account, meter: Meter, monthly: int, source: str, clock: int
) -> None:
    """Change the plan from this month on, and this month's allotment by the difference."""
    state = account_state(connection, holder, meter, clock)
    _refuse_member(holder, state)
    state = _planned(connection, state, monthly, source)
    if state.allotment is None:
        with_allotment(connection, holder, meter, state)
    else:
        regranted(connection, state, monthly)


def regranted(connection: Connection, state: State, tokens: int) -> State:
    """The state after this month's allotment, where it is made, was changed to `tokens`."""
    allotment = state.allotment
    if allotment is None or allotment.granted == tokens:
        return state
    change = tokens - allotment.granted
    return state.with_tail(append(connection, allotment, Kind.GRANT, new_op(), change, now=state.now))


def give(
    connection: Connection, holder: Account, meter: Meter, tokens: int, wanted: Grant, clock: int
) -> Grant:
    """Make a grant besides the allotment; the same source and tokens again are the same grant, whenever.

    Raises
    ------
    LedgerConflict
        The source was given with other tokens.
    """
    state = account_state(connection, holder, meter, clock)
    _refuse_member(holder, state)
    asked = {"account_id": state.account_id, "source": wanted.source}
    there = connection.execute(_FIND_GRANT, asked).one_or_none()
    if there is None:
        tail = open_grant(connection, holder, meter, state, tokens, wanted)
        return replace(wanted, id=tail.grant_id)
    if there.tokens != tokens:
        raise LedgerConflict(
            f"{wanted.source} was already given as {there.tokens:,} {meter} tokens, not {tokens:,}: use "
            f"another source for another grant."
        )
    return Grant(*there[:4])


def has_grant(connection: Connection, holder: Account, meter: Meter, source: str, clock: int) -> bool:
    """Whether a grant of that source was given, however long ago."""
    state = read_state(connection, holder, meter, clock)
    asked = {"account_id": 0 if state is None else state.account_id, "source": source}
    return connection.execute(_FIND_GRANT, asked).first() is not None


def with_allotment(connection: Connection, holder: Account, meter: Meter, state: State) -> State:
    """The state with this month's allotment, made from the plan or the cap by whoever comes first."""
    if state.allotment is not None or state.allowance is None:
        return state
    wanted = Grant(0, allotment_of(state.period), state.starts, state.ends)
    return state.with_tail(open_grant(connection, holder, meter, state, state.allowance, wanted))


def account_state(connection: Connection, holder: Account, meter: Meter, clock: int) -> State:
    """The meter's state, after its row is made when it is new."""
    state = read_state(connection, holder, meter, clock)
    if state is not None:
        return state
    # The other meter may be there: an account's months begin at one instant.
    holder = replace(holder, zone=zone_of(connection, holder) or holder.zone)
    row = {"host": holder.host, "holder": holder.holder, "meter": meter.value, "zone": holder.zone}
    return never_seen(holder, clock, _insert(connection, account, row))


def _refuse_member(holder: Account, state: State) -> None:
    if state.member.pool is not None:
        pool = Account(holder.host, state.member.pool).pool
        raise LedgerError(
            f"{holder.holder} spends from the pool {pool}: its owner sets the tokens, with  "
            f"asksage-jupyter team cap {holder.holder} N"
        )


def _planned(connection: Connection, state: State, monthly: int, source: str) -> State:
    if (state.monthly, state.plan_source) == (monthly, source):
        return state
    row = {
        "account_id": state.account_id,
        "seq": state.plan_seq + 1,
        "since": state.period,
        "monthly": monthly,
        "source": source,
    }
    connection.execute(plan.insert(), row)
    return replace(state, monthly=monthly, plan_source=source, plan_seq=state.plan_seq + 1)


def open_grant(
    connection: Connection, holder: Account, meter: Meter, state: State, tokens: int, wanted: Grant
) -> Tail:
    """Write the first entry of a grant that is not there yet."""
    row = {
        "account_id": state.account_id,
        "source": wanted.source,
        "starts": wanted.starts,
        "ends": wanted.ends,
    }
    made = _insert(connection, grant, row)
    empty = Tail(made, wanted.source, wanted.starts, wanted.ends, 0, 0, 0, 0, 0, b"")
    about = (holder.host, holder.holder, meter.value, wanted.source, wanted.starts, wanted.ends)
    return append(connection, empty, Kind.GRANT, wanted.source, tokens, now=state.now, about=about)


def _insert(connection: Connection, table: Table, row: Mapping[str, object]) -> int:
    key = connection.execute(table.insert(), row).inserted_primary_key
    if key is None:  # every dialect tells it for a single row
        raise RuntimeError(f"no key came back from {table.name}")
    return int(key[0])
