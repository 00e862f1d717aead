"""A statement as HTML, in the theme's own colours."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from . import words

if TYPE_CHECKING:
    from .sheet import MeterMonth, Part, Statement

# The second value of each var() is for pages without a theme, light or dark.
_LINE = "var(--jp-border-color2,#8885)"
_QUIET = "color:var(--jp-ui-font-color2,GrayText)"
_CARD = (
    "box-sizing:border-box;max-width:60em;padding:.7em 1em;line-height:1.45;"
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-ui-font-size1,13px);"
    "color:var(--jp-ui-font-color1,CanvasText);font-variant-numeric:tabular-nums;overflow-wrap:anywhere;"
    f"border:1px solid {_LINE};border-radius:4px"
)
_TABLE = (
    "border-collapse:collapse;table-layout:auto;width:100%;margin:0;border:none;"
    "font-size:inherit;color:inherit"
)
_CELL = f"padding:.15em .5em;border:none;border-top:1px solid {_LINE};white-space:normal"
_NAME = f"{_CELL};text-align:left"
_NUMBER = f"{_CELL};text-align:right;white-space:nowrap"
_HEAD = "padding:.15em .5em;border:none;font-weight:600;white-space:nowrap;background:none"
_BAR = "height:4px;margin-top:2px;border-radius:2px;background:var(--jp-layout-color2,#8883)"
_FILL = "height:4px;min-width:1px;border-radius:2px;background:var(--jp-brand-color1,#1976d2)"
_BAD = (
    "border-left:3px solid var(--jp-error-color1,#d32f2f);padding-left:.6em;"
    "color:var(--jp-ui-font-color1,CanvasText);font-weight:600"
)


def document(statement: Statement) -> str:
    """A whole page, in the reader's own light or dark."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(words.heading(statement))}</title></head>\n"
        f'<body style="margin:1em">{fragment(statement)}</body></html>\n'
    )


def fragment(statement: Statement) -> str:
    """The page as a part of a notebook."""
    if words.is_empty(statement):
        body = f'<p style="margin:.6em 0">{escape(words.nothing(statement))}</p>'
    else:
        remarks = "".join(f"<div>{escape(remark)}</div>" for remark in words.remarks(statement))
        groups = "".join(
            _group(group, month) for month in statement.meters for group in words.shown_groups(month)
        )
        body = (
            f'<div style="max-width:38em;margin:.6em 0">{_account(statement)}</div>{remarks}'
            f'<div style="display:flex;flex-wrap:wrap;gap:.9em 2em;margin:.6em 0">{groups}</div>'
        )
    return (
        f'<section aria-label="{escape(words.heading(statement))}" style="{_CARD}">'
        f'<div style="font-weight:600;font-size:1.15em">{escape(words.heading(statement))}</div>'
        f'<div style="{_QUIET}">{escape(statement.title)}</div>{body}{_foot(statement)}</section>'
    )


def _account(statement: Statement) -> str:
    heads = [("left", ""), *(("right", month.meter.value) for month in statement.meters)]
    rows = (
        _row(
            [(_NAME, escape(line.label)), *((_NUMBER, figure) for figure in line.figures)],
            "font-weight:600" if line.label == "Left" else "",
        )
        for line in words.lines(statement)
    )
    return _table(heads, "".join(rows))


def _group(group: str, month: MeterMonth) -> str:
    heads = [("left", words.group_title(group, month)), ("right", "calls"), ("right", "tokens")]
    whole = month.figures.calls
    rows = "".join(_part(group, part, whole) for part in month.groups[group])
    return f'<div style="flex:1 1 22em;min-width:0">{_table(heads, rows)}</div>'


def _part(group: str, part: Part, whole: int) -> str:
    name = escape(words.part_name(group, part.name))
    width = 100 * part.tokens / whole if whole else 0
    bar = f'<div aria-hidden="true" style="{_BAR}"><div style="{_FILL};width:{width:.1f}%"></div></div>'
    return _row(
        [
            (f"{_NAME};width:99%", name + bar),
            (_NUMBER, f"{part.calls:,}"),
            (_NUMBER, words.amount(part.tokens)),
        ]
    )


def _table(heads: list[tuple[str, str]], rows: str) -> str:
    cells = "".join(
        f'<th scope="col" style="{_HEAD};text-align:{side}">{escape(head)}</th>' for side, head in heads
    )
    return f'<table style="{_TABLE}"><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>'


def _row(cells: list[tuple[str, str]], style: str = "") -> str:
    inner = "".join(f'<td style="{cell}">{content}</td>' for cell, content in cells)
    return f'<tr style="background:none;{style}">{inner}</tr>'


def _foot(statement: Statement) -> str:
    *lines, checked, head = words.foot(statement)
    bad = "" if statement.verification.ok else f' role="alert" style="{_BAD}"'
    said = "".join(f"<div>{escape(line)}</div>" for line in lines)
    return (
        f'<footer style="{_QUIET};font-size:.9em;margin-top:.6em">{said}<div{bad}>{escape(checked)}</div>'
        f'<div style="font-family:var(--jp-code-font-family,monospace)">{escape(head)}</div></footer>'
    )
