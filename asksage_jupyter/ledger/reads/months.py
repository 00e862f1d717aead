"""What one meter of an account was given and spent in a month, summed from the entries.

A call belongs to the month that held it, whenever its bill came; a correction to the month in which it was
booked; a top-up to the month in which it starts, and what is left of it is brought into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, exists, func, or_, select

from ... import month
from ...account import Account, Kind, Meter
from ..tables.reading import month_calls_statement
from ..tables.schema import entry, grant, plan
from ..tables.state import TAIL_COLUMNS, State, Tail, allotment_of, never_seen, read_state, with_tail
from .unsettled import unsettled

_NOT_TOLD = "not known: asksage_jupyter.set_plan(...)"
_BEFORE, _WITHIN = "before", "within"

_PLAN = (
    select(plan.c.source)
    .where(plan.c.account_id == bindparam("account_id"), plan.c.since <= bindparam("period"))
    .order_by(plan.c.seq.desc())
    .limit(1)
)
# The grants that share an instant with the month.
_GRANTS = (
    with_tail(select(*TAIL_COLUMNS).select_from(grant))
    .where(
        grant.c.account_id == bindparam("account_id"),
        grant.c.ends > bindparam("starts"),
        grant.c.starts < bindparam("ends"),
    )
    .order_by(grant.c.ends, grant.c.id)
)
_CORRECTIONS = select(func.coalesce(func.sum(entry.c.tokens), 0), func.count()).where(
    entry.c.grant_id == bindparam("grant_id"), entry.c.kind == Kind.CORRECT.value
)

_of_op = entry.alias("of_op")
_held_at = (
    select(func.min(_of_op.c.t))
    .where(_of_op.c.op == entry.c.op, _of_op.c.kind == Kind.HOLD.value)
    .scalar_subquery()
)
_moment = case((entry.c.kind == Kind.CORRECT.value, entry.c.t), else_=_held_at)
_when = case(
    (_moment < bindparam("starts"), _BEFORE), (_moment < bindparam("ends"), _WITHIN), else_="after"
).label("when_")
_is_over = exists().where(
    _of_op.c.op == entry.c.op,
    _of_op.c.kind.in_([Kind.SETTLE.value, Kind.PRESUME.value]),
    _of_op.c.grant_id == entry.c.grant_id,
)
# What was spent of one grant before, in and after the month, and what calls of then still hold.
_SPENT = (
    select(_when, entry.c.kind, func.sum(entry.c.tokens), func.count())
    .where(
        entry.c.grant_id == bindparam("grant_id"),
        or_(
            entry.c.kind.in_([Kind.SETTLE.value, Kind.PRESUME.value, Kind.CORRECT.value]),
            and_(entry.c.kind == Kind.HOLD.value, ~_is_over),
        ),
    )
    .group_by("when_", entry.c.kind)  # by its name: the bounds would be other parameters there
)


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """One meter's month, in Ask Sage tokens.

    Attributes
    ----------
    period : str
        Like ``"2026-11"``, in the account's zone.
    brought : int
        Left over, when the month began, of top-ups that last longer than a month.
    granted : int
        The allotment, plan changes included; for this month as its first hold will find it.
    topped_up : int
        Top-ups that start in the month.
    used : int
        Calls settled or presumed, and `corrections`.
    held : int
        Set aside for the `open_holds`.
    expired : int
        What was left of grants that ended in the month or with it; 0 while they last.
    corrections : int
        Signed: what other devices spent, and differences from the service's counters.
    open_holds : int
        Calls of the month that are neither settled nor presumed.
    source : str
        Who told the plan; "not known: ..." where nobody did.
    as_of : int
        The instant of the figures, in microseconds UTC.
    corrected : int
        How many entries `corrections` is the sum of.
    """

    period: str
    brought: int
    granted: int
    topped_up: int
    used: int
    held: int
    expired: int
    corrections: int
    open_holds: int
    source: str
    as_of: int
    corrected: int = 0

    @property
    def given(self) -> int:
        """All that could be spent in the month: brought, granted and topped up."""
        return self.brought + self.granted + self.topped_up

    @property
    def calls(self) -> int:
        """Tokens that this ledger's own calls used."""
        return self.used - self.corrections

    @property
    def remaining(self) -> int:
        """What can still be spent or is carried on in top-ups; below zero is overage."""
        return self.given - self.used - self.held - self.expired

    @property
    def is_known(self) -> bool:
        """Whether anybody told the month's plan, or gave tokens in it."""
        return self.source != _NOT_TOLD or bool(self.given)


def used_in(connection: Connection, holder: Account, meter: Meter, period: str | None, clock: int) -> int:
    """What was used of a month, calls and corrections, and nothing held."""
    state = _state(connection, holder, meter, clock)
    period, starts, ends = _bounds(state, period)
    total = 0
    for tail in _grants(connection, state, period, starts, ends):
        if tail.source == allotment_of(period):
            total += tail.used
        else:
            total += _Spent.of(connection, tail, starts, ends).used
    return total


