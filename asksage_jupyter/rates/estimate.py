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
        ``prompt``, ``system prompt``, ``history``, ``persona``, ``file``, ``PDF``, ``document``,
        ``picture``, ``sound``, ``web search``, ``references``, ``each call`` (what every call costs beside
        them) or ``reply``.
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
        rows = "".join(
            f'<tr><td style="text-align:left">{escape(part.name)}</td>'
            f'<td style="text-align:right">{_figure(part.tokens)}</td></tr>'
            for part in self.parts
        )
        return (
            '<div style="max-width:34em;color:var(--jp-content-font-color1,inherit)">'
            f'<div style="font-weight:600">{escape(self._headline())}</div>{self._bar()}'
            + "".join(f"<div>{escape(line)}</div>" for line in self._coverage())
            + f'<table aria-label="What it is made of, in tokens">{rows}</table>'
            f'<div style="opacity:.7;font-size:smaller">{escape(self.basis)}</div></div>'
        )

    def _headline(self) -> str:
        return f"{self.model}: about {self.expected:,} tokens ({self.low:,} to {self.high:,})"

    def _coverage(self) -> list[str]:
        """How often such intervals held, in tenths rounded down; nothing before it was measured."""
        if self.measured is None:
            return []
        inside, of = self.measured
        return [
            f"{10 * inside // of} of 10 such calls were billed {self.low:,} to {self.high:,} "
            f"(measured on the last {of} of this model)"
        ]

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
