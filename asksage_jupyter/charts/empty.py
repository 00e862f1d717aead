"""A chart of nothing, which says so."""

from __future__ import annotations

from .chart import Chart
from .look import GREY, NO_PAPER, written
from .needed import altair
from .rows import inlined


def draw(words: str) -> Chart:
    """The words where a chart would stand."""
    blank = written(altair.Chart(inlined([{"label": words}])), "center", size=13)
    chart = altair.LayerChart(layer=[blank]).properties(width=480, height=80)
    return Chart(chart.configure(background=NO_PAPER, view=altair.ViewConfig(stroke=GREY)), words)
