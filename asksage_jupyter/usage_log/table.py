"""A small table with a name at the left and figures at the right, as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..display.plain import one_line

Row = Sequence[str]

_CELL = "padding:.15em .8em;font-variant-numeric:tabular-nums"


def plain(head: Row, rows: Sequence[Row], total: Row | None = None) -> str:
    """As text, for a font of fixed width; the total stands below a line."""
    head, *rows = [[one_line(cell) for cell in row] for row in (head, *rows)]
    shown = [head, *rows, *([total] if total else [])]
    widths = [max(len(row[place]) for row in shown) for place in range(len(head))]
    rule = "  ".join("-" * width for width in widths)
    lines = [_line(head, widths), rule, *(_line(row, widths) for row in rows)]
    return "\n".join([*lines, *([rule, _line(total, widths)] if total else [])])


def html(head: Row, rows: Sequence[Row], total: Row | None = None, caption: str = "") -> str:
    """As HTML, in the colours of its page."""
    title = (
        f'<caption style="text-align:left;font-weight:600">{escape(one_line(caption))}</caption>'
        if caption
        else ""
    )
    heads = "".join(_cell("th", text, place, ' scope="col"') for place, text in enumerate(head))
    body = "".join(_row(row) for row in rows)
    foot = f'<tfoot style="font-weight:600">{_row(total)}</tfoot>' if total else ""
    return f"<table>{title}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>{foot}</table>"


def _line(row: Row, widths: Sequence[int]) -> str:
    name, *figures = row
    cells = [
        f"{name:<{widths[0]}}",
        *(f"{cell:>{width}}" for cell, width in zip(figures, widths[1:], strict=True)),
    ]
    return "  ".join(cells).rstrip()


def _row(row: Row) -> str:
    return f"<tr>{''.join(_cell('td', text, place) for place, text in enumerate(row))}</tr>"


def _cell(tag: str, text: str, place: int, attributes: str = "") -> str:
    side = "right" if place else "left"
    return f'<{tag}{attributes} style="text-align:{side};{_CELL}">{escape(one_line(text))}</{tag}>'
