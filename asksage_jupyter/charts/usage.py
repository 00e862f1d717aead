"""Tokens per day by model, and above them the month's course against its allotment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..display.plain import shortened
from . import lines
from .chart import Chart
from .look import COLOURS, FIGURE, GREY, compact, titled
from .needed import altair
from .rows import inlined
from .tally import OTHER_DEVICES, by_day

if TYPE_CHECKING:
    import pandas

    from ..forecast import Course, Pace

_HEIGHT = 110
_SHARE = 0.8  # of a day's width
_OTHER_MODELS = "other models"
_LAST = ("", _OTHER_MODELS, OTHER_DEVICES)


def draw(tally: pandas.DataFrame, meter: str, course: Course, pace: Pace | None) -> Chart:
    """The two pictures on one axis of days; `tally` is of the course's month, by model."""
    title, subtitle = _title(meter, course), _subtitle(meter, course, pace)
    parts = _parts(tally, course)
    totals = _totals(parts)
    panels = [lines.draw(course, pace), *([_bars(parts, totals, course)] if parts else [])]
    chart = altair.VConcatChart(vconcat=panels, spacing=18).resolve_legend(color="independent")
    words = [f"{title}.", *subtitle]
    if totals:
        words.append(f"By model: {', '.join(f'{name} {tokens:,}' for name, tokens in totals.items())}.")
    return Chart(titled(chart, title, subtitle), " ".join(words))


def _title(meter: str, course: Course) -> str:
    of = "" if course.allotment is None else f" of {course.allotment:,}"
    return f"{course.first:%B %Y}: {course.used:,}{of} {meter} tokens used"


def _subtitle(meter: str, course: Course, pace: Pace | None) -> list[str]:
    if course.allotment is None:
        return [f"The allotment is not known: tell it with asksage_jupyter.set_plan({meter}=...)."]
    if pace is not None:
        return [line for line in (pace.words, pace.advice) if line]
    left = course.allotment - course.used
    return [f"{left:,} were left unused." if left >= 0 else f"{-left:,} over the allotment."]


def _parts(tally: pandas.DataFrame, course: Course) -> list[dict[str, Any]]:
    """One row a day and model, the models beyond the colours as one; and what no call of the log explains."""
    totals = tally.groupby("model")["tokens"].sum().sort_values(ascending=False, kind="stable")
    shown = totals.index if len(totals) <= len(COLOURS) else totals.index[: len(COLOURS) - 1]
    models = tally["model"].where(tally["model"].isin(shown), _OTHER_MODELS)
    keys = [tally["at"].dt.day.rename("day"), models.rename("model")]
    summed = tally["tokens"].groupby(keys).sum().reset_index()
    rows = [(int(day), str(model), int(tokens)) for day, model, tokens in summed.to_numpy(object)]
    here = by_day(tally)
    rows += [
        (day, OTHER_DEVICES, tokens - here.get(course.first.replace(day=day), 0))
        for day, tokens in enumerate(course.spent, start=1)
    ]
    return [{"day": day, "model": model, "tokens": tokens} for day, model, tokens in rows if tokens]


def _totals(parts: list[dict[str, Any]]) -> dict[str, int]:
    """Tokens of each model, the most first, and of the others after them."""
    totals: dict[str, int] = {}
    for part in parts:
        totals[part["model"]] = totals.get(part["model"], 0) + part["tokens"]

    def place(model: str) -> tuple[int, int]:
        return _LAST.index(model) if model in _LAST else 0, -totals[model]

    return {model: totals[model] for model in sorted(totals, key=place)}


def _bars(parts: list[dict[str, Any]], totals: dict[str, int], course: Course) -> altair.Chart:
    labels = {model: f"{compact(tokens)}  {shortened(model, 26)}" for model, tokens in totals.items()}
    hues = iter(COLOURS)
    colours = [GREY if model == OTHER_DEVICES else next(hues) for model in totals]
    # The legend stands in the order of the stack, whose foot is the model that took most.
    scale = altair.Scale(domain=list(totals)[::-1], range=colours[::-1])
    named = altair.Legend(symbolStrokeWidth=0, labelExpr=f"{json.dumps(labels)}[datum.label]")
    chart = altair.Chart(inlined(_stacked(parts, list(totals)))).transform_calculate(
        head="datum.foot + datum.tokens"
    )
    width = _SHARE * lines.WIDTH / course.last.day
    bars = chart.properties(width=lines.WIDTH, height=_HEIGHT).mark_bar(
        orient="vertical", size=width, y2Offset=0.6
    )
    encoded: altair.Chart = bars.encode(
        x=lines.days(course),
        y=altair.Y("foot:Q", title="tokens a day", axis=altair.Axis(labelExpr=FIGURE, tickCount=3)),
        y2="head",
        color=altair.Color("model:N", title=None, scale=scale, legend=named),
        tooltip=["day:Q", "model:N", altair.Tooltip("tokens:Q", format=",")],
    )
    return encoded


def _stacked(parts: list[dict[str, Any]], order: list[str]) -> list[dict[str, Any]]:
    """The parts with where each begins; what was taken back stands below zero."""
    ends: dict[tuple[int, bool], int] = {}
    rows = []
    for part in sorted(parts, key=lambda part: order.index(part["model"])):
        pile = part["day"], part["tokens"] < 0
        foot = ends.get(pile, 0)
        ends[pile] = foot + part["tokens"]
        rows.append(part | {"foot": foot})
    return rows
