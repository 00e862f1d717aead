"""HTML in the theme's own colours; what is no `Markup` is text, and is made plain and escaped.

Places that take styles away, such as GitHub, still show the words: side by side they have a space between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup, escape

from .plain import plain

# The second value of each var() is for pages without a theme, light or dark.
SOLID = "var(--jp-brand-color1,#1976d2)"
LINE = "var(--jp-border-color2,#8885)"
WARNING = "var(--jp-warn-color1,#f57c00)"
# What is quiet is less of its page's own colour, whichever that is, and still 4.5 to 1 against it.
QUIET = "opacity:.75"
ROW = "display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;column-gap:2em"
RECEIPT = "font-size:var(--jp-ui-font-size1,13px)"
# Whatever is said, in a card or without one: a notebook's own text is larger.
TEXT = (
    f"{RECEIPT};line-height:1.5;font-family:var(--jp-ui-font-family,system-ui,sans-serif);"
    "color:var(--jp-ui-font-color1,inherit);font-variant-numeric:tabular-nums"
)

_CARD = (
    f"box-sizing:border-box;max-width:60em;padding:.7em 1em;{TEXT};overflow-wrap:anywhere;"
    f"border:1px solid {LINE};border-radius:4px"
)
_NOTICE = f"margin:.3em 0;padding:.1em .6em;border-left:3px solid {WARNING};{RECEIPT}"
# A model, an option, a date: a browser breaks a line behind any hyphen, and a copy is to have that one.
_NAME = re.compile(r"(?<![\w.:@/-])(?=[\w.:@/]{0,39}-)(-{0,2}\w(?:[\w.:@/-]{0,38}\w)?)(?![\w-])")


def fill(template: str, *parts: object) -> Markup:
    """The template, as `str.format` fills it: text is escaped, what is `Markup` stays."""
    return Markup(template.format(*map(_told, parts)))  # noqa: S704  the template is the program's own


def joined(parts: Iterable[object]) -> Markup:
    """The parts one after the other: text is escaped, what is `Markup` stays."""
    return Markup("".join(str(_told(part)) for part in parts))  # noqa: S704  each is escaped or `Markup`


def unbroken(text: str) -> Markup:
    """The text, in which no name is broken at its hyphens."""
    parts = enumerate(_NAME.split(plain(text)))
    return joined(
        fill('<span style="white-space:nowrap">{}</span>', part) if n % 2 else part for n, part in parts
    )


def line(words: object, style: str = "", tip: str = "") -> Markup:
    """Words on a line of their own, and what is told of them when asked; nothing where there are none."""
    more = joined(fill(' {}="{}"', name, text) for name, text in (("title", tip), ("style", style)) if text)
    return fill("<div{}>{}</div>", more, _words(words)) if words else Markup("")


def quiet(words: str) -> Markup:
    """A line that does not ask to be read."""
    return line(words, f"{RECEIPT};{QUIET}")


def notice(words: str, *, alert: bool = False) -> Markup:
    """A line that asks to be read; with `alert` it is also read aloud."""
    role = Markup(' role="alert"') if alert else ""
    return fill('<div{} style="{}">{}</div>', role, _NOTICE, unbroken(words)) if words else Markup("")


def card(title: str, *body: object, aside: str = "", foot: Iterable[object] = (), label: str = "") -> Markup:
    """A title, lines below it, and quiet ones at the foot.

    Parameters
    ----------
    title : str
    body, foot : str or Markup
        Text is a line of its own, a quiet one at the foot; what is empty is left out.
    aside : str
        What stands quietly beside the title.
    label : str
        What a screen reader calls it; the title when empty.
    """
    head = fill(
        '<div style="{}"><b>{}</b> <span style="{}">{}</span></div>',
        ROW,
        unbroken(title),
        QUIET,
        unbroken(aside),
    )
    lines = [part if isinstance(part, Markup) else line(part) for part in body]
    lines += [part if isinstance(part, Markup) else line(part, QUIET) for part in foot]
    return fill(
        '<section lang="en" dir="ltr" aria-label="{}" style="{}">{}{}</section>',
        label or title,
        _CARD,
        head,
        joined(lines),
    )


def whole_page(title: str, body: Markup) -> Markup:
    """A whole page, in the reader's own light or dark."""
    return fill(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="viewport" content="width=device-width">'
        '<title>{}</title></head>\n<body style="margin:1em">{}</body></html>\n',
        title,
        body,
    )


def _words(part: object) -> Any:
    return unbroken(part) if isinstance(part, str) and not isinstance(part, Markup) else part


def _told(part: object) -> Any:
    if isinstance(part, Markup | int | float):  # figures stay, to be formatted
        return part
    return escape(plain(part) if isinstance(part, str) else part)
