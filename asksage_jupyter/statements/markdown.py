"""A statement as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .sheet import MeterMonth, Statement

# What would end a cell or begin a style: an underscore only does so at the edge of a word.
_SPECIAL = re.compile(r"[\\|`*<\[\]]|(?<!\w)_|_(?!\w)")


def render(statement: Statement) -> str:
    """The page, with tables as GitHub and Jupyter know them."""
    blocks = [f"# {words.heading(statement)}", _safe(statement.title)]
    if words.is_empty(statement):
        blocks.append(words.nothing(statement))
    else:
        head = ["", *(month.meter.value for month in statement.meters)]
        blocks.append(_table(head, ([line.label, *line.figures] for line in words.lines(statement))))
        blocks += words.remarks(statement)
        for month in statement.meters:
            blocks += [_group(group, month) for group in words.shown_groups(month)]
    blocks.append("\n".join(f"- {_safe(line)}" for line in words.foot(statement)))
    return "\n\n".join(blocks) + "\n"


def _group(group: str, month: MeterMonth) -> str:
    rows = (
        [_safe(words.part_name(group, part.name)), f"{part.calls:,}", words.amount(part.tokens)]
        for part in month.groups[group]
    )
    return _table([words.group_title(group, month), "calls", "tokens"], rows)


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A table whose columns but the first are figures, also aligned as plain text."""
    cells = [head, *rows]
    widths = [max(4, *(len(row[column]) for row in cells)) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_row(row, widths) for row in (cells[0], rule, *cells[1:]))


def _row(cells: list[str], widths: list[int]) -> str:
    first = cells[0].ljust(widths[0])
    others = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return f"| {' | '.join([first, *others])} |"


def _safe(text: str) -> str:
    """The text as it is read, whatever signs it holds."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))
