"""What one meter of an account was given and spent in a month or another time, summed from the entries.

A call belongs to the time that held it, whenever its bill came; a correction to that in which it was booked,
and never behind its grant's end; a grant to that in which it starts, and what is left goes into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, or_, select

from ... import month
from ...account import Account, Kind, Meter
from ...span import Span
from ..tables.reading import is_ended, month_calls_statement
from ..tables.schema import entry, grant, plan
from ..tables.state import TAIL_COLUMNS, State, Tail, allotment_of, never_seen, read_state, with_tail
from .unsettled import unsettled

_NOT_TOLD = "not known: asksage_jupyter.set_plan(...)"
_BEFORE, _WITHIN = "before", "within"
_SPENDING = (Kind.SETTLE, Kind.PRESUME, Kind.CORRECT)

_PLAN = (
    select(plan.c.source)
    .where(plan.c.account_id == bindparam("account_id"), plan.c.since <= bindparam("period"))
    .order_by(plan.c.seq.desc())
    .limit(1)
)
# The grants that share an instant with the time.
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
_booked = entry.c.kind.in_([Kind.GRANT.value, Kind.CORRECT.value])
_moment = case(
    # A month's tokens are its own from its beginning, whenever they were first told.
    ((entry.c.kind == Kind.GRANT.value) & (entry.c.seq == 1), bindparam("granted_at")),
    # What came after its end was of it still.
    (_booked & (entry.c.t > bindparam("over")), bindparam("over")),
    (_booked, entry.c.t),
    else_=_held_at,
)
_when = case(
    (_moment < bindparam("starts"), _BEFORE), (_moment < bindparam("ends"), _WITHIN), else_="after"
).label("when_")
# What was given and spent of one grant before, in and after the time, and what calls of then still hold.
_MOVED = (
    select(_when, entry.c.kind, func.sum(entry.c.tokens), func.count())
    .where(
        entry.c.grant_id == bindparam("grant_id"),
        or_(
            entry.c.kind.in_([Kind.GRANT.value, *(kind.value for kind in _SPENDING)]),
            and_(entry.c.kind == Kind.HOLD.value, ~is_ended(entry)),
        ),
    )
    .group_by("when_", entry.c.kind)  # by its name: the bounds would be other parameters there
)


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """One meter's month, or another time, in Ask Sage tokens.

    Attributes
    ----------
    period : str
        Like ``"2026-11"``, in the account's zone; of another time its interval, ``"2026-10-01/2026-11-20"``.
    brought : int
        Left over, when the time began, of what was given before: at a month's beginning, of top-ups.
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


Period = str | Span | None
"""A month like ``"2026-11"``, another time, or None for this month."""


def used_in(connection: Connection, holder: Account, meter: Meter, period: Period, clock: int) -> int:
    """What was used of a month, calls and corrections, and nothing held."""
    state = _state(connection, holder, meter, clock)
    time = _Time.of(state, period)
    total = 0
    for tail in _grants(connection, state, time):
        total += tail.used if time.has_all(tail) else _Moved.of(connection, tail, time).used
    return total


def month_figures(
    connection: Connection, holder: Account, meter: Meter, period: Period, clock: int
) -> MonthFigures:
    """All figures of a month, or of another time."""
    state = _state(connection, holder, meter, clock)
    time = _Time.of(state, period)
    holds = [
        held
        for held in unsettled(connection, holder, meter)
        if not held.presumed and time.starts <= held.held_at < time.ends
    ]
    source = _source(connection, holder, state, time)
    held = sum(call.tokens for call in holds)
    figures = MonthFigures(time.name, 0, 0, 0, 0, held, 0, 0, len(holds), source, state.now)
    for tail in _grants(connection, state, time):
        figures = _add(figures, connection, tail, time)
    if state.allowance is None or state.allotment is not None or not time.shares(state.starts, state.ends):
        return figures
    if state.starts < time.starts:
        return replace(figures, brought=figures.brought + state.allowance)
    return replace(figures, granted=figures.granted + state.allowance)


def _source(connection: Connection, holder: Account, state: State, time: _Time) -> str:
    """Who told the time's tokens, the last that counted in it."""
    asked = {"account_id": state.account_id, "period": time.latest}
    planned = connection.execute(_PLAN, asked).scalar_one_or_none()
    if state.member.pool is not None and (planned is None or time.latest == state.period):
        return f"the pool {Account(holder.host, state.member.pool).pool}"
    return planned or _NOT_TOLD


