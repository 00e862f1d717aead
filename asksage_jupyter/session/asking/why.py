"""Why a call cost what it did: its parts, each measured or estimated, and what would have been left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from ...account import Source
from ...display.plain import one_line
from ...display.table import Row, Table, Tabular

if TYPE_CHECKING:
    from ...account import Bill
    from ...rates import Part

# What a person can leave out, by the part of the bill that goes with it.
_WITHOUT = {
    "history": "with --history 0",
    "persona": "with a short -s of your own",
    "system prompt": 'without a system prompt (-s "")',
    "references": "without --dataset",
    "web search": "with --live 0",
    "file": "without --file",
}
_NOT_INPUT = ("reply", "each call")
_TIMES = 5  # so many times its own median is worth a word
_LEAST = 500  # Ask Sage tokens below which no call is
_FEWEST = 3  # earlier calls that a median is made of


@dataclass(frozen=True, slots=True)
class Cause:
    """A part of a bill.

    Attributes
    ----------
    name : str
        As of `rates.Part`.
    model_tokens : float or None
        None for what is not counted in them.
    tokens : float
        Ask Sage tokens.
    is_measured : bool
        Whether the service told the model tokens; else they are ours, counted before sending.
    """

    name: str
    model_tokens: float | None
    tokens: float
    is_measured: bool

    @property
    def rate(self) -> float | None:
        """Ask Sage tokens a model token."""
        return self.tokens / self.model_tokens if self.model_tokens else None

    @property
    def row(self) -> Row:
        """As it is shown."""
        known = "measured" if self.is_measured else "estimated"
        counted = "" if self.model_tokens is None else f"{self.model_tokens:,.0f}"
        rate = "" if self.rate is None else f"{self.rate:.4g}"
        return self.name, counted, rate, f"{self.tokens:,.0f}".replace("-", "−"), known


@dataclass(frozen=True, slots=True, repr=False)
class Why(Tabular):
    """What a bill is made of; shows itself as a table.

    Attributes
    ----------
    model : str
    tokens : int or None
        Ask Sage tokens debited; None where the bill is not known, and `causes` are of the estimate.
    source : Source or None
    causes : tuple of Cause
        The dearest first; together they are `tokens`.
    cheaper : tuple of (str, int) or None
        Another model and what the same prompt would cost there, where one was looked for.
    cell : str
        What the cell that asked is called; empty where none is told.
    """

    model: str
    tokens: int | None
    source: Source | None
    causes: tuple[Cause, ...]
    cheaper: tuple[str, int] | None = None
    cell: str = ""

    @property
    def table(self) -> Table:
        """As it is shown."""
        total = sum(cause.tokens for cause in self.causes)
        billed = "not billed yet, as estimated" if self.tokens is None else f"{self.tokens:,} tokens"
        told = f" ({self.source})" if self.source else ""
        return Table(
            ("what", "model tokens", "rate", "tokens", "known"),
            [cause.row for cause in self.causes],
            ("in all", "", "", f"{total:,.0f}", ""),
            sides="lrrrl",
            caption=" · ".join([*filter(None, [self.cell]), f"{one_line(self.model)}: {billed}{told}"]),
            note=f"The same prompt: {' · '.join(self.instead)}" if self.instead else "",
        )

    @property
    def instead(self) -> tuple[str, ...]:
        """What the same would have cost otherwise, in words."""
        total = sum(cause.tokens for cause in self.causes)
        ways = [
            f"{_WITHOUT[cause.name]} about {max(1, total - cause.tokens):,.0f}"
            for cause in self.causes
            if cause.name in _WITHOUT and cause.tokens >= 1
        ]
        if self.cheaper:
            ways.append(f"on {self.cheaper[0]} about {self.cheaper[1]:,}")
        return tuple(ways)


def why(model: str, parts: Sequence[Part], bill: Bill | None) -> Why:
    """What a bill is made of, that was estimated as `parts`; of None the estimate.

    The reply's length is as the service measured it, at the model's rate. So is the whole input's, which
    is divided as it was estimated: the service tells no parts. What then is left of the bill is each call's.
    """
    if bill is None:
        causes = [Cause(part.name, part.model_tokens, part.tokens, is_measured=False) for part in parts]
        return Why(model, None, None, _dearest(causes))
    sent = [part for part in parts if part.name not in _NOT_INPUT]
    causes = _inputs(sent, bill.input_tokens)
    for part in parts:
        if part.name == "reply":
            causes.append(_measured(part, bill.output_tokens))
    rest = bill.tokens - sum(cause.tokens for cause in causes)
    causes.append(Cause("each call and rounding", None, rest, is_measured=False))
    return Why(model, bill.tokens, bill.source, _dearest(causes))


def _inputs(parts: Sequence[Part], measured: int | None) -> list[Cause]:
    counted = sum(part.model_tokens or 0 for part in parts)
    scale = measured / counted if measured is not None and counted else 1.0
    is_whole = measured is not None and len(parts) == 1  # then nothing had to be divided
    return [
        Cause(
            part.name,
            None if part.model_tokens is None else part.model_tokens * scale,
            part.tokens * scale,
            is_measured=is_whole,
        )
        for part in parts
    ]


def _measured(part: Part, tokens: int | None) -> Cause:
    if tokens is None or not part.model_tokens:
        return Cause(part.name, part.model_tokens, part.tokens, is_measured=False)
    return Cause(part.name, tokens, tokens * part.tokens / part.model_tokens, is_measured=True)


def _dearest(causes: Sequence[Cause]) -> tuple[Cause, ...]:
    return tuple(sorted(causes, key=lambda cause: -cause.tokens))


def unusual(why: Why, before: Sequence[int]) -> str | None:
    """A word on a bill that is far above the cell's own; None where it is not, or too little is known.

    Parameters
    ----------
    before : sequence of int
        What the cell's earlier calls were billed.
    """
    if why.tokens is None or not is_worth_a_word(why.tokens) or len(before) < _FEWEST:
        return None
    usual = max(1.0, median(before))
    if why.tokens <= _TIMES * usual:
        return None
    most = why.causes[0]
    return f"{why.tokens / usual:,.0f}x its usual {usual:,.0f}: {most.tokens:,.0f} of it {most.name}"


def is_worth_a_word(tokens: int) -> bool:
    """Whether a bill is large enough to look what the cell cost before."""
    return tokens >= _LEAST
