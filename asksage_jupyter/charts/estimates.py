"""What was estimated before against what was billed after."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..account import Source
from .chart import Chart
from .look import COLOURS, FIGURE, GREY, INK, titled, written
from .needed import altair
from .rows import inlined

if TYPE_CHECKING:
    import pandas

_DOTS = 300  # more would hide one another, and the notebook keeps each
_FINENESS = (
    48,
    24,
    12,
    8,
    6,
    5,
    4,
    3,
)  # into how many steps a power of ten is divided, until the dots are few enough
_LEAST, _LARGEST = 24, 400  # the area of a dot, in square pixels
_WIDTH, _HEIGHT = 460, 260
_COLOUR = {str(source): colour for source, colour in zip(Source, COLOURS, strict=False)} | {
    str(Source.PRESUMED): GREY
}


def known(calls: pandas.DataFrame) -> pandas.DataFrame:
    """The calls of which both figures are known and above zero, and where they come from."""
    are_known = (calls["estimate"] > 0) & (calls["tokens"] > 0) & calls["source"].notna()
    return calls[are_known.to_numpy(dtype=bool, na_value=False)]


def draw(calls: pandas.DataFrame, meter: str) -> Chart:
    """Dots on both axes in powers of ten, and the line where both are equal."""
    title, subtitle = _words(calls, meter)
    counts = {str(source): int(many) for source, many in calls["source"].value_counts().items() if many}
    dots: list[dict[str, Any]] = [
        {"estimate": estimate, "billed": billed, "source": source, "calls": many}
        for (estimate, billed, source), many in _near(calls).items()
    ]
    dots.sort(key=lambda dot: -dot["calls"])  # the small ones in front
    if any(dot["calls"] > 1 for dot in dots):
        subtitle.append("The larger a dot, the more calls it is.")
    return Chart(titled(_dots(dots, counts), title, subtitle), " ".join([f"{title}.", *subtitle]))


def _near(calls: pandas.DataFrame) -> dict[tuple[int, int, str], int]:
    """How many calls have an estimate, a bill and a source; those near each other are one, if need be."""
    import numpy

    names = ["estimate", "tokens"]
    for fineness in (None, *_FINENESS):
        near = {name: calls[name].to_numpy("float64") for name in names}
        if fineness:
            near = {
                name: 10 ** (numpy.rint(numpy.log10(of) * fineness) / fineness) for name, of in near.items()
            }
        keys = [numpy.rint(near[name]).astype("int64") for name in names]
        counts = calls.groupby([*keys, calls["source"].to_numpy(object)], sort=True).size()
        if len(counts) <= _DOTS:
            break
    keyed: Any = counts.items()
    return {(int(e), int(b), str(source)): int(many) for (e, b, source), many in keyed}


def _words(calls: pandas.DataFrame, meter: str) -> tuple[str, list[str]]:
    """Of calls that were billed: a presumed one stands at its estimate and proves nothing."""
    import numpy

    told = calls[(calls["source"] != Source.PRESUMED).to_numpy(dtype=bool, na_value=False)]
    if told.empty:
        return f"No {meter} call was billed yet", []
    billed, estimate = told["tokens"].to_numpy("float64"), told["estimate"].to_numpy("float64")
    low, middle, high = numpy.quantile(billed / estimate, [0.1, 0.5, 0.9])
    of = f"Of {len(told):,} calls eight in ten were billed {low:.0%} to {high:.0%} of it"
    title = f"A typical {meter} call was billed {middle:.0%} of its estimate"
    return title, [f"{of}; all together {billed.sum() / estimate.sum():.0%}."]


def _dots(dots: list[dict[str, Any]], counts: dict[str, int]) -> altair.LayerChart:
    figures = [dot[name] for dot in dots for name in ("estimate", "billed")]
    powers = [10**power for power in range(len(str(min(figures))) - 1, len(str(max(figures))) + 1)]
    scale = altair.Scale(type="log", domain=[powers[0], powers[-1]])
    axis = altair.Axis(values=powers, labelExpr=FIGURE)
    present = [str(source) for source in Source if source in counts]
    sources = altair.Scale(domain=present, range=[_COLOUR[source] for source in present])
    labels = {source: f"{source} ({counts[source]:,})" for source in present}
    legend = altair.Legend(symbolOpacity=1, symbolSize=60, labelExpr=f"{json.dumps(labels)}[datum.label]")
    x = altair.X("estimate:Q", title="estimated tokens", scale=scale, axis=axis)
    y = altair.Y("billed:Q", title="billed tokens", scale=scale, axis=axis)
    points = altair.Chart(inlined(dots)).encode(
        x=x,
        y=y,
        color=altair.Color("source:N", title=None, scale=sources, legend=legend),
        size=altair.Size("calls:Q", legend=None, scale=_area(max(dot["calls"] for dot in dots))),
        tooltip=[
            "calls:Q",
            altair.Tooltip("estimate:Q", format=","),
            altair.Tooltip("billed:Q", format=","),
            "source:N",
        ],
    )
    ends = [{"estimate": end, "billed": end} for end in (powers[0], powers[-1])]
    equal = altair.Chart(inlined(ends)).encode(x=x, y=y)
    named = altair.Chart(inlined([ends[-1] | {"label": "as estimated"}])).encode(x=x, y=y)
    layers = [
        points.mark_circle(opacity=0.6),
        equal.mark_line(stroke=INK, strokeWidth=1, strokeDash=[4, 3]),
        written(named, "right", 0, -9),
    ]
    return altair.LayerChart(layer=layers).properties(width=_WIDTH, height=_HEIGHT)


def _area(most: int) -> altair.Scale:
    """A dot's area grows with its calls."""
    return altair.Scale(domain=[1, max(most, 2)], range=[_LEAST, _LARGEST if most > 1 else _LEAST])
