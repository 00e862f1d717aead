"""Modules and their imports as a drawing: each above all that it imports, no arrow through another."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Imports = dict[str, set[str]]

_HEIGHT, _GAP_X, _GAP_Y, _MARGIN, _LETTER = 30, 14, 40, 10, 8.4
_SWEEPS = 8


def levels(imports: Imports) -> list[list[str]]:
    """From the top down: each as low as it can be above all that it imports."""
    height = dict.fromkeys(imports, 0)
    for _ in imports:  # a circle, which has no top, ends here too
        for name, below in imports.items():
            height[name] = min(max((height[other] + 1 for other in below), default=0), len(imports))
    return [
        sorted(name for name in imports if height[name] == at)
        for at in sorted(set(height.values()), reverse=True)
    ]


def arrows(imports: Imports) -> list[tuple[str, str]]:
    """The imports that are not by way of another room, which would hide the others."""

    def reached(name: str) -> set[str]:
        found, new = set(), set(imports[name])
        while new:
            found |= new
            new = {other for one in new for other in imports[one]} - found
        return found

    return sorted(
        (name, below)
        for name, directly in imports.items()
        for below in directly
        if not any(below in reached(other) for other in directly - {below})
    )


def drawing(imports: Imports, titles: Mapping[str, str]) -> str:
    """An SVG in the colours of the page; the titles are what a pointer over a box tells."""
    rooms = levels(imports)
    ways = _ways(rooms, arrows(imports))
    place, width, height = _placed(_ordered(rooms, ways))
    words = "; ".join(f"{_last(way[0])} imports {_last(way[-1])}" for way in ways)
    return (
        f'<svg class="rooms" role="img" aria-label="{escape(words)}" viewBox="0 0 {width:g} {height:g}" '
        f'style="max-width: {width:g}px">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
        + "".join(_arrow([place[step] for step in way]) for way in ways)
        + "".join(_box(name, titles[name], place[name]) for row in rooms for name in row)
        + "</svg>"
    )


def _ways(rows: list[list[str]], arrows: Iterable[tuple[str, str]]) -> list[list[str]]:
    """From room to room through each row between them, by a gap that is called after the way."""
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    return [
        [start, *(f"{start} {number} {end}" for number in range(row_of[start] + 1, row_of[end])), end]
        for start, end in arrows
        if row_of[start] < row_of[end]
    ]


def _ordered(rooms: list[list[str]], ways: list[list[str]]) -> list[list[str]]:
    """The rows with their gaps, each near to what it is tied to above and below, so that few arrows cross."""
    rows = [list(row) for row in rooms]
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    tied: dict[str, set[str]] = {name: set() for row in rows for name in row} | {
        step: set() for way in ways for step in way[1:-1]
    }
    for way in ways:
        for offset, step in enumerate(way[1:-1], 1):
            rows[row_of[way[0]] + offset].append(step)
        for one, other in pairwise(way):
            tied[one].add(other)
            tied[other].add(one)
    at: dict[str, float] = {}
    for _ in range(_SWEEPS):
        for row in (*rows, *reversed(rows)):
            ties = {name: [at[other] for other in sorted(tied[name]) if other in at] for name in row}
            centre = {name: sum(near) / len(near) if near else 0.5 for name, near in ties.items()}
            row.sort(key=lambda name: (centre[name], name))
            at |= {name: (index + 0.5) / len(row) for index, name in enumerate(row)}
    return rows


def _placed(rows: list[list[str]]) -> tuple[dict[str, _Place], float, float]:
    """The place of each room and gap; and the width and height of all."""
    wide = {name: _GAP_X if " " in name else len(_last(name)) * _LETTER + 22 for row in rows for name in row}
    of_row = [sum(wide[name] for name in row) + _GAP_X * (len(row) - 1) for row in rows]
    place = {}
    for number, (row, width) in enumerate(zip(rows, of_row, strict=True)):
        x = _MARGIN + (max(of_row) - width) / 2
        for name in row:
            place[name] = _Place(x, _MARGIN + number * (_HEIGHT + _GAP_Y), wide[name])
            x += wide[name] + _GAP_X
    return place, max(of_row) + 2 * _MARGIN, len(rows) * (_HEIGHT + _GAP_Y) - _GAP_Y + 2 * _MARGIN


class _Place(NamedTuple):
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def _arrow(way: list[_Place]) -> str:
    drawn = f"M{way[0].middle:g} {way[0].y + _HEIGHT:g}"
    for above, place in pairwise(way):
        half = above.y + _HEIGHT + _GAP_Y / 2
        drawn += f"C{above.middle:g} {half:g} {place.middle:g} {half:g} {place.middle:g} {place.y:g}"
        if place is not way[-1]:
            drawn += f"v{_HEIGHT}"
    return f'<path class="arrow" marker-end="url(#tip)" d="{drawn}"/>'


def _box(name: str, title: str, place: _Place) -> str:
    edges = f'x="{place.x:g}" y="{place.y:g}" width="{place.width:g}" height="{_HEIGHT}"'
    return (
        f'<g><title>{escape(title)}</title><rect {edges} rx="5"/>'
        f'<text x="{place.middle:g}" y="{place.y + 20:g}">{escape(_last(name))}</text></g>'
    )


def _last(module: str) -> str:
    return module.rpartition(".")[2]
