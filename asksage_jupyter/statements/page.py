"""A statement as HTML, in the theme's own colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..account.card import bars
from ..display.markup import QUIET, card, fill, joined, line, notice, whole_page
from . import tables, words

if TYPE_CHECKING:
    from markupsafe import Markup

    from .months import AccountMonth


_CODE = "padding:0;background:none;color:inherit"


def document(statement: AccountMonth) -> str:
    """A whole page, in the reader's own light or dark."""
    return whole_page(words.heading(statement), fragment(statement))


def fragment(statement: AccountMonth) -> Markup:
    """The page as a part of a notebook."""
    if words.is_empty(statement):
        body = [words.nothing(statement)]
    else:
        divisions = joined(
            fill('<div style="flex:1 1 22em;min-width:0">{}</div>', table._repr_html_())
            for table in tables.divisions(statement)
        )
        body = [
            bars(words.gauges(statement)),
            tables.account(statement)._repr_html_(),
            *words.remarks(statement),
            fill('<div style="display:flex;flex-wrap:wrap;gap:.9em 2em;margin:.6em 0">{}</div>', divisions),
        ]
    return card(words.heading(statement), line(statement.title, QUIET), *body, _foot(statement))


def _foot(statement: AccountMonth) -> Markup:
    *lines, checked, chain = words.foot(statement)
    name, _, head = chain.partition(": ")
    is_bad = not statement.verification.ok
    return fill(
        '<footer style="margin-top:.6em">{}{}{}</footer>',
        joined(line(each, QUIET) for each in lines),
        notice(checked, alert=True) if is_bad else line(checked, QUIET),
        line(fill('{}: <code style="{}">{}</code>', name, _CODE, head), QUIET),
    )
