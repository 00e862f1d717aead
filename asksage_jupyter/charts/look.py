"""How charts look: colours that stand out on white and on dark grey, and short words for long ones.

Nothing has a background, and words have the colour of the page's own: so a chart is right in light, in dark
and in high contrast, also where the theme changes after it was drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from .needed import altair

# Contrast of at least 3 with both backgrounds, and told apart by the colour-blind too.
COLOURS = ("#359bd9", "#ec5022", "#856af5", "#4a944b", "#9b6d9f", "#ad8691")
MAIN, GREY = COLOURS[0], "#858585"
INK, NO_PAPER = "currentColor", "transparent"
# Vega's own format writes zero as "0k" beside thousands.
FIGURE = "datum.value ? format(datum.value, '~s') : '0'"

_COMPACT = ((1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))

AnyChart = altair.Chart | altair.LayerChart | altair.VConcatChart


def titled(chart: AnyChart, title: str, subtitle: Iterable[str]) -> AnyChart:
    """The chart under a title, with what all charts have in common."""
    head = altair.TitleParams(
        title,
        subtitle=[line for line in subtitle if line],
        color=INK,
        subtitleColor=INK,
        anchor="start",
        frame="bounds",
        fontSize=14,
        subtitleFontSize=12,
        subtitlePadding=4,
        offset=14,
    )
    axis = altair.AxisConfig(
        labelFontSize=11,
        titleFontSize=11,
        titleFontWeight="normal",
        domain=False,
        ticks=False,
        labelPadding=6,
        gridColor="#888",
        gridOpacity=0.25,
    )
    legend = altair.LegendConfig(labelFontSize=11, titleFontSize=11, titleFontWeight="normal", labelLimit=260)
    words = {"guide-label": {"fill": INK}, "guide-title": {"fill": INK}}
    found: AnyChart = chart.properties(title=head).configure(
        background=NO_PAPER, style=words, axis=axis, legend=legend, view=altair.ViewConfig(stroke=None)
    )
    return found


def written(
    chart: altair.Chart,
    align: Literal["left", "center", "right"],
    dx: float = 0,
    dy: float = 0,
    size: float = 11,
) -> altair.Chart:
    """The field ``label`` of the chart's rows as words that are readable on the theme's background."""
    text = chart.mark_text(fill=INK, fontSize=size, align=align, dx=dx, dy=dy)
    words: altair.Chart = text.encode(text="label:N")
    return words


def compact(tokens: float) -> str:
    """A figure in three digits at most: 950, 1.2k, 41k, 3.7M."""
    for unit, letter in _COMPACT:
        if abs(tokens) >= unit * 0.9995:
            figure = f"{tokens / unit:.1f}" if abs(tokens) < unit * 9.95 else f"{tokens / unit:.0f}"
            return figure.removesuffix(".0") + letter
    return f"{tokens:.0f}"
