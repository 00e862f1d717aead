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
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ..account import Meter, Source
from .hanging import together
from .rows import Shelf, around, reached, shelved

if TYPE_CHECKING:
    from ..service import LogRow

_DEARER = 20  # times the estimate that a call may come to
_CHEAPER = 200  # and the other way: a reply that was expected to be long may be one word
ROW = "log:"  # before a row's id, as the request id of the call it settled
_EXACT = (Source.BILLED, Source.LOG)


@dataclass(frozen=True, slots=True)
class Sent:
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
        """Whether a row of its time, meter and model could be its bill, as far as the estimate tells."""
        fewest, most = self.likely
        return fewest <= row.tokens <= most and self.is_open_to(row)

    def is_open_to(self, row: LogRow) -> bool:
        """Whether such a row could be its bill, however far from the estimate."""
        known = self.figures[1:]
        return known == (None, None) or _agree(known, _figures(row)[1:])

    def is_billed(self, row: LogRow) -> bool:
        """Whether a row of its time and meter tells this call's own figures."""
        is_ours = self.models is None or row.model in self.models
        return is_ours and self.figures[0] is not None and _agree(self.figures, _figures(row))

    @property
    def models(self) -> frozenset[str | None] | None:
        """What the row may say of the model; None where it may say any."""
        is_any = self.model == "follow-up" or self.model.startswith(("plugin:", "train:"))
        return None if is_any or self.meter is Meter.TRAINING else frozenset((None, self.model, *self.also))

    @property
    def likely(self) -> tuple[int, int]:
        """From and up to how many tokens the estimate does not rule out."""
        least = max(1, self.estimate)
        return -(-least // _CHEAPER), least * _DEARER


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


def settled_call(row: Mapping[str, Any]) -> Sent:
    """A settled call as the ledger lists it, by column."""
    request = row["request_id"] or ""
    return Sent(
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
        call.op: [row for row in around(call, shelves) if call.is_open_to(row)]
        for call in others
        if call.wanted and call.op not in matched
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
    if len({_figures(row) for row in rows}) != 1 or len(rows) < len(calls):
        return {}
    left, found = shelved(rows, attrgetter("teach", "model")), {}
    for call in sorted(calls, key=lambda call: (len(reached(call, left)), call.sent_at)):
        oldest = next(filter(call.may_be, around(call, left)), None)
        if oldest is not None:
            left[oldest.teach, oldest.model].take(oldest)
            found[call.op] = oldest
    return found


def _figures(row: LogRow) -> tuple[int | None, ...]:
    return row.tokens, row.input_tokens, row.output_tokens


def _agree(ours: Sequence[int | None], theirs: Sequence[int | None]) -> bool:
    """Whether what both tell is the same."""
    return all(a is None or b is None or a == b for a, b in zip(ours, theirs, strict=True))
