"""What a call will cost, as an interval with its parts and its source."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ..account import Source


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the expected cost.

    Attributes
    ----------
    name : str
        ``prompt``, ``system prompt``, ``history``, ``persona``, ``file``, ``web search``, ``references``,
        ``each call`` (what every call costs beside them) or ``reply``.
    tokens : float
        Ask Sage tokens.
    """

    name: str
    tokens: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The price of a call that has not been sent, in Ask Sage tokens; ``1 <= low <= expected <= high``.

    Attributes
    ----------
    low, expected, high : int
        About one call in ten costs less than `low`, one in ten more than `high`.
    parts : tuple of Part
        What `expected` is made of.
    input_tokens : int
        Model tokens expected to be sent.
    source : Source
        `Source.PRICED` or `Source.CATALOG`: where the rates come from.
    basis : str
        The same in words, and how the reply's length was guessed.
    """

    model: str
    low: int
    expected: int
    high: int
    parts: tuple[Part, ...]
    input_tokens: int
    source: Source
    basis: str

    def __str__(self) -> str:
        parts = ", ".join(f"{part.name} {_figure(part.tokens)}" for part in self.parts)
        return f"{self._headline()}\n  {parts}\n  {self.basis}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left">{escape(part.name)}</td>'
            f'<td style="text-align:right">{_figure(part.tokens)}</td></tr>'
            for part in self.parts
        )
        return (
            '<div style="max-width:34em;color:var(--jp-content-font-color1,inherit)">'
            f'<div style="font-weight:600">{escape(self._headline())}</div>{self._bar()}'
            f'<table aria-label="What it is made of, in tokens">{rows}</table>'
            f'<div style="opacity:.7;font-size:smaller">{escape(self.basis)}</div></div>'
        )

    def _headline(self) -> str:
        return f"{self.model}: about {self.expected:,} tokens ({self.low:,} to {self.high:,})"

    def _bar(self) -> str:
        """The interval on a scale from 0 to `high`, with a stroke at `expected`; the text says the same."""
        left, middle = 100 * self.low / self.high, 100 * self.expected / self.high
        return (
            '<div aria-hidden="true" style="position:relative;height:6px;margin:.3em 0;border-radius:3px;'
            'background:var(--jp-layout-color3,#ccc)">'
            f'<div style="position:absolute;left:{left:.2f}%;right:0;height:100%;border-radius:3px;'
            'background:var(--jp-brand-color2,#64b5f6)"></div>'
            f'<div style="position:absolute;left:calc({middle:.2f}% - 2px);width:3px;top:-2px;height:10px;'
            'background:var(--jp-brand-color1,#1976d2)"></div></div>'
        )


def _figure(tokens: float) -> str:
    return f"{tokens:,.0f}" if tokens >= 10 else f"{tokens:.1f}"
