"""What a cell would cost, from its text and the rates at hand: nobody is asked, and nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..account import Meter
from ..session.asking.query import build_query
from ..session.asking.replay import wanted
from ..session.asking.shares import shares
from ..session.comparing.compare import queries_for, together
from ..session.training.sources import pieces_of
from .braces import names_in
from .counted import Counted
from .options import parse_cell
from .training import read_training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rates import Estimate, Rate, Rates
    from ..service import Query
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
        What would be sent beside the text, and is not counted yet: ``{name}``s, ``history N``, ``file PATH``.
    left : tuple of str
        Why what of it was looked at was not counted.
    limit : int or None
        The cell's ``--max-tokens``, or the ``--budget`` of a table's rows.
    untold : str
        What of the cell has a price that only the kernel can tell: a plugin, or a table's rows; else empty.
    planned : str
        What the kernel told of it.
    instead : Price or None
        What the model of ``--else`` costs.
    replayed : Query or None
        What is looked for among the kept replies before it is sent, of a model by its id, as far as the text
        alone tells; None where nothing is looked for.
    is_kept : bool
        Whether a kept reply is shown, which costs nothing.
    """

    meter: Meter = Meter.INFERENCE
    low: int | None = None
    expected: int | None = None
    high: int | None = None
    estimate: Estimate | None = None
    model: str = ""
    unknown: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    limit: int | None = None
    untold: str = ""
    planned: str = ""
    instead: Price | None = None
    replayed: Query | None = None
    is_kept: bool = False

    def for_nothing(self) -> Price:
        """The price where a reply is kept."""
        return replace(self, low=0, expected=0, high=0, estimate=None, beside=(), left=(), is_kept=True)


def price_of(
    session: Session, rates: Rates, cell: Cell, counted: Counted | None = None, model: str = ""
) -> Price:
    """Price a cell by the functions that the kernel prices it with.

    Parameters
    ----------
    session : Session
        Whose settings count but for the model; neither its ledger nor its service is opened.
    rates : Rates
    counted : Counted, optional
        What a kernel counted.
    model : str
        The model that is priced where the cell names none.

    Raises
    ------
    BadInput
        What the cell would be refused for.
    """
    if cell.magic == "asksage_train":
        return _of_training(cell)
    options, counted = parse_cell(cell.line), counted or Counted()
    model = options.model or model
    if options.plugin is not None or options.map is not None:
        return _as_planned(options, model, counted)
    models = options.compare or ((model,) if model else ())
    text = cell.body.strip("\n")
    if not models or not text.strip():
        return Price(model=", ".join(models), limit=options.max_tokens)
    price = _of_prompt(session, rates, text, models, options, counted)
    if counted.is_kept:
        return price.for_nothing()
    if options.compare:
        return price
    replayed = _replayed(session, rates.at_hand(models[0]), text, models[0], options, counted)
    price = replace(price, replayed=replayed)
    if options.otherwise is None:
        return price
    return replace(price, instead=_of_prompt(session, rates, text, (options.otherwise,), options, counted))


def _as_planned(options: CellOptions, model: str, counted: Counted) -> Price:
    if options.map is None:
        untold, limit = f"the plugin {options.plugin}", options.max_tokens
    else:
        untold, limit = f"the rows of {options.map}", options.budget
    left = tuple(counted.left.values())
    if counted.plan is None:
        return Price(model=model, untold=untold, limit=limit, left=left)
    low, expected, high = counted.plan
    return Price(low=low, expected=expected, high=high, model=model, limit=limit, planned=counted.planned)


def _of_prompt(
    session: Session,
    rates: Rates,
    text: str,
    models: Sequence[str],
    options: CellOptions,
    counted: Counted,
) -> Price:
    kept, filled = beside(text, options), text
    for name in kept:
        if name in counted.parts:
            filled = filled.replace(name, "")
    # What the kernel alone has is told beside the figure, until it has counted it.
    of_call = {**options.of_call, "file": None, "history": 0}
    if options.compare:
        query = queries_for(session, text, models, of_call)[0]  # type: ignore[arg-type]
    else:
        query = build_query(session, text, models[0], of_call)  # type: ignore[arg-type]
    parts = shares(replace(query, prompt=filled))
    for name in kept:
        for part, tokens in counted.parts.get(name, {}).items():
            parts[part] = parts.get(part, 0) + tokens * max(1, text.count(name))
    found = {model: rates.at_hand(model) for model in models}
    estimates = [rates.estimate(rate, parts) for rate in found.values() if rate is not None]
    unknown = tuple(model for model, rate in found.items() if rate is None)
    estimate = None if unknown else together(estimates) if options.compare else estimates[0]
    low, expected, high = (estimate.low, estimate.expected, estimate.high) if estimate else (None,) * 3
    is_told = {*counted.parts, *counted.as_is, *counted.left}
    return Price(
        low=low,
        expected=expected,
        high=high,
        estimate=estimate,
        model=", ".join(models),
        unknown=unknown,
        beside=tuple(name for name in kept if name not in is_told),
        left=tuple(f"{name} {why}" for name, why in counted.left.items() if name in kept),
        limit=options.max_tokens,
    )


def _replayed(
    session: Session, rate: Rate | None, text: str, model: str, options: CellOptions, counted: Counted
) -> Query | None:
    """What is looked for among the kept replies before it is sent, as far as the text alone tells."""
    query = build_query(session, text, model, {**options.of_call, "file": None, "history": 0})
    if not wanted(session, query, options.replay, fresh=options.fresh):
        return None
    if rate is None or options.estimate or options.fresh or set(beside(text, options)) - {*counted.as_is}:
        return None
    return replace(query, model=rate.model)


def beside(text: str, options: CellOptions) -> list[str]:
    """What a prompt would send beside its text, by what a price calls it."""
    found = [f"{{{name}}}" for name in names_in(text)]
    if options.history:
        found.append(f"history {options.history}")
    if options.file:
        found.append(f"file {options.file}")
    return found


def _of_training(cell: Cell) -> Price:
    read_training(cell.line)
    text = cell.body.strip("\n")
    if not text.strip():
        return Price(Meter.TRAINING)
    tokens = sum(piece.training for piece in pieces_of([text]))
    return Price(Meter.TRAINING, tokens, tokens, tokens)
