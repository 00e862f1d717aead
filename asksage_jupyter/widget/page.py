"""What a panel shows, as HTML in the theme's own colours."""

from __future__ import annotations

from html import escape

from ..account import card, unbilled_words
from . import words
from .words import Shown

# The second value of each var() is for pages without a theme: a static export, a notebook on GitHub.
_QUIET = "color:var(--jp-ui-font-color2,#616161)"
_CARD = (
    "box-sizing:border-box;max-width:52em;padding:.7em 1em;line-height:1.5;"
    "font-family:var(--jp-ui-font-family,sans-serif);font-size:var(--jp-ui-font-size1,13px);"
    "font-variant-numeric:tabular-nums;overflow-wrap:anywhere;"
    "border:1px solid var(--jp-border-color2,#e0e0e0);border-radius:4px"
)
_NOTICE = (
    "margin:.5em 0;padding:.2em .7em;border-left:3px solid var(--jp-warn-color1,#f57c00);"
    "background:var(--jp-layout-color2,#f5f5f5)"
)
_ROW = "display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;column-gap:2em"


def html(shown: Shown, *, live: bool) -> str:
    """All of it as one card; with ages and days left only where it is `live`, as they would grow old."""
    balance, now = shown.balance, shown.now if live else None
    head = [f"<b>{escape(words.title(shown))}</b>"]
    body, foot = "", ""
    if balance is not None and (words.is_known(shown) or not shown.trouble):
        head.append(f'<span style="{_QUIET}">{escape(balance.resets_words(now))}</span>')
        body = card.meters(balance)
        foot = _line(unbilled_words(*shown.opened)) + _line(words.last_call(shown, now))
        # Where figures come from is for who asks.
        foot += _line(balance.changed_words(now), balance.sources)
    notice = escape(words.notice(shown))
    return (
        f'<section lang="en" dir="ltr" aria-label="Token meter" style="{_CARD}">'
        f'<div style="{_ROW}">{" ".join(head)}</div>'
        + (f'<div role="alert" style="{_NOTICE}">{notice}</div>' if notice else "")
        + f"{body}{foot}</section>"
    )


def _line(told: str, title: str = "") -> str:
    """A quiet line; empty where nothing is told."""
    tip = f' title="{escape(title)}"' if title else ""
    return f'<div{tip} style="{_QUIET}">{escape(told)}</div>' if told else ""
