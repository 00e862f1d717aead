"""What moved in one grant in a time: summed from its entries, or told by its totals where it is all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, literal_column, or_, select

from ... import month
from ...account import Kind
from ...span import Span
from ..tables.reading import is_ended
from ..tables.schema import entry
from ..tables.state import State, Tail, allotment_of

Period = str | Span | None
"""A month like ``"2026-11"``, another time, or None for this month."""


_BEFORE, _WITHIN = "before", "within"
_SPENDING = (Kind.SETTLE, Kind.PRESUME, Kind.CORRECT)
_CORRECTIONS = select(func.coalesce(func.sum(entry.c.tokens), 0), func.count()).where(
    entry.c.grant_id == bindparam("grant_id"),
    entry.c.kind == literal_column(f"'{Kind.CORRECT}'"),  # written out, or its index is not taken
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
class Time:
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
    def of(cls, state: State, period: Period) -> Time:
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
        return is_allotment(tail) and self.starts <= tail.starts and tail.ends <= self.ends

    def shares(self, starts: int, ends: int) -> bool:
        """Whether it has an instant in common with another time."""
        return self.starts < ends and starts < self.ends


@dataclass(frozen=True, slots=True)
class Moved:
    """What was left of a grant before a time, holds taken off; what was given and used in it."""

    brought: int
    granted: int
    used: int
    corrections: int
    corrected: int

    @classmethod
    def all_of(cls, connection: Connection, tail: Tail) -> Moved:
        """Of all its time, as its totals tell it."""
        corrections, many = connection.execute(_CORRECTIONS, {"grant_id": tail.grant_id}).one()
        return cls(0, tail.granted, tail.used, int(corrections), many)

    @classmethod
    def of(cls, connection: Connection, tail: Tail, time: Time) -> Moved:
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


def is_allotment(tail: Tail) -> bool:
    return tail.source.startswith(allotment_of(""))
