"""What a cell would cost, from its text and the rates at hand: nobody is asked, and nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..account import Meter
from ..session.asking.query import build_query
from ..session.asking.shares import shares
from ..session.comparing.compare import queries_for, together
from ..session.training.sources import pieces_of
from .braces import names_in
from .options import parse_cell
from .training import read_training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rates import Estimate, Rates
    from ..session import Session
    from .cell import Cell
    from .options import CellOptions


@dataclass(frozen=True, slots=True)
class Price:
    """What is known of a cell's price.

    Attributes
    ----------
    meter : Meter
        Which meter pays.
    low, expected, high : int or None
        Ask Sage tokens; None where no rates are at hand, or there is nothing to price yet.
    estimate : Estimate or None
        With its parts; of an upload there is none.
    model : str
        The model that would answer; empty where none is named or set.
    unknown : tuple of str
        Models whose rates are not at hand.
    beside : tuple of str
        What would be sent beside the text, and is not counted: ``{name}``s, ``history``, ``file``.
    limit : int or None
        The cell's ``--max-tokens``.
    untold : str
        What of the cell has a price that only the kernel can tell: a plugin, or a table's rows; else empty.
    """

    meter: Meter = Meter.INFERENCE
    low: int | None = None
    expected: int | None = None
    high: int | None = None
    estimate: Estimate | None = None
    model: str = ""
    unknown: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    limit: int | None = None
    untold: str = ""


def price_of(session: Session, rates: Rates, cell: Cell) -> Price:
    """Price a cell by the functions that the kernel prices it with.

    Parameters
    ----------
    session : Session
        Whose settings count; neither its ledger nor its service is opened.
    rates : Rates

    Raises
    ------
    BadInput
        What the cell would be refused for.
    """
    if cell.magic == "asksage_train":
        return _of_training(cell)
    options = parse_cell(cell.line)
    model = options.model or session.settings.model
    if options.plugin is not None or options.map is not None:
        untold = f"the plugin {options.plugin}" if options.map is None else f"the table {options.map}"
        return Price(model=model, untold=untold, limit=options.max_tokens)
    models = options.compare or ((model,) if model else ())
    text = cell.body.strip("\n")
    if not models or not text.strip():
        return Price(model=", ".join(models), limit=options.max_tokens)
    return _of_prompt(session, rates, text, models, options)


def _of_prompt(
    session: Session, rates: Rates, text: str, models: Sequence[str], options: CellOptions
) -> Price:
    # What the kernel alone has is told beside the figure.
    of_call = {**options.of_call, "file": None, "history": 0}
    if options.compare:
        parts = shares(queries_for(session, text, models, of_call)[0])  # type: ignore[arg-type]
    else:
        parts = shares(build_query(session, text, models[0], of_call))  # type: ignore[arg-type]
    found = {model: rates.at_hand(model) for model in models}
    estimates = [rates.estimate(rate, parts) for rate in found.values() if rate is not None]
    unknown = tuple(model for model, rate in found.items() if rate is None)
    estimate = None if unknown else together(estimates) if options.compare else estimates[0]
    beside = [f"{{{name}}}" for name in names_in(text)]
    beside += [name for name in ("history", "file") if getattr(options, name)]
    low, expected, high = (estimate.low, estimate.expected, estimate.high) if estimate else (None,) * 3
    return Price(
        low=low,
        expected=expected,
        high=high,
        estimate=estimate,
        model=", ".join(models),
        unknown=unknown,
        beside=tuple(beside),
        limit=options.max_tokens,
    )


def _of_training(cell: Cell) -> Price:
    read_training(cell.line)
    text = cell.body.strip("\n")
    if not text.strip():
        return Price(Meter.TRAINING)
    tokens = sum(piece.training for piece in pieces_of([text]))
    return Price(Meter.TRAINING, tokens, tokens, tokens)
