"""What was estimated before against what was billed after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..account import Source
from .chart import Chart
from .look import COLOURS, FIGURE, GREY, INK, titled, written
from .needed import altair

if TYPE_CHECKING:
    import pandas

_SAMPLE, _SEED = 1_500, 0  # dots beyond this number hide one another, and the notebook keeps each
_WIDTH, _HEIGHT = 460, 260
_COLOUR = dict(zip(Source, COLOURS, strict=False)) | {Source.PRESUMED: GREY}


def known(calls: pandas.DataFrame) -> pandas.DataFrame:
    """The calls of which both figures are known and above zero, and where they come from."""
    are_known = (calls["estimate"] > 0) & (calls["tokens"] > 0) & calls["source"].notna()
    return calls[are_known.to_numpy(dtype=bool, na_value=False)]


def draw(calls: pandas.DataFrame, meter: str) -> Chart:
    """A dot a call, on both axes in powers of ten, and the line where both are equal."""
    title, subtitle = _words(calls, meter)
    counts = {str(source): int(many) for source, many in calls["source"].value_counts().items() if many}
    sample = calls
    if len(calls) > _SAMPLE:
        sample = calls.sample(_SAMPLE, random_state=_SEED)
        subtitle.append(f"{_SAMPLE:,} of {len(calls):,} calls are drawn, picked at random.")
    dots = [
        {"estimate": int(estimate), "billed": int(billed), "source": _called(str(source), counts)}
        for estimate, billed, source in zip(
            sample["estimate"], sample["tokens"], sample["source"], strict=True
        )
    ]
    return Chart(titled(_dots(dots, counts), title, subtitle), " ".join([f"{title}.", *subtitle]))


def _called(source: str, counts: dict[str, int]) -> str:
    return f"{source} ({counts[source]:,})"


def _words(calls: pandas.DataFrame, meter: str) -> tuple[str, list[str]]:
    """Of calls that were billed: a presumed one stands at its estimate and proves nothing."""
    import numpy

    told = calls[(calls["source"] != Source.PRESUMED).to_numpy(dtype=bool, na_value=False)]
    if told.empty:
        return f"No {meter} call was billed yet", []
    billed, estimate = told["tokens"].to_numpy("float64"), told["estimate"].to_numpy("float64")
    low, middle, high = numpy.quantile(billed / estimate, [0.1, 0.5, 0.9])
    of = f"Of {len(told):,} calls eight in ten were billed {low:.2f} to {high:.2f} of it"
    title = f"A typical {meter} call was billed {middle:.2f} of its estimate"
    return title, [f"{of}; all together {billed.sum() / estimate.sum():.2f}."]


def _dots(dots: list[dict[str, object]], counts: dict[str, int]) -> altair.LayerChart:
    figures = [int(str(dot[name])) for dot in dots for name in ("estimate", "billed")]
    powers = [10**power for power in range(len(str(min(figures))) - 1, len(str(max(figures))) + 1)]
    scale = altair.Scale(type="log", domain=[powers[0], powers[-1]])
    axis = altair.Axis(values=powers, labelExpr=FIGURE)
    present = [source for source in Source if source in counts]
    sources = altair.Scale(
        domain=[_called(source, counts) for source in present],
        range=[_COLOUR[source] for source in present],
    )
    x = altair.X("estimate:Q", title="estimated tokens", scale=scale, axis=axis)
    y = altair.Y("billed:Q", title="billed tokens", scale=scale, axis=axis)
    points = altair.Chart(altair.InlineData(dots)).encode(
        x=x,
        y=y,
        color=altair.Color(
            "source:N", title=None, scale=sources, legend=altair.Legend(symbolOpacity=1, symbolSize=60)
        ),
        tooltip=[
            altair.Tooltip("estimate:Q", format=","),
            altair.Tooltip("billed:Q", format=","),
            "source:N",
        ],
    )
    ends = [{"estimate": end, "billed": end} for end in (powers[0], powers[-1])]
    equal = altair.Chart(altair.InlineData(ends)).encode(x=x, y=y)
    named = altair.Chart(altair.InlineData([ends[-1] | {"label": "as estimated"}])).encode(x=x, y=y)
    layers = [
        points.mark_circle(size=24, opacity=0.55),
        equal.mark_line(stroke=INK, strokeWidth=1, strokeDash=[4, 3]),
        written(named, "right", -22, 6),
    ]
    return altair.LayerChart(layer=layers).properties(width=_WIDTH, height=_HEIGHT)
