"""What one meter of an account has at an instant, read in one statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from sqlalchemy import Connection, Select, bindparam, func, select

from ... import month
from ...account import Account, Meter
from .prepared import Prepared
from .schema import account, entry, grant, member, plan

Clock = Callable[[], int]
POOL_GRANT = "pool-grant:"


@dataclass(frozen=True, slots=True)
class Tail:
    """A grant with its totals after its last entry, as `seq`, `t` and `hash` tell it.

    Attributes
    ----------
    granted, held, used : int
        Ask Sage tokens.
    starts, ends, t : int
        Microseconds UTC.
    """

    grant_id: int
    source: str
    starts: int
    ends: int
    seq: int
    granted: int
    held: int
    used: int
    t: int
    hash: bytes

    @property
    def room(self) -> int:
        """Tokens neither used nor held; below zero is overage."""
        return self.granted - self.used - self.held

    @property
    def is_of_pool(self) -> bool:
        """Whether a pool's owner granted it to a member, beside their cap."""
        return self.source.startswith(POOL_GRANT)


@dataclass(frozen=True, slots=True)
class Membership:
    """From which pool an account spends, as of the membership's latest row.

    Attributes
    ----------
    seq : int
        Of that row; 0 of an account that was never a member.
    pool_id : int or None
        The pool's row of the same meter; None outside every pool.
    pool : str or None
        The pool's holder.
    cap : int or None
        Ask Sage tokens a month; None where only the pool's own limit counts.
    """

    seq: int = 0
    pool_id: int | None = None
    pool: str | None = None
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """One meter of an account.

    Attributes
    ----------
    tails : tuple[Tail, ...]
        The grants that are not over, in the order in which they burn.
    monthly, plan_source, plan_seq
        The latest plan; None, None and 0 without one.
    member : Membership
        In a pool it tells the month's tokens, and the plan does not.
    now : int
        The clock, but never before an entry of these grants: a clock set back reopens no month.
    period, starts, ends
        The month of `now`, with its bounds.
    """

    account_id: int
    zone: str
    monthly: int | None
    plan_source: str | None
    plan_seq: int
    member: Membership
    tails: tuple[Tail, ...]
    now: int
    period: str
    starts: int
    ends: int

    @property
    def live(self) -> tuple[Tail, ...]:
        """The grants that may be spent now, in their order.

        In a pool what its owner granted beside the cap, then the cap, whatever they were given outside it.
        """
        live = live_at(self.now, self.tails)
        if self.member.pool_id is None:
            return tuple(tail for tail in live if not tail.is_of_pool)
        own, granted = allotment_of(self.period), granted_by(self.member.pool_id)
        extra = () if self.is_uncapped else tuple(tail for tail in live if tail.source.startswith(granted))
        return (*extra, *(tail for tail in live if tail.source == own))

    @property
    def lasting(self) -> tuple[Tail, ...]:
        """Those of them on which is booked what was used elsewhere: not what a pool granted for calls."""
        return tuple(tail for tail in self.live if not tail.is_of_pool)

    @property
    def room(self) -> int:
        """What is left of them."""
        return sum(tail.room for tail in self.live)

    @property
    def allowance(self) -> int | None:
        """The tokens that a month begins with; None when nobody told them."""
        if self.member.pool_id is None:
            return self.monthly
        return self.member.cap or 0  # without a cap, each hold is granted as the pool takes it

    @property
    def is_uncapped(self) -> bool:
        """Whether only a pool's limit counts."""
        return self.member.pool_id is not None and self.member.cap is None

    @property
    def is_known(self) -> bool:
        """Whether there is anything to spend from, or a plan that makes it."""
        return self.allowance is not None or bool(self.live)

    def at(self, now: int) -> Self:
        """The same at another instant."""
        period, starts, ends = month_of(now, self.zone)
        return replace(self, now=now, period=period, starts=starts, ends=ends)

    def with_tail(self, tail: Tail) -> Self:
        """The same after `tail` was written, of a grant that is new or was there."""
        others = (each for each in self.tails if each.grant_id != tail.grant_id)
        return replace(
            self, tails=tuple(sorted((*others, tail), key=lambda each: (each.ends, each.grant_id)))
        )

    @property
    def allotment(self) -> Tail | None:
        """The allotment of `period`, once it is made."""
        source = allotment_of(self.period)
        return next((tail for tail in self.tails if tail.source == source), None)


def live_at(t: int, tails: Iterable[Tail]) -> tuple[Tail, ...]:
    """The grants among `tails` that cover the instant `t`."""
    return tuple(tail for tail in tails if tail.starts <= t < tail.ends)


def allotment_of(period: str) -> str:
    """The source of the allotment for `period`."""
    return f"allotment:{period}"


def granted_by(pool_id: int) -> str:
    """What the sources begin with of what a pool's owner granted to members."""
    return f"{POOL_GRANT}{pool_id}:"


_months: dict[str, tuple[str, int, int]] = {}


def month_of(t: int, zone: str) -> tuple[str, int, int]:
    """The period of `t` in `zone`, with its first instant and the one after its last."""
    known = _months.get(zone)  # the last answer: the zone arithmetic would cost as much as the query
    if known is None or not known[1] <= t < known[2]:
        period = month.period_at(t, zone)
        known = _months[zone] = (period, *month.bounds(period, zone))
    return known


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


def never_seen(holder: Account, clock: int, account_id: int = 0) -> State:
    """The state of a meter that the ledger knows nothing of."""
    return State(
        account_id, holder.zone, None, None, 0, Membership(), (), clock, *month_of(clock, holder.zone)
    )
