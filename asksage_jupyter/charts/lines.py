"""The course of a month as lines: used so far, even, allotment, and the forecast with its band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..display.dates import MONTHS
from ..forecast.course import band, height
from .look import FIGURE, GREY, MAIN, compact, written
from .needed import altair
from .rows import inlined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..forecast import Course, Pace
    from ..forecast.course import Line, Point

WIDTH = 420
_HEIGHT = 150
_WEEK = 7
_FOOT = 0.1  # of the allotment, below which what is written under a line would cover the axis
_LATE = 5  # days before the month's end, from which it would stand beside the forecast's name
_EARLY = 12  # the day before which what is written at its place would cover the allotment's name


def days(course: Course) -> altair.X:
    """The month's days as numbers, so that no time zone of a browser moves them."""
    axis = altair.Axis(
        values=list(range(1, course.last.day + 1, _WEEK)),
        labelExpr=f"datum.value + ' {MONTHS[course.first.month - 1]}'",
        grid=False,
        title=None,
    )
    return altair.X(
        "day:Q",
        axis=axis,
        scale=altair.Scale(domain=[0.5, course.last.day + 0.5], nice=False, zero=False),
    )


def draw(course: Course, pace: Pace | None) -> altair.LayerChart:
    """All lines with their names beside them, in place of a legend."""
    least, middle, most = pace.outlook if pace else ([], [], [])
    used, even = course.used_line(), course.even_line()
    allotment = float(course.allotment or 0)
    rule = [(0.5, allotment), (course.last.day + 0.5, allotment)] if allotment else []
    marks: list[tuple[Sequence[Point], dict[str, Any]]] = [
        (even, {"color": GREY, "strokeDash": [2, 3]}),
        (rule, {"color": GREY, "strokeWidth": 1.5}),
        (middle, {"color": MAIN, "strokeDash": [6, 4]}),
        (used, {"color": MAIN, "strokeWidth": 2.5}),
    ]
    layers = [
        *([_band(least, most)] if middle else []),
        *(_line(points).mark_line(**look) for points, look in marks if points),
        *_names(course, used, even, middle),
    ]
    # Said once for all: each layer would keep the axes again.
    shared = altair.FacetedEncoding(x=days(course), y=_height(course))
    chart = altair.LayerChart(layer=layers, encoding=shared)
    return chart.properties(width=WIDTH, height=_HEIGHT)


def _line(points: Iterable[Point], **more: Any) -> altair.Chart:
    return altair.Chart(inlined([{"day": day, "tokens": round(tokens), **more} for day, tokens in points]))


def _height(course: Course) -> altair.Y:
    highest = max(course.taken, course.allotment or 0, 1) * 1.12
    return altair.Y(
        "tokens:Q",
        title="tokens so far",
        axis=altair.Axis(labelExpr=FIGURE, tickCount=3),
        scale=altair.Scale(domain=[min(course.used, 0), highest], nice=False),
    )


def _band(least: Line, most: Line) -> altair.Chart:
    """What lies between the forecast's least and its most."""
    rows = [{"day": day, "tokens": round(low), "most": round(high)} for day, low, high in band(least, most)]
    drawn: altair.Chart = altair.Chart(inlined(rows)).mark_area(color=MAIN, opacity=0.25).encode(y2="most")
    return drawn


def _names(
    course: Course, used: Sequence[Point], even: Sequence[Point], middle: Sequence[Point]
) -> list[altair.Chart]:
    is_ahead = bool(even) and used[-1][1] > height(even, used[-1][0])
    is_low = course.taken < _FOOT * max(course.allotment or 0, 1)
    is_late = bool(middle) and used[-1][0] > course.last.day - _LATE
    names = [_name(used[-1], f"{compact(course.used)} used", above=is_ahead or is_low or is_late)]
    if not even:
        return names
    others = [*used, *middle[1:]]
    quarter = len(even) // 4
    farthest = max(even[quarter:-quarter], key=lambda point: abs(point[1] - height(others, point[0])))
    names.append(_name(farthest, "even", above=height(others, farthest[0]) < farthest[1]))
    return names + _ends(course, middle)


def _name(point: Point, words: str, *, above: bool) -> altair.Chart:
    """Words up and left of a point of a rising line, or down and right of it."""
    line = _line([point], label=words)
    return written(line, "right", -4, -7) if above else written(line, "left", 6, 9)


def _ends(course: Course, middle: Sequence[Point]) -> list[altair.Chart]:
    """The allotment's name, and where the forecast ends."""
    allotment = course.allotment or 0
    day, tokens = middle[-1] if middle else (0.5, 0.0)
    runs_out = bool(middle) and tokens >= allotment
    is_early = runs_out and day < _EARLY
    corner = course.last.day + 0.5 if is_early else 0.5
    words = f"allotment {compact(allotment)}"
    rule = _line([(corner, allotment)], label=words)
    names = [written(rule, "right", -3, -8) if is_early else written(rule, "left", 3, -8)]
    if runs_out:
        end = _line([(day, tokens)], label=f"{int(day)} {MONTHS[course.first.month - 1]}")
        names.append(written(end, "center", 0, -8))
    elif middle:
        end = _line([(day, tokens)], label=f"{compact(tokens)} at this pace")
        names.append(written(end, "left", 6))
    return names
