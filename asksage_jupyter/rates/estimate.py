"""What a call will cost, as an interval with its parts and its source."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from ..account import Source
from ..display.bar import thin_bar
from ..display.markup import card
from ..display.plain import interval
from ..display.table import Table


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the expected cost.

    Attributes
    ----------
    name : str
        ``prompt``, ``system prompt``, ``history``, ``persona``, ``file``, ``PDF``, ``document``,
        ``picture``, ``sound``, ``web search``, ``references``, ``each call`` (what every call costs beside
        them) or ``reply``.
    tokens : float
        Ask Sage tokens.
    model_tokens : float or None
        What of the model's they are for; None for what is not counted in them.
    """

    name: str
    tokens: float
    model_tokens: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The price of a call that has not been sent, in Ask Sage tokens; ``1 <= low <= expected <= high``.

    Attributes
    ----------
    model : str
    low, expected, high : int
        What the bill is expected to be, and between which figures; how sure that is, `measured` tells.
    parts : tuple of Part
        What `expected` is made of.
    input_tokens : int
        Model tokens expected to be sent.
    source : Source
        `Source.PRICED` or `Source.CATALOG`: where the rates come from.
    basis : str
        The same in words, and how the reply's length was guessed.
    measured : (int, int) or None
        How many of how many earlier calls of the model were billed within the interval of their estimate;
        None before there are 20.
    """

    model: str
    low: int
    expected: int
    high: int
    parts: tuple[Part, ...]
    input_tokens: int
    source: Source
    basis: str
    measured: tuple[int, int] | None = None

    def __str__(self) -> str:
        parts = ", ".join(f"{part.name} {_figure(part.tokens)}" for part in self.parts)
        return "\n  ".join([self._headline(), *self._coverage(), parts, self.basis])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [(part.name, _figure(part.tokens)) for part in self.parts]
        table = Table(("made of", "tokens"), rows, ("expected", f"{self.expected:,}"))
        return card(self._headline(), self._bar(), *self._coverage(), table._repr_html_(), foot=[self.basis])

    def _headline(self) -> str:
        return f"{self.model}: about {self.expected:,} tokens{interval(self.low, self.high)}"

    def _coverage(self) -> list[str]:
        """How often such intervals held, in tenths rounded down; nothing before it was measured."""
        if self.measured is None:
            return []
        inside, of = self.measured
        return [
            f"{10 * inside // of} of 10 such calls were billed {self.low:,} to {self.high:,} "
            f"(measured on the last {of} of this model)"
        ]

    def _bar(self) -> Markup:
        """The interval on a scale from 0 to `high`, with a stroke at `expected`; the text says the same."""
        low, expected = self.low / self.high, self.expected / self.high
        return thin_bar(("empty", low), ("likely", expected - low), ("used", 0.005), ("likely", 1 - expected))


def _figure(tokens: float) -> str:
    return f"{tokens:,.0f}" if tokens >= 10 else f"{tokens:.1f}"
