"""A team's month as a page that needs nothing else: members, codes, days, and how long it lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..account import tags
from ..account.card import meters
from ..display.dates import MONTHS, day
from ..display.markup import QUIET, card, fill, joined, line
from ..display.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from ..forecast import Pace
    from .parts import Division
    from .report import TeamReport


def document(report: TeamReport) -> str:
    """A whole page, in the reader's own light or dark."""
    return fill(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="viewport" content="width=device-width">'
        '<title>{}</title></head>\n<body style="margin:1em">{}</body></html>\n',
        _heading(report),
        fragment(report),
    )


def fragment(report: TeamReport) -> Markup:
    """The page as a part of a notebook."""
    return card(
        _heading(report),
        meters(report.balance),
        _side_by_side([pace._repr_html_() for pace in report.paces]),
        *(table._repr_html_() for table in report.members.values()),
        _side_by_side([*map(_division, report.divisions), *map(_days, report.paces)]),
        foot=[report.foot],
    )


def _heading(report: TeamReport) -> str:
    last = report.paces[0].last_day if report.paces else None
    when = f", {MONTHS[last.month - 1]} {last.year}" if last else ""
    return f"Pool {report.pool}{when}"


def _side_by_side(parts: Sequence[str]) -> Markup:
    boxes = joined(fill('<div style="flex:1 1 22em;min-width:0">{}</div>', part) for part in parts)
    return fill('<div style="display:flex;flex-wrap:wrap;gap:.9em 2em;margin:.6em 0">{}</div>', boxes)


def _division(division: Division) -> Markup:
    whole = sum(part.tokens for part in division.parts)
    rows = [(part.name or "not told", f"{part.calls:,}", f"{part.tokens:,}") for part in division.parts]
    shares = [part.tokens / whole if whole else 0.0 for part in division.parts]
    title = f"{division.meter.capitalize()} by {division.by.removeprefix(tags.PREFIX)}"
    return Table((title, "calls", "tokens"), rows, shares=shares)._repr_html_()


def _days(pace: Pace) -> Markup:
    """The days that used something; the rest are nothing to read."""
    first, spent = pace.last_day.replace(day=1), pace.course.spent
    used = [(day(first + timedelta(days=at)), tokens) for at, tokens in enumerate(spent) if tokens]
    most = max((tokens for _, tokens in used), default=0)
    if not used:
        return line(f"{pace.meter.capitalize()}: nothing was used yet.", QUIET)
    rows = [(name, f"{tokens:,}") for name, tokens in used]
    shares = [max(0.0, tokens / most) if most else 0.0 for _, tokens in used]
    return Table((f"{pace.meter.capitalize()} by day", "tokens"), rows, shares=shares)._repr_html_()
