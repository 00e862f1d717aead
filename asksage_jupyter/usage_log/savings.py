"""What the calls of a log would have cost on other models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy
import pandas

from ..account import Meter
from ..display.table import Table, Tabular
from ..errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..account import Source
    from ..rates import Rate
    from ..session import Session

_SHOWN = 20
_HEAD = ("model", "tokens", "difference", "of billed", "rates")


@dataclass(frozen=True, slots=True)
class OnModel:
    """The calls on one model.

    Attributes
    ----------
    model : str
    tokens : int
        Ask Sage tokens they would have cost.
    source : Source
        Of the rates: priced by the service, or the catalog's, unverified.
    """

    model: str
    tokens: int
    source: Source


@dataclass(frozen=True, slots=True, repr=False)
class Savings(Tabular):
    """What the same inference calls would have cost, the cheapest model first; shows itself as a table.

    Attributes
    ----------
    models : tuple of OnModel
    billed : int
        Ask Sage tokens that the compared calls were debited.
    calls, left_out : int
        Calls compared, and those whose model tokens are not known.
    """

    models: tuple[OnModel, ...]
    billed: int
    calls: int
    left_out: int

    def to_frame(self) -> pandas.DataFrame:
        """The table as data, indexed by model: tokens, difference from what was billed, and source."""
        figures = {
            "tokens": [each.tokens for each in self.models],
            "difference": [each.tokens - self.billed for each in self.models],
            "source": [str(each.source) for each in self.models],
        }
        index = pandas.Index([each.model for each in self.models], name="model", dtype="str")
        frame = pandas.DataFrame(figures, index=index)
        return frame.astype({"tokens": "int64", "difference": "int64", "source": "str"})

    @property
    def table(self) -> Table:
        """As it is shown."""
        return Table(_HEAD, self._rows(), note=self._footnote())

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                each.model,
                f"{each.tokens:,}",
                f"{each.tokens - self.billed:+,}",
                f"{each.tokens / self.billed:.0%}" if self.billed else "",
                str(each.source),
            )
            for each in self.models[:_SHOWN]
        ]

    def _footnote(self) -> str:
        hidden = len(self.models) - _SHOWN
        more = f" {hidden:,} dearer models are in .to_frame()." if hidden > 0 else ""
        out = f" {self.left_out:,} whose model tokens are not known were left out." if self.left_out else ""
        return (
            f"{self.calls:,} calls were billed {self.billed:,} tokens.{out}{more} "
            "As if every model read and wrote as many model tokens; catalog rates are unverified."
        )


def savings(calls: pandas.DataFrame, session: Session, models: Sequence[str] | None) -> Savings:
    """Price the inference calls of a log on `models`, or on all that are offered.

    Raises
    ------
    BadInput, NoKey, ServiceError
    """
    asked = calls[calls["meter"] == Meter.INFERENCE]
    compared = asked[asked["input_tokens"].notna() & asked["output_tokens"].notna()]
    inputs, outputs = (
        compared[name].to_numpy("float64", na_value=numpy.nan) for name in ("input_tokens", "output_tokens")
    )
    rates = _offered(session) if models is None else map(session.pricing.rate, _named(models))
    on = (OnModel(rate.model, _cost(rate, inputs, outputs), rate.source) for rate in rates)
    return Savings(
        tuple(sorted(on, key=lambda each: (each.tokens, each.model))),
        int(compared["tokens"].sum()),
        len(compared),
        len(asked) - len(compared),
    )


def _named(models: Sequence[str]) -> list[str]:
    if not models:
        raise BadInput("name a model to compare with, or none for all that are offered")
    return list(dict.fromkeys(models))


def _offered(session: Session) -> Iterator[Rate]:
    """All models whose rates are known without asking for each: of today's cache, else of the catalog."""
    rates = session.pricing.rates
    for model in session.models():
        if model.prompt_rate is not None and model.completion_rate is not None:
            yield rates.rate(model.id, catalog=(model.prompt_rate, model.completion_rate))
        elif known := rates.cached(model.id):
            yield known


def _cost(rate: Rate, inputs: Any, outputs: Any) -> int:
    """Each call a whole token at least, as a bill has it."""
    return int(rate.bill(inputs, outputs).sum())
