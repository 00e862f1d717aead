"""A team's month as a page that needs nothing else: members, codes, days, and how long it lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..account import tags
from ..account.card import meters
from ..display.dates import MONTHS, day
from ..display.markup import LINE, QUIET, SOLID, card, fill, joined, line, whole_page
from ..display.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from ..forecast import Pace
    from .figures import PoolMonth
    from .parts import Division

_HEIGHT = 60


def document(report: PoolMonth) -> str:
    """A whole page, in the reader's own light or dark."""
    return whole_page(_heading(report), fragment(report))


def fragment(report: PoolMonth) -> Markup:
    """The page as a part of a notebook."""
    return card(
        _heading(report),
        meters(report.meters, report.balance.account.zone),
        _side_by_side([pace._repr_html_() for pace in report.paces]),
        *(
            fill('<div style="overflow-x:auto">{}</div>', table._repr_html_())
            for table in report.members.values()
        ),
        _side_by_side([*map(_division, report.divisions), *map(_days, report.paces)]),
        foot=[report.foot],
    )


def _heading(report: PoolMonth) -> str:
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
    """A bar for each day of the month, as high as what was used on it."""
    first, spent = pace.last_day.replace(day=1), pace.course.spent
    title = line(f"{pace.meter.capitalize()} by day", "font-weight:600")
    most = max(spent, default=0)
    if most <= 0:
        return joined([title, line("Nothing was used yet.", QUIET)])
    told = f"most on {day(first + timedelta(days=spent.index(most)))}: {most:,} tokens"
    bars = joined(
        fill(
            '<rect x="{}" y="{:.1f}" width="8" height="{:.1f}" fill="{}"><title>{}: {:,}</title></rect>',
            10 * at, _HEIGHT * (1 - max(0, tokens) / most), _HEIGHT * max(0, tokens) / most, SOLID,
            day(first + timedelta(days=at)), tokens,
        )
        for at, tokens in enumerate(spent)
    )  # fmt: skip
    width = 10 * pace.last_day.day
    picture = fill(
        '<svg role="img" aria-label="{}" viewBox="0 0 {} {}" style="display:block;width:100%">{}'
        '<path d="M0,{}H{}" stroke="{}"/></svg>',
        f"{title.striptags()}, {told}", width, _HEIGHT + 1, bars, _HEIGHT + 0.5, width, LINE,
    )  # fmt: skip
    return joined([title, picture, line(told, QUIET)])
