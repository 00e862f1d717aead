"""A small picture of the month, in the theme's own colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..display.markup import LINE, QUIET, SOLID, WARNING, fill
from .course import band, height

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .course import Course, Line, Point

_WIDTH, _HEIGHT = 240, 60
_EVEN = "var(--jp-ui-font-color2,#616161)"


def picture(course: Course, outlook: tuple[Line, Line, Line], left: int, *, is_grave: bool) -> Markup | str:
    """The month as a curve of what is used: the even line, now, and the band in which it goes on.

    Parameters
    ----------
    course : Course
    outlook : tuple of Line
        The forecast's least, middle and most; empty without one.
    left : int
        Tokens, for the text alternative.
    is_grave : bool
        Whether they will not last.
    """
    if not course.allotment or not (even := course.even_line()):
        return ""
    used = course.used_line()
    x, y = _place(used[-1], course)
    return fill(
        '<svg role="img" aria-label="{}" viewBox="-4 -4 {} {}" '
        'style="display:block;width:17em;margin:.3em 0">'
        '{}{}{}{}<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/></svg>'
        '<div aria-hidden="true" style="{}">Solid: used{}. Dashed: the allotment spent evenly.</div>',
        _alternative(course, even, left), _WIDTH + 8, _HEIGHT + 8,
        _line(f"M0,0H{_WIDTH}V{_HEIGHT}H0", LINE),
        _line(_path(even, course), _EVEN, dashed=True),
        _line(_path(used, course), SOLID, thick=True),
        _ahead(course, outlook, WARNING if is_grave else SOLID),
        x, y, SOLID, QUIET, ", and likely to be" if outlook[1] else "",
    )  # fmt: skip


def _ahead(course: Course, outlook: tuple[Line, Line, Line], colour: str) -> Markup | str:
    """How it goes on, from now to where the allotment or the month ends."""
    least, middle, most = outlook
    if not middle:
        return ""
    edge = band(least, most)
    around = [*((day, low) for day, low, _ in edge), *((day, high) for day, _, high in reversed(edge))]
    return fill(
        '<path d="{}" fill="{}" opacity=".3"/>{}',
        _path(around, course), colour, _line(_path(middle, course), colour, thick=True),
    )  # fmt: skip


def _alternative(course: Course, even: Sequence[Point], left: int) -> str:
    evenly = int(height(even, len(course.spent) + 0.5))
    return f"{course.taken:,} used or held, {left:,} left; used evenly, it would be {evenly:,} by today."


def _path(line: Sequence[Point], course: Course) -> str:
    return "".join(
        f"{'L' if n else 'M'}{x:.1f},{y:.1f}" for n, (x, y) in enumerate(_place(at, course) for at in line)
    )


def _place(point: Point, course: Course) -> Point:
    """At the bottom while nothing is used; at the top, and no higher, when nothing remains."""
    day, tokens = point
    left = 1 - tokens / (course.allotment or 1)
    return _WIDTH * (day - 0.5) / course.last.day, _HEIGHT * min(1.0, max(0.0, left))


def _line(path: str, colour: str, *, thick: bool = False, dashed: bool = False) -> Markup:
    look = "stroke-width:2" if thick else "stroke-dasharray:3 3" if dashed else ""
    return fill('<path d="{}" fill="none" stroke="{}" style="{}"/>', path, colour, look)
