"""What more rows like those of a map would cost, here or on another model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...display.plain import shown
from ...errors import BadInput
from ...session import current, given
from ..planning.costs import Moments, Range

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...session import Session
    from ..outcome import Outcome

_KEPT = 1_000  # calls, of which others are told
_TOLD = 8  # of the names of maps, the latest first


@dataclass(frozen=True, slots=True)
class MapSample:
    """What a map's calls told of its rows.

    Attributes
    ----------
    model : str
        That was asked.
    rows, calls : int
        How many rows there were, and how many calls they take: some ask the same, and some nothing.
    told : tuple of (int, int)
        Model tokens read and written, a call each.
    """

    model: str
    rows: int
    calls: int
    told: tuple[tuple[int, int], ...] = field(repr=False)

    @classmethod
    def of(cls, model: str, rows: int, calls: int, outcomes: Iterable[Outcome]) -> MapSample:
        """Of the calls that told their model tokens."""
        told = [
            (each.input_tokens, each.output_tokens)
            for each in outcomes
            if each.input_tokens is not None and each.output_tokens is not None
        ]
        return cls(model, rows, calls, tuple(told[:_KEPT]))

    def cost(self, session: Session, rows: int | None, model: str | None) -> Range:
        """What so many rows would cost on a model, as `what_if` tells it."""
        if not self.told:
            raise BadInput("no row was answered with its model tokens told: map a sample first")
        asked = self.model if model is None else given.text(model, "model")
        rate = session.prepared(lambda: session.pricing.rate(asked))
        bills = [float(session.pricing.rates.bill(rate, *each)) for each in self.told]
        number = self.rows if rows is None else given.whole(rows, "rows", least=1)
        return Moments(bills).range_of(max(1, round(number * self.calls / max(1, self.rows))))


def what_if(*, rows: int | None = None, model: str | None = None, job: str | None = None) -> Range:
    """What a map would cost with more rows or on another model, as its calls of this kernel came out.

    ::

        asksage_jupyter.map(tickets, "What is this about? {text}", sample=20)
        asksage_jupyter.what_if(rows=10_000, model="gpt-5-mini")

    Nothing is sent. Another model may write longer or shorter replies, and counts its tokens its own way.

    Parameters
    ----------
    rows : int, optional
        As many as the map had when absent.
    model : str, optional
        The one that was asked when absent.
    job : str, optional
        The map's ``name``; the last map of this kernel when absent.

    Returns
    -------
    Range
        ``.low``, ``.expected``, ``.high`` in Ask Sage tokens; it lies between them in eight of ten cases.

    Raises
    ------
    BadInput
        No map was made in this kernel, no call has told its model tokens, or the model is not offered.
    """
    session = current()
    samples = session.samples
    if not samples:
        raise BadInput("no map was made in this kernel: make one of a few rows first, with sample=20")
    name = next(reversed(samples)) if job is None else given.text(job, "job")
    if name not in samples:
        latest = ", ".join(map(shown, list(samples)[: -_TOLD - 1 : -1]))
        raise BadInput(f"no map {shown(name)} was made in this kernel; the latest are {latest}")
    found: MapSample = samples[name]
    return found.cost(session, rows, model)
