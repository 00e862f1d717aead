"""The one statement that reads what meters have: a seek to the last entry of each grant that lasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, Select, bindparam, func, select

from ...account import Account, Meter
from .prepared import Prepared
from .schema import account, entry, grant, member, plan
from .state import Membership, State, Tail, month_of

last = entry.alias("last")
_earlier = plan.alias("earlier")
_former = member.alias("former")
_pool = account.alias("pool")

TAIL_COLUMNS = (
    grant.c.id, grant.c.source, grant.c.starts, grant.c.ends,
    last.c.seq, last.c.granted, last.c.held, last.c.used, last.c.t, last.c.hash,
)  # fmt: skip


def with_tail(statement: Select[Any], *, outer: bool = False) -> Select[Any]:
    """Join each grant of the statement to its last entry: one seek in the primary key."""
    ahead = entry.alias("ahead")
    newest = select(func.max(ahead.c.seq)).where(ahead.c.grant_id == grant.c.id).scalar_subquery()
    is_last = (last.c.grant_id == grant.c.id) & (last.c.seq == newest)
    return statement.join(last, is_last, isouter=outer)


_STATE = with_tail(
    select(
        account.c.id,
        account.c.meter,
        account.c.holder,
        account.c.zone,
        plan.c.monthly,
        plan.c.source,
        plan.c.seq,
        member.c.seq,
        member.c.pool_id,
        _pool.c.holder,
        member.c.cap,
        *TAIL_COLUMNS,
    )
    .select_from(account)
    .outerjoin(
        plan,
        (plan.c.account_id == account.c.id)
        & (
            plan.c.seq
            == select(func.max(_earlier.c.seq)).where(_earlier.c.account_id == account.c.id).scalar_subquery()
        ),
    )
    .outerjoin(
        member,
        (member.c.account_id == account.c.id)
        & (
            member.c.seq
            == select(func.max(_former.c.seq)).where(_former.c.account_id == account.c.id).scalar_subquery()
        ),
    )
    .outerjoin(_pool, _pool.c.id == member.c.pool_id)
    .outerjoin(grant, (grant.c.account_id == account.c.id) & (grant.c.ends > bindparam("now"))),
    outer=True,
).order_by(grant.c.ends, grant.c.id)

# Both meters of a person; the same with those of the pools they spend from; one meter by its row.
is_theirs = (account.c.host == bindparam("host")) & (account.c.holder == bindparam("holder"))
_me, _mine, _later = account.alias("me"), member.alias("mine"), member.alias("later")
_their_pools = (
    select(_mine.c.pool_id)
    .join(_me, _me.c.id == _mine.c.account_id)
    .where(
        _me.c.host == bindparam("host"),
        _me.c.holder == bindparam("holder"),
        _mine.c.seq
        == select(func.max(_later.c.seq)).where(_later.c.account_id == _me.c.id).scalar_subquery(),
    )
)
STATES = Prepared(_STATE.where(is_theirs))
is_theirs_or_a_pool = is_theirs | account.c.id.in_(_their_pools)
WITH_POOLS = Prepared(_STATE.where(is_theirs_or_a_pool))
STATE = Prepared(_STATE.where(account.c.id == bindparam("account_id")))
_HEAD = 11  # columns of an account, before those of its grants


@dataclass(frozen=True, slots=True)
class States:
    """The states in the rows of `STATES`, `WITH_POOLS` or `STATE`, by their accounts' rows."""

    found: dict[int, State]
    named: dict[tuple[str, str], int]

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]], clock: int) -> Self:
        """Read the rows at an instant."""
        heads: dict[int, tuple[Any, ...]] = {}
        tails: dict[int, list[Tail]] = {}
        for row in rows:
            heads[row[0]] = tuple(row[:_HEAD])
            found = tails.setdefault(row[0], [])
            if row[_HEAD] is not None:
                found.append(Tail(*row[_HEAD:]))
        return cls(
            {account_id: _state(head, tails[account_id], clock) for account_id, head in heads.items()},
            {(head[2], head[1]): account_id for account_id, head in heads.items()},
        )

    def get(self, holder: Account, meter: Meter) -> State | None:
        """A meter's state; None of one that the ledger has never seen."""
        found = self.named.get((holder.holder, meter.value))
        return None if found is None else self.found[found]


def _state(head: tuple[Any, ...], tails: list[Tail], clock: int) -> State:
    account_id, _, _, zone, monthly, source, seq, member_seq, *pool = head
    now = max([clock, *(tail.t for tail in tails)])
    membership = Membership(member_seq or 0, *pool)
    return State(
        account_id, zone, monthly, source, seq or 0, membership, tuple(tails), now, *month_of(now, zone)
    )


def read_state(connection: Connection, holder: Account, meter: Meter, clock: int) -> State | None:
    """One meter's state; None when the ledger has never seen it."""
    asked = {"host": holder.host, "holder": holder.holder, "now": clock}
    return States.of(STATES.rows(connection, asked), clock).get(holder, meter)


def state_of(connection: Connection, account_id: int, clock: int) -> State:
    """The state of one meter's row, which is there."""
    rows = STATE.rows(connection, {"account_id": account_id, "now": clock})
    return States.of(rows, clock).found[account_id]