def month_calls(
    connection: Connection, holder: Account, meter: Meter, period: Period, clock: int
) -> list[tuple[Any, ...]]:
    """The settled and presumed calls that a month held, in the order they were sent."""
    state = _state(connection, holder, meter, clock)
    time = _Time.of(state, period)
    grants = [tail.grant_id for tail in _grants(connection, state, time)]
    rows = connection.execute(month_calls_statement(grants, time.starts, time.ends))
    return [tuple(row) for row in rows]


@dataclass(frozen=True, slots=True)
class _Time:
    """What is asked about: a month, whose allotment is `allotment`, or any other time.

    Attributes
    ----------
    name : str
    starts, ends : int
        Microseconds UTC; `ends` is out.
    latest : str
        The last month of it that is not to come.
    allotment : str or None
    """

    name: str
    starts: int
    ends: int
    latest: str
    allotment: str | None = None

    @classmethod
    def of(cls, state: State, period: Period) -> _Time:
        if not isinstance(period, Span):
            starts, ends = month.bounds(state.period if period is None else period, state.zone)
            name = month.period_at(starts, state.zone)
            return cls(name, starts, ends, name, allotment_of(name))
        starts, ends = period.first or 0, state.now + 1 if period.last is None else period.last
        latest = month.period_at(min(ends - 1, state.now), state.zone)
        return cls(period.name(state.zone), starts, ends, latest)

    def has_all(self, tail: Tail) -> bool:
        """Whether all that was ever booked of a grant belongs to it: then its totals tell."""
        if self.allotment is not None:
            return tail.source == self.allotment
        return _is_allotment(tail) and self.starts <= tail.starts and tail.ends <= self.ends

    def shares(self, starts: int, ends: int) -> bool:
        """Whether it has an instant in common with another time."""
        return self.starts < ends and starts < self.ends


def _add(figures: MonthFigures, connection: Connection, tail: Tail, time: _Time) -> MonthFigures:
    """The figures with one more grant's part of the time."""
    is_over = tail.ends <= min(time.ends, figures.as_of)
    moved = _Moved.all_of(connection, tail) if time.has_all(tail) else _Moved.of(connection, tail, time)
    is_allotment = _is_allotment(tail)
    return replace(
        figures,
        brought=figures.brought + moved.brought,
        granted=figures.granted + (moved.granted if is_allotment else 0),
        topped_up=figures.topped_up + (0 if is_allotment else moved.granted),
        used=figures.used + moved.used,
        corrections=figures.corrections + moved.corrections,
        corrected=figures.corrected + moved.corrected,
        expired=figures.expired + (max(0, tail.room) if is_over else 0),
    )


@dataclass(frozen=True, slots=True)
class _Moved:
    """What was left of a grant before a time, holds taken off; what was given and used in it."""

    brought: int
    granted: int
    used: int
    corrections: int
    corrected: int

    @classmethod
    def all_of(cls, connection: Connection, tail: Tail) -> _Moved:
        """Of all its time, as its totals tell it."""
        corrections, many = connection.execute(_CORRECTIONS, {"grant_id": tail.grant_id}).one()
        return cls(0, tail.granted, tail.used, int(corrections), many)

    @classmethod
    def of(cls, connection: Connection, tail: Tail, time: _Time) -> _Moved:
        """Of a part, summed from the entries."""
        asked = {"grant_id": tail.grant_id, "granted_at": tail.starts, "over": tail.ends - 1}
        sums: Sequence[Any] = connection.execute(
            _MOVED, asked | {"starts": time.starts, "ends": time.ends}
        ).all()

        def total(when: str, *kinds: Kind) -> int:
            return sum(int(tokens) for at, kind, tokens, _ in sums if at == when and kind in kinds)

        return cls(
            total(_BEFORE, Kind.GRANT) - total(_BEFORE, *_SPENDING, Kind.HOLD),
            total(_WITHIN, Kind.GRANT),
            total(_WITHIN, *_SPENDING),
            total(_WITHIN, Kind.CORRECT),
            sum(many for at, kind, _, many in sums if at == _WITHIN and kind == Kind.CORRECT),
        )


def _state(connection: Connection, holder: Account, meter: Meter, clock: int) -> State:
    """The meter's state, also of a meter never seen."""
    state = read_state(connection, holder, meter, clock)
    return state or never_seen(holder, clock)


def _grants(connection: Connection, state: State, time: _Time) -> list[Tail]:
    """The allotments of a time, and the top-ups that last into it."""
    asked = {"account_id": state.account_id, "starts": time.starts, "ends": time.ends}
    tails = (Tail(*row) for row in connection.execute(_GRANTS, asked))
    return [tail for tail in tails if time.allotment in (None, tail.source) or not _is_allotment(tail)]


def _is_allotment(tail: Tail) -> bool:
    return tail.source.startswith(allotment_of(""))
