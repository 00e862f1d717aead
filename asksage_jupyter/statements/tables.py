"""The tables of a statement: the account line by line, and what the calls are divided into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..display.table import Table
from . import words

if TYPE_CHECKING:
    from .months import AccountMonth, MeterMonth


def account(statement: AccountMonth) -> Table:
    """A line for each kind of movement, a column for each meter; what is left comes last."""
    *rows, left = [(line.label, *line.figures) for line in words.lines(statement)]
    return Table(("", *(month.meter.value for month in statement.meters)), rows, left)


def divisions(statement: AccountMonth) -> list[Table]:
    """The calls of each meter by model, notebook, project and source."""
    return [_division(group, month) for month in statement.meters for group in words.shown_groups(month)]


def _division(group: str, month: MeterMonth) -> Table:
    parts, whole = month.groups[group], month.figures.calls
    rows = [
        (words.part_name(group, part.name), f"{part.calls:,}", words.amount(part.tokens)) for part in parts
    ]
    shares = [part.tokens / whole if whole else 0.0 for part in parts]
    return Table((words.group_title(group, month), "calls", "tokens"), rows, shares=shares)
