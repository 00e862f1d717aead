"""A pace for people: as text, and as a card with a small picture of the month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..display.markup import LINE, SOLID, WARNING, card, fill
from .course import band, height, outlook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .course import Course, Point
    from .pace import Pace

_WIDTH, _HEIGHT = 240, 60
_EVEN = "var(--jp-ui-font-color2,#616161)"


def text(pace: Pace) -> str:
    """The sentences, and the figures below them."""
    return "\n".join([f"{pace.meter}: {_sentences(pace)}", f"  {_figures(pace)}"])


def html(pace: Pace) -> Markup:
    """The same as a card; colours are the theme's own."""
    return card(pace.meter.capitalize(), _sentences(pace), _picture(pace), foot=[_figures(pace)])


def _sentences(pace: Pace) -> str:
    return " ".join(filter(None, (pace.words, pace.advice)))


def _figures(pace: Pace) -> str:
    days = "1 working day" if pace.days_left == 1 else f"{pace.days_left} working days"
    figures = [
        "" if pace.remaining is None else f"{pace.remaining:,} left",
        f"{days} until the reset, today included",
        "" if pace.a_day is None else f"{pace.a_day:,} a working day so far",
    ]
    return " · ".join(filter(None, figures))


def _picture(pace: Pace) -> Markup | str:
    """The month as a curve of what is used: the even line, now, and the band in which it goes on."""
    course = pace.course
    if not course.allotment or not (even := course.even_line()):
        return ""
    used = course.used_line()
    x, y = _place(used[-1], course)
    return fill(
        '<svg role="img" aria-label="{}" viewBox="-4 -4 {} {}" '
        'style="display:block;width:17em;margin:.3em 0">'
        '{}{}{}{}<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/></svg>',
        _alternative(course, even, pace.remaining or 0), _WIDTH + 8, _HEIGHT + 8,
        _line(f"M0,0H{_WIDTH}V{_HEIGHT}H0", LINE),
        _line(_path(even, course), _EVEN, dashed=True),
        _line(_path(used, course), SOLID, thick=True),
        _ahead(pace),
        x, y, SOLID,
    )  # fmt: skip


def _ahead(pace: Pace) -> Markup | str:
    """How it goes on, from now to where the allotment or the month ends."""
    least, middle, most = outlook(pace)
    if not middle:
        return ""
    edge, colour = band(least, most), SOLID if pace.lasts else WARNING
    around = [*((day, low) for day, low, _ in edge), *((day, high) for day, _, high in reversed(edge))]
    return fill(
        '<path d="{}" fill="{}" opacity=".3"/>{}',
        _path(around, pace.course), colour, _line(_path(middle, pace.course), colour, thick=True),
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
