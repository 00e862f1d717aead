"""What a command says: words for a font of fixed width, and the same as a page that fits any width."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self

from markupsafe import Markup

from .markup import LINE, TEXT, fill, joined, line, unbroken
from .table import Table

_WRITTEN = (
    f"padding:.15em 1em .15em 0;border:none;border-top:1px solid {LINE};background:none;text-align:left;"
    "vertical-align:top;font-weight:400;min-width:8em;font-family:var(--jp-code-font-family,monospace)"
)
_SHORT = 24  # characters that stand on one line
_ROOM = "max-width:24em"  # what is longer leaves room for its meaning
_MEANING = (
    f"padding:.15em 0;border:none;border-top:1px solid {LINE};background:none;text-align:left;"
    "vertical-align:top"
)
_PRE = (
    "margin:.6em 0;padding:0;background:none;border:none;color:inherit;white-space:pre-wrap;"
    "word-break:normal;overflow-wrap:anywhere;font-family:var(--jp-code-font-family,monospace)"
)
_LINES = "margin:.3em 0;white-space:pre-line;overflow-wrap:anywhere"
_PAGE = f"max-width:60em;{TEXT}"
_TABLE = "border-collapse:collapse;table-layout:auto;border:none;margin:0;width:100%;font-size:inherit"


class Listing(NamedTuple):
    """How things are written, each with what it means."""

    title: str
    rows: tuple[tuple[str, str], ...]


class Code(str):
    """What is written as it stands, in a font of fixed width."""

    __slots__ = ()


class Page(str):
    """Words, and their twin in HTML.

    Attributes
    ----------
    html : Markup
    """

    html: Markup

    @classmethod
    def of(cls, words: str, *parts: str | Listing | Table) -> Self:
        """The page of such words, whose HTML is made of parts: the words themselves where there are none."""
        page = cls(words)
        page.html = fill(
            '<div lang="en" dir="ltr" style="{}">{}</div>', _PAGE, joined(map(_part, parts or [words]))
        )
        return page


def _part(part: str | Listing | Table) -> Markup:
    if isinstance(part, Page):
        return part.html
    if isinstance(part, Table):
        return part._repr_html_()
    if isinstance(part, Code):
        return fill('<pre style="{}">{}</pre>', _PRE, unbroken(part))
    if isinstance(part, str):
        return line(part, _LINES)
    return joined([line(part.title, "font-weight:600;margin-top:.8em"), _table(part.rows)])


def _table(rows: Iterable[tuple[str, str]]) -> Markup:
    body = joined(
        fill(
            '<tr style="background:none"><th scope="row" style="{}">{}</th><td style="{}">{}</td></tr>',
            *(
                (_WRITTEN, line(written, _ROOM))
                if len(written) > _SHORT
                else (f"{_WRITTEN};white-space:nowrap", written)
            ),
            _MEANING, unbroken(meaning),
        )
        for written, meaning in rows
    )  # fmt: skip
    return fill('<table style="{}"><tbody>{}</tbody></table>', _TABLE, body)
