"""A chart of nothing, which says so."""

from __future__ import annotations

from .chart import Chart
from .look import GREY, written
from .needed import altair


def draw(words: str) -> Chart:
    """The words where a chart would stand."""
    blank = written(altair.Chart(altair.InlineData([{"label": words}])), "center", size=13)
    chart = altair.LayerChart(layer=[blank]).properties(width=480, height=80)
    return Chart(chart.configure_view(stroke=GREY), words)
