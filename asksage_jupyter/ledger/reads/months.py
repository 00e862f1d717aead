"""What one meter of an account was given and spent in a month or another time, summed from the entries.

A call belongs to the time that held it, whenever its bill came; a correction to that in which it was booked,
and never behind its grant's end; a grant to that in which it starts, and what is left goes into the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ...account import Account, Meter
from ..tables.reading import month_calls_statement
from ..tables.schema import grant, plan
from ..tables.seek import TAIL_COLUMNS, read_state, with_tail
from ..tables.state import State, Tail, never_seen
from .moved import Moved, Period, Time, is_allotment
from .unsettled import unsettled

_NOT_TOLD = "not known: asksage_jupyter.set_plan(...)"

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


def used_in(connection: Connection, holder: Account, meter: Meter, period: Period, clock: int) -> int:
    """What was used of a month, calls and corrections, and nothing held."""
    state = _state(connection, holder, meter, clock)
    time = Time.of(state, period)
    total = 0
    for tail in _grants(connection, state, time):
        total += tail.used if time.has_all(tail) else Moved.of(connection, tail, time).used
    return total


def month_figures(
    connection: Connection, holder: Account, meter: Meter, period: Period, clock: int
) -> MonthFigures:
    """All figures of a month, or of another time."""
    state = _state(connection, holder, meter, clock)
    time = Time.of(state, period)
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


def _source(connection: Connection, holder: Account, state: State, time: Time) -> str:
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
    time = Time.of(state, period)
    grants = [tail.grant_id for tail in _grants(connection, state, time)]
    rows = connection.execute(month_calls_statement(grants, time.starts, time.ends))
    return [tuple(row) for row in rows]


def _add(figures: MonthFigures, connection: Connection, tail: Tail, time: Time) -> MonthFigures:
    """The figures with one more grant's part of the time."""
    is_over = tail.ends <= min(time.ends, figures.as_of)
    moved = Moved.all_of(connection, tail) if time.has_all(tail) else Moved.of(connection, tail, time)
    is_top_up = not is_allotment(tail)
    return replace(
        figures,
        brought=figures.brought + moved.brought,
        granted=figures.granted + (0 if is_top_up else moved.granted),
        topped_up=figures.topped_up + (moved.granted if is_top_up else 0),
        used=figures.used + moved.used,
        corrections=figures.corrections + moved.corrections,
        corrected=figures.corrected + moved.corrected,
        expired=figures.expired + (max(0, tail.room) if is_over else 0),
    )


def _state(connection: Connection, holder: Account, meter: Meter, clock: int) -> State:
    """The meter's state, also of a meter never seen."""
    state = read_state(connection, holder, meter, clock)
    return state or never_seen(holder, clock)


def _grants(connection: Connection, state: State, time: Time) -> list[Tail]:
    """The allotments of a time, and the top-ups that last into it."""
    asked = {"account_id": state.account_id, "starts": time.starts, "ends": time.ends}
    tails = (Tail(*row) for row in connection.execute(_GRANTS, asked))
    return [tail for tail in tails if time.allotment in (None, tail.source) or not is_allotment(tail)]
