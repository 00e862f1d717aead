"""A statement as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..display.harmless import literal
from . import tables, words

if TYPE_CHECKING:
    from .sheet import Statement


def render(statement: Statement) -> str:
    """The page, with tables as GitHub and Jupyter know them."""
    blocks = [f"# {words.heading(statement)}", literal(statement.title)]
    if words.is_empty(statement):
        blocks.append(words.nothing(statement))
    else:
        blocks += [tables.account(statement).to_markdown(), *words.remarks(statement)]
        blocks += [table.to_markdown() for table in tables.divisions(statement)]
    blocks.append("\n".join(f"- {literal(line)}" for line in words.foot(statement)))
    return "\n\n".join(blocks) + "\n"
