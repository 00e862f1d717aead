"""Tokens by weekday and hour of the local day."""

from __future__ import annotations

from calendar import day_abbr, day_name
from typing import TYPE_CHECKING

from .chart import Chart
from .look import FIGURE, MAIN, compact, titled, written
from .needed import altair
from .rows import inlined
from .tally import more, span

if TYPE_CHECKING:
    import pandas

_CELL = 22
_HOURS, _DAYS = range(24), range(7)


def draw(tally: pandas.DataFrame, meter: str, zone: str, elsewhere: int) -> Chart:
    """A cell an hour of the week, the stronger the more tokens, with each weekday's sum beside it."""
    keys = [tally["at"].dt.day_of_week.rename("weekday"), tally["at"].dt.hour.rename("hour")]
    summed = tally["tokens"].groupby(keys).sum().reset_index()
    tokens = {(int(day), int(hour)): int(figure) for day, hour, figure in summed.to_numpy(object)}
    cells = [
        {"weekday": day_abbr[day], "hour": hour, "tokens": tokens.get((day, hour), 0)}
        for day in _DAYS
        for hour in _HOURS
    ]
    sums = [sum(tokens.get((day, hour), 0) for hour in _HOURS) for day in _DAYS]
    day, hour = max(tokens, key=tokens.__getitem__)
    most = tokens[day, hour]
    title = f"Most {meter} tokens on {day_name[day]}s from {hour}:00 to {hour + 1}:00: {most:,}"
    subtitle = " ".join(filter(None, [f"By weekday and hour, {span(tally)}, {zone} time.", more(elsewhere)]))
    by_weekday = ", ".join(f"{day_abbr[day]} {total:,}" for day, total in zip(_DAYS, sums, strict=True))
    return Chart(titled(_grid(cells, sums), title, [subtitle]), f"{title}. {subtitle} {by_weekday}.")


def _grid(cells: list[dict[str, object]], sums: list[int]) -> altair.LayerChart:
    spaced = altair.Scale(padding=0.08)
    weekdays = altair.Y("weekday:O", sort=list(day_abbr), title=None, scale=spaced)
    every_third = altair.Axis(labelAngle=0, labelExpr="datum.value % 3 ? '' : datum.value + ':00'")
    # Strength by opacity: where nothing was spent is nearly the background, be it white or dark.
    legend = altair.Legend(
        title="tokens",
        orient="bottom",
        tickCount=4,
        labelExpr=FIGURE,
        symbolType="square",
        symbolSize=180,
        symbolFillColor=MAIN,
        symbolStrokeWidth=0,
    )
    squares = (
        altair.Chart(inlined(cells))
        .mark_rect(color=MAIN, cornerRadius=2)
        .encode(
            x=altair.X("hour:O", title=None, scale=spaced, axis=every_third),
            y=weekdays,
            opacity=altair.Opacity("tokens:Q", scale=altair.Scale(range=[0.08, 1]), legend=legend),
            tooltip=["weekday:O", "hour:O", altair.Tooltip("tokens:Q", format=",")],
        )
    )
    rows = [
        {"weekday": day_abbr[day], "label": compact(total)} for day, total in zip(_DAYS, sums, strict=True)
    ]
    width = _CELL * len(_HOURS)
    beside = altair.Chart(inlined(rows)).encode(x=altair.value(width), y=weekdays)
    layers = [squares, written(beside, "left", 8)]
    return altair.LayerChart(layer=layers).properties(width=width, height=_CELL * len(_DAYS))
