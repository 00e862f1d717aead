"""A call of this ledger, beside the rows of the service's log that may be its bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..account import Meter, Source

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
        return known == (None, None) or _agree(known, figures_of(row)[1:])

    def is_billed(self, row: LogRow) -> bool:
        """Whether a row of its time and meter tells this call's own figures."""
        is_ours = self.models is None or row.model in self.models
        return is_ours and self.figures[0] is not None and _agree(self.figures, figures_of(row))

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


def _agree(ours: Sequence[int | None], theirs: Sequence[int | None]) -> bool:
    """Whether what both tell is the same."""
    return all(a is None or b is None or a == b for a, b in zip(ours, theirs, strict=True))


def figures_of(row: LogRow) -> tuple[int | None, ...]:
    """What a row was billed, and its model tokens in and out."""
    return row.tokens, row.input_tokens, row.output_tokens
