"""What one meter of an account has at an instant, read in one statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from .. import month
from ..account import Account, Meter
from .prepared import Prepared
from .schema import account, entry, grant, plan

Clock = Callable[[], int]


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


@dataclass(frozen=True, slots=True)
class State:
    """One meter of an account.

    Attributes
    ----------
    tails : tuple[Tail, ...]
        The grants that are not over, in the order in which they burn.
    monthly, plan_source, plan_seq
        The latest plan; None, None and 0 without one.
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
    tails: tuple[Tail, ...]
    now: int
    period: str
    starts: int
    ends: int

    @property
    def live(self) -> tuple[Tail, ...]:
        """The grants that may be spent now."""
        return live_at(self.now, self.tails)

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
        account.c.zone,
        plan.c.monthly,
        plan.c.source,
        plan.c.seq,
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
    .outerjoin(grant, (grant.c.account_id == account.c.id) & (grant.c.ends > bindparam("now"))),
    outer=True,
).order_by(grant.c.ends, grant.c.id)

# Both meters of a person; one meter by its row.
STATES = Prepared(_STATE.where(account.c.host == bindparam("host"), account.c.holder == bindparam("holder")))
STATE = Prepared(_STATE.where(account.c.id == bindparam("account_id")))


def states(rows: Iterable[Sequence[Any]], clock: int) -> dict[str, State]:
    """The states in the rows of `STATES`, by meter; a meter never seen is missing."""
    heads: dict[str, tuple[int, str, int | None, str | None, int]] = {}
    tails: dict[str, list[Tail]] = {}
    for row in rows:
        account_id, meter, zone, monthly, source, seq = row[:6]
        heads[meter] = (account_id, zone, monthly, source, seq or 0)
        found = tails.setdefault(meter, [])
        if row[6] is not None:
            found.append(Tail(*row[6:]))
    return {meter: _state(head, tails[meter], clock) for meter, head in heads.items()}


def _state(head: tuple[int, str, int | None, str | None, int], tails: list[Tail], clock: int) -> State:
    now = max([clock, *(tail.t for tail in tails)])
    period, starts, ends = month_of(now, head[1])
    return State(*head, tuple(tails), now, period, starts, ends)


def read_state(connection: Connection, holder: Account, meter: Meter, clock: int) -> State | None:
    """One meter's state; None when the ledger has never seen it."""
    asked = {"host": holder.host, "holder": holder.holder, "now": clock}
    return states(STATES.rows(connection, asked), clock).get(meter)