def month_figures(
    connection: Connection, holder: Account, meter: Meter, period: str | None, clock: int
) -> MonthFigures:
    """All figures of a month."""
    state = _state(connection, holder, meter, clock)
    period, starts, ends = _bounds(state, period)
    holds = [
        held for held in unsettled(connection, holder, meter) if not held.presumed and held.period == period
    ]
    source = _source(connection, holder, state, period)
    held = sum(call.tokens for call in holds)
    figures = MonthFigures(period, 0, 0, 0, 0, held, 0, 0, len(holds), source, state.now)
    grants = _grants(connection, state, period, starts, ends)
    for tail in grants:
        figures = _add(figures, connection, tail, starts, ends)
    if period == state.period and state.allowance is not None and state.allotment is None:
        return replace(figures, granted=state.allowance)
    return figures


def _source(connection: Connection, holder: Account, state: State, period: str) -> str:
    """Who told the month's tokens."""
    asked = {"account_id": state.account_id, "period": period}
    planned = connection.execute(_PLAN, asked).scalar_one_or_none()
    if state.member.pool is not None and (planned is None or period == state.period):
        return f"the pool {Account(holder.host, state.member.pool).pool}"
    return planned or _NOT_TOLD


def month_calls(
    connection: Connection, holder: Account, meter: Meter, period: str | None, clock: int
) -> list[tuple[Any, ...]]:
    """The settled and presumed calls that a month held, in the order they were sent."""
    state = _state(connection, holder, meter, clock)
    period, starts, ends = _bounds(state, period)
    grants = [tail.grant_id for tail in _grants(connection, state, period, starts, ends)]
    rows = connection.execute(month_calls_statement(grants, starts, ends))
    return [tuple(row) for row in rows]


def _add(figures: MonthFigures, connection: Connection, tail: Tail, starts: int, ends: int) -> MonthFigures:
    """The figures with one more grant's part of the month."""
    over = tail.ends <= min(ends, figures.as_of)
    expired = figures.expired + (max(0, tail.room) if over else 0)
    if tail.source == allotment_of(figures.period):
        corrections, many = connection.execute(_CORRECTIONS, {"grant_id": tail.grant_id}).one()
        return replace(
            figures,
            granted=tail.granted,
            used=figures.used + tail.used,
            corrections=figures.corrections + int(corrections),
            corrected=figures.corrected + many,
            expired=expired,
        )
    spent = _Spent.of(connection, tail, starts, ends)
    is_new = tail.starts >= starts
    return replace(
        figures,
        topped_up=figures.topped_up + (tail.granted if is_new else 0),
        brought=figures.brought + (0 if is_new else tail.granted - spent.before),
        used=figures.used + spent.used,
        corrections=figures.corrections + spent.corrections,
        corrected=figures.corrected + spent.corrected,
        expired=expired,
    )


@dataclass(frozen=True, slots=True)
class _Spent:
    """What was spent of a top-up: in months before, holds included; and in this one, holds apart."""

    before: int
    used: int
    corrections: int
    corrected: int

    @classmethod
    def of(cls, connection: Connection, tail: Tail, starts: int, ends: int) -> _Spent:
        asked = {"grant_id": tail.grant_id, "starts": starts, "ends": ends}
        sums: Sequence[Any] = connection.execute(_SPENT, asked).all()
        return cls(
            sum(int(tokens) for when, _, tokens, _ in sums if when == _BEFORE),
            sum(int(tokens) for when, kind, tokens, _ in sums if when == _WITHIN and kind != Kind.HOLD),
            sum(int(tokens) for when, kind, tokens, _ in sums if when == _WITHIN and kind == Kind.CORRECT),
            sum(many for when, kind, _, many in sums if when == _WITHIN and kind == Kind.CORRECT),
        )


def _state(connection: Connection, holder: Account, meter: Meter, clock: int) -> State:
    """The meter's state, also of a meter never seen."""
    state = read_state(connection, holder, meter, clock)
    return state or never_seen(holder, clock)


def _bounds(state: State, period: str | None) -> tuple[str, int, int]:
    starts, ends = month.bounds(state.period if period is None else period, state.zone)
    return month.period_at(starts, state.zone), starts, ends


def _grants(connection: Connection, state: State, period: str, starts: int, ends: int) -> list[Tail]:
    """The month's allotment, and the top-ups that last into it."""
    asked = {"account_id": state.account_id, "starts": starts, "ends": ends}
    tails = (Tail(*row) for row in connection.execute(_GRANTS, asked))
    own = allotment_of(period)
    return [tail for tail in tails if tail.source == own or not tail.source.startswith("allotment:")]
