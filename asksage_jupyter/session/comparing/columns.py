"""Replies to one prompt, side by side: while they arrive and whole."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from markupsafe import Markup

from ...display.bar import thin_bar
from ...display.harmless import harmless, within_markdown
from ...display.markup import LINE, WARNING, fill, quiet, unbroken
from ...errors import ReplyLost
from ..asking.reply import SOURCES, Reply, open_words

if TYPE_CHECKING:
    from collections.abc import Sequence

_GRID = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(18em,100%),1fr));gap:.7em"
_SECTION = "min-width:0;overflow:auto;overflow-wrap:anywhere;padding:.5em .5em 0;border-radius:3px"
_TEXT = "margin-bottom:-.5em"  # a last paragraph brings a whole line of its own


class Stage(StrEnum):
    """How far a model's reply is."""

    WAITING = "asking"
    WRITING = "writing"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReplyColumn:
    """One model's reply as it is shown beside the others.

    Attributes
    ----------
    model : str
        The model that was asked.
    state : Stage
    text : str
        The reply, as far as it arrived.
    told : str
        What it cost and how long it took, or why there is no reply; empty while it is under way.
    tokens : int or None
        Ask Sage tokens debited; None where there is no bill.
    """

    model: str
    state: Stage
    text: str = field(default="", repr=False)
    told: str = ""
    tokens: int | None = None


def column(model: str, outcome: Reply | Exception, duration_ms: int) -> ReplyColumn:
    """The column of a call that is over."""
    if isinstance(outcome, ReplyLost):
        return ReplyColumn(model, Stage.FAILED, outcome.text, str(outcome))
    if isinstance(outcome, Exception):
        return ReplyColumn(model, Stage.FAILED, told=str(outcome) or type(outcome).__name__)
    took = f"{duration_ms / 1000:,.1f} s"
    if outcome.tokens is None or outcome.source is None:
        state = Stage.STOPPED if outcome.interrupted else Stage.DONE
        lead = "" if outcome.interrupted else "the bill is not told yet: "
        told = " · ".join([f"{lead}{open_words(outcome.held)}", took, *outcome.notes])
        return ReplyColumn(model, state, outcome.text, told)
    told = " · ".join([f"{outcome.tokens:,} tokens ({SOURCES[outcome.source]})", took, *outcome.notes])
    return ReplyColumn(model, Stage.DONE, outcome.text, told, outcome.tokens)


def as_text(columns: Sequence[ReplyColumn]) -> str:
    """The columns below each other, for terminals and for places without HTML."""
    cheapest = _cheapest(columns)
    return "\n\n".join(_paragraph(each, each.model in cheapest) for each in columns)


def as_markdown(columns: Sequence[ReplyColumn]) -> str:
    """The columns side by side, as many as there is room for, each reply rendered as if it stood alone.

    Markdown within HTML, as it is CommonMark's after a blank line: code, tables and formulas are those of a
    single reply, and what a model wrote is made harmless first.
    """
    cheapest, dearest = _cheapest(columns), max((each.tokens or 0 for each in columns), default=0)
    shown = "".join(_section(each, each.model in cheapest, dearest) for each in columns)
    return f'<div style="{_GRID}">\n{shown}</div>'


def _cheapest(columns: Sequence[ReplyColumn]) -> set[str]:
    """The models of the fewest tokens, once nothing is under way any more; none where all cost the same."""
    tokens = {each.model: each.tokens for each in columns if each.tokens is not None}
    under_way = any(each.state in (Stage.WAITING, Stage.WRITING) for each in columns)
    if under_way or len(set(tokens.values())) < 2:
        return set()
    return {model for model, cost in tokens.items() if cost == min(tokens.values())}


def _words(column: ReplyColumn, is_cheapest: bool) -> list[str]:
    """What is said of a column beside its text."""
    state = [] if column.state is Stage.DONE else [str(column.state)]
    return [*state, *([column.told] if column.told else []), *(["cheapest"] if is_cheapest else [])]


def _paragraph(column: ReplyColumn, is_cheapest: bool) -> str:
    head = " · ".join([column.model, *_words(column, is_cheapest)])
    return f"{head}\n{textwrap.indent(column.text, '  ')}" if column.text else head


def _section(column: ReplyColumn, is_cheapest: bool, dearest: int) -> str:
    edge = WARNING if column.state in (Stage.STOPPED, Stage.FAILED) else LINE
    cheapest = Markup(' <span style="font-weight:400">· cheapest</span>') if is_cheapest else ""
    share = (column.tokens or 0) / dearest if dearest else 0
    head = fill(
        '<section aria-label="{0}" style="{1};border:1px solid {2}"><b>{3}</b>{4}{5}{6}',
        column.model, _SECTION, edge, unbroken(column.model), cheapest, thin_bar(("used", share)),
        quiet(" · ".join(_words(column, False))),
    )  # fmt: skip
    text = f'<div style="{_TEXT}">\n\n{harmless(column.text)}\n\n</div>\n' if column.text else ""
    return f"{within_markdown(head)}\n{text}</section>\n"
