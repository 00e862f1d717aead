"""Which row of the service's log is the bill of which call: numbers only, and nothing is guessed.

A row *may* be a call's when the meter is the same, and the model too or one as which it was served before, it
was written from half a minute before the call was sent (two clocks) to five minutes after, and its bill is
one that the estimate does not rule out. First the calls whose bill is known take their rows away, one row
each. What then hangs together, calls and rows that may be each other's, is settled when it can come out in
one way only: all its rows tell the same figures and there are as many as calls. All else is ambiguous and
stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..account import Meter, Source

if TYPE_CHECKING:
    from ..service import LogRow

SKEW = 30_000_000
REACH = 300_000_000
_DEARER = 20  # times the estimate that a call may come to
_CHEAPER = 200  # and the other way: a reply that was expected to be long may be one word
ROW = "log:"  # before a row's id, as the request id of the call it settled
_EXACT = (Source.BILLED, Source.LOG)


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of this ledger, as far as matching needs it.

    Attributes
    ----------
    sent_at : int
        Microseconds UTC.
    figures : tuple
        Ask Sage tokens, input tokens and output tokens it was settled with, each None where it is not known.
    is_exact : bool
        Whether those tokens are the service's own figure.
    row_id : int or None
        The row it was settled with before.
    wanted : bool
        Whether its bill is looked for; others only stand in the way of a hasty match.
    also : frozenset of str
        Models as which this one was served and billed before.
    """

    op: str
    sent_at: int
    meter: Meter
    model: str
    estimate: int
    figures: tuple[int | None, ...] = (None, None, None)
    is_exact: bool = False
    row_id: int | None = None
    wanted: bool = True
    also: frozenset[str] = frozenset()

    def may_be(self, row: LogRow) -> bool:
        """Whether `row` could be the bill of this call, as far as the estimate tells."""
        least = max(1, self.estimate)
        is_likely = least <= row.tokens * _CHEAPER and row.tokens <= least * _DEARER
        return is_likely and self.is_open_to(row)

    def is_open_to(self, row: LogRow) -> bool:
        """Whether `row` could be the bill of this call, however far from the estimate."""
        return self._is_near(row) and _agree(self.figures[1:], _figures(row)[1:])

    def is_billed(self, row: LogRow) -> bool:
        """Whether `row` tells this call's own figures."""
        known = self.figures[0] is not None
        return known and self._is_near(row) and _agree(self.figures, _figures(row))

    def _is_near(self, row: LogRow) -> bool:
        return (
            row.teach == (self.meter is Meter.TRAINING)
            and (row.teach or row.model in (None, self.model, *self.also) or self._may_be_any_model)
            and self.sent_at - SKEW <= row.sent_at <= self.sent_at + REACH
        )

    @property
    def _may_be_any_model(self) -> bool:
        """Whether the call is booked under what was asked for, and the log tells which model did it."""
        return self.model == "follow-up" or self.model.startswith(("plugin:", "train:"))


@dataclass(frozen=True, slots=True)
class Matches:
    """What came of it.

    Attributes
    ----------
    rows : Mapping[str, LogRow]
        By op: the one row with the call's bill.
    candidates : Mapping[str, Sequence[LogRow]]
        By op, for wanted calls that were not matched: the rows that cannot be ruled out as theirs.
    """

    rows: Mapping[str, LogRow]
    candidates: Mapping[str, Sequence[LogRow]]


def settled_call(row: Mapping[str, Any]) -> Asked:
    """A settled call as the ledger lists it, by column."""
    request = row["request_id"] or ""
    return Asked(
        op=row["op"],
        sent_at=row["sent_at"],
        meter=Meter(row["meter"]),
        model=row["model"],
        estimate=row["estimate"],
        figures=(row["tokens"], row["input_tokens"], row["output_tokens"]),
        is_exact=row["source"] in _EXACT,
        row_id=int(request.removeprefix(ROW)) if request.startswith(ROW) else None,
        wanted=False,
    )


def match(calls: Iterable[Asked], rows: Iterable[LogRow]) -> Matches:
    """Find each wanted call's row, where there is only one way."""
    free = {row.id: row for row in sorted(rows, key=lambda row: row.id)}
    others = _take_known(sorted(calls, key=lambda call: (call.sent_at, call.op)), free)
    matched: dict[str, LogRow] = {}
    for group in _groups(others, free.values()):
        pairs = group.pairs()
        matched |= {call.op: pairs[call.op] for call in group.calls if call.wanted and call.op in pairs}
    taken = {row.id for row in matched.values()}
    left = [row for row in free.values() if row.id not in taken]
    candidates = {
        call.op: [row for row in left if call.is_open_to(row)]
        for call in others
        if call.wanted and call.op not in matched
    }
    return Matches(matched, candidates)


def _take_known(calls: Iterable[Asked], free: dict[int, LogRow]) -> list[Asked]:
    """Take away the rows of calls whose bill is known; returns the calls that may still be any row's."""
    others: list[Asked] = []
    unnamed = [call for call in calls if call.row_id is None or free.pop(call.row_id, None) is None]
    for call in unnamed:
        mine = [(abs(row.sent_at - call.sent_at), row.id) for row in free.values() if call.is_billed(row)]
        if mine:
            del free[min(mine)[1]]
        elif not call.is_exact:
            others.append(call)
    return others


def _figures(row: LogRow) -> tuple[int | None, ...]:
    return row.tokens, row.input_tokens, row.output_tokens


def _agree(ours: Sequence[int | None], theirs: Sequence[int | None]) -> bool:
    """Whether what both tell is the same."""
    return all(a is None or b is None or a == b for a, b in zip(ours, theirs, strict=True))


@dataclass(slots=True)
class _Group:
    """Calls and rows that may be each other's, and nobody else's."""

    calls: list[Asked]
    rows: list[LogRow] = field(default_factory=list)

    def pairs(self) -> dict[str, LogRow]:
        """Each call's row where the figures can come out in one way only; else nothing."""
        if len({_figures(row) for row in self.rows}) != 1 or len(self.rows) < len(self.calls):
            return {}
        left, found = list(self.rows), {}
        for call in sorted(self.calls, key=lambda call: sum(map(call.may_be, self.rows))):
            if row := next(filter(call.may_be, left), None):
                left.remove(row)
                found[call.op] = row
        return found


def _groups(calls: Iterable[Asked], rows: Iterable[LogRow]) -> list[_Group]:
    """Divide calls and rows into what hangs together."""
    groups = [_Group([call]) for call in calls]
    for row in rows:
        touched = [group for group in groups if any(call.may_be(row) for call in group.calls)]
        if touched:
            joined = _Group(
                sorted((call for group in touched for call in group.calls), key=lambda call: call.sent_at),
                [*(row for group in touched for row in group.rows), row],
            )
            groups = [group for group in groups if group not in touched] + [joined]
    return groups
