"""Which row of the service's log is the bill of which call: numbers only, and nothing is guessed.

A row *may* be a call's when the meter is the same, and the model too or one as which it was served before, it
was written from half a minute before the call was sent (two clocks) to five minutes after, and its bill is
one that the estimate does not rule out. First the calls whose bill is known take their rows away, one row
each. What then hangs together, calls and rows that may be each other's, is settled when it can come out in
one way only: all its rows tell the same figures and there are as many as calls. All else is ambiguous and
stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, overload

from ..account import Meter
from .hanging import together
from .rows import Shelf, around, reached, shelved
from .sent import Sent, figures_of

if TYPE_CHECKING:
    from ..service import LogRow


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


class Candidates(Sequence["LogRow"]):
    """Rows that cannot be ruled out as a call's, oldest first; found when they are asked for.

    Of many calls of one time each has all rows of that time: of most calls only their number is told.

    Parameters
    ----------
    call : Sent
    shelves : Mapping
        The rows by meter and model, from which none is taken any more.
    """

    def __init__(self, call: Sent, shelves: Mapping[Any, Shelf]) -> None:
        self._call, self._shelves = call, shelves

    def __len__(self) -> int:
        if self._call.figures[1:] != (None, None):
            return len(self._rows)
        ends = (shelf.around(self._call) for shelf in reached(self._call, self._shelves))
        return sum(end - first for first, end in ends)

    def __iter__(self) -> Iterator[LogRow]:
        return iter(self._rows)

    @overload
    def __getitem__(self, place: int) -> LogRow: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[LogRow]: ...
    def __getitem__(self, place: int | slice) -> LogRow | Sequence[LogRow]:
        return self._rows[place]

    @cached_property
    def _rows(self) -> list[LogRow]:
        return [row for row in around(self._call, self._shelves) if self._call.is_open_to(row)]


def match(calls: Iterable[Sent], rows: Iterable[LogRow]) -> Matches:
    """Find each wanted call's row, where there is only one way."""
    others, free = _without_known(sorted(calls, key=lambda call: (call.sent_at, call.op)), rows)
    shelves = shelved(free, attrgetter("teach", "model"))
    matched: dict[str, LogRow] = {}
    for members, theirs in together(others, shelves):
        pairs = _pairs(members, theirs)
        matched |= {call.op: pairs[call.op] for call in members if call.wanted and call.op in pairs}
    for row in matched.values():
        shelves[row.teach, row.model].take(row)
    candidates = {
        call.op: Candidates(call, shelves) for call in others if call.wanted and call.op not in matched
    }
    return Matches(matched, candidates)


def _without_known(calls: Iterable[Sent], rows: Iterable[LogRow]) -> tuple[list[Sent], list[LogRow]]:
    """The calls that may still be any row's, and the rows that no call with a known bill takes away."""
    free = {row.id: row for row in rows}
    unnamed = [call for call in calls if call.row_id is None or free.pop(call.row_id, None) is None]
    alike = shelved(free.values(), attrgetter("teach", "tokens"))
    others = []
    for call in unnamed:
        shelf = alike.get((call.meter is Meter.TRAINING, call.figures[0]), Shelf())
        row = next(filter(call.is_billed, shelf.outward(call)), None)
        if row is not None:
            shelf.take(row)
            del free[row.id]
        elif not call.is_exact:
            others.append(call)
    return others, list(free.values())


def _pairs(calls: Sequence[Sent], rows: Sequence[LogRow]) -> dict[str, LogRow]:
    """Each call's row, of what hangs together, where the figures can come out in one way only; else nothing.

    Which of rows that tell the same is whose makes no difference, but each has to get one: those that
    the rows of the fewest models can be choose first, and each takes the oldest that it can.
    """
    if len({figures_of(row) for row in rows}) != 1 or len(rows) < len(calls):
        return {}
    left, found = shelved(rows, attrgetter("teach", "model")), {}
    for call in sorted(calls, key=lambda call: (len(reached(call, left)), call.sent_at)):
        oldest = next(filter(call.may_be, around(call, left)), None)
        if oldest is not None:
            left[oldest.teach, oldest.model].take(oldest)
            found[call.op] = oldest
    return found
