"""One picture of days, hours, models, notebooks and projects, in which a choice in one filters all others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..display.dates import day as named_day
from ..display.plain import from_home
from .chart import Chart
from .cube import NAMED, Cube, cube
from .look import COLOURS, FIGURE, GREY, INK, MAIN, shortened, titled
from .needed import altair
from .rows import inlined
from .tally import NOT_KNOWN, more

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas

COLUMNS = ("sent_at", "tokens", *NAMED)

_WIDTH, _HALF, _HEIGHT, _ROW = 570, 210, 90, 20  # a notebook beside an open sidebar
_KEPT, _LISTED = 300, 8  # of the dearest calls: in the notebook, and in sight
_LONGEST = 24
_HOW = "Drag over days or hours, click a bar, or choose below; a double click takes it back."


def draw(calls: pandas.DataFrame, meter: str, zone: str, elsewhere: int) -> Chart:
    """All views on one cube, and the dearest calls of what is chosen."""
    found = cube(calls, zone)
    tokens, many = int(found.rows["tokens"].sum()), int(found.rows["calls"].sum())
    title = f"{tokens:,} {meter} tokens in {many:,} calls"
    dearest = _dearest(calls, found, zone)
    first, last = (_date(found.rows["day"].agg(end)) for end in ("min", "max"))
    span = f"{named_day(first)} to {named_day(last, year=True)}"
    words = [
        f"{title}, {span}.",
        *filter(None, [more(elsewhere)]),
        *(_by(found, name) for name in NAMED),
        _told(dearest),
    ]
    views = _Views(found, dearest)
    chart = altair.vconcat(
        views.total(),
        views.days(),
        altair.hconcat(views.hours(), views.bars("model"), spacing=30),
        altair.hconcat(views.bars("notebook"), views.bars("project"), spacing=30),
        views.calls(),
        spacing=16,
    )
    return Chart(
        titled(
            chart, title, [f"By day, hour, model, notebook and project, {zone} time. {more(elsewhere)}", _HOW]
        ),
        " ".join(words),
    )


class _Views:
    """The views, each filtered by what is chosen in the others."""

    def __init__(self, found: Cube, dearest: list[dict[str, Any]]) -> None:
        self._found = found
        rows: Any = found.rows.to_dict("records")
        self._rows = inlined(rows)
        self._dearest = inlined(dearest)
        self._chosen: dict[str, Any] = {
            name: altair.selection_interval(name=f"chosen_{name}", encodings=["x"], mark=_BRUSH)
            for name in ("day", "hour")
        }
        for name in NAMED:
            names = [shortened(each, _LONGEST) for each in found.names[name]]
            menu = altair.binding_select(
                options=[None, *range(len(names))], labels=[f"all {name}s", *names], name=f"{name} "
            )
            self._chosen[name] = altair.selection_point(
                name=f"chosen_{name}", fields=[name], bind=menu, on="click", clear="dblclick", toggle=False
            )

    def total(self) -> altair.Chart:
        """How much of it all is chosen."""
        chart = (
            altair.Chart(self._rows)
            .transform_filter(self._others(""))
            .transform_aggregate(tokens="sum(tokens)", calls="sum(calls)")
        )
        label = "'chosen: ' + format(datum.tokens, ',') + ' tokens in ' + format(datum.calls, ',') + ' calls'"
        text = chart.transform_calculate(label=label).mark_text(align="left", fill=INK, fontSize=13)
        found: altair.Chart = text.encode(x=altair.value(0), text="label:N")
        return found.properties(width=_WIDTH, height=14)

    def days(self) -> altair.LayerChart:
        """Tokens by day."""
        first, last = (int(end) for end in (self._found.rows["day"].min(), self._found.rows["day"].max()))
        step = self._found.days
        marks = range(first, last + 1, max(step, 7 * -(-(last - first + 1) // 70)))
        axis = altair.Axis(
            values=list(marks), labelExpr="utcFormat(datum.value * 864e5, '%-d %b')", grid=False, title=None
        )
        title = {1: "tokens a day", 7: "tokens a week"}.get(step, f"tokens in {step} days")
        return self._columns("day", title, axis, (first, last), step, _WIDTH)

    def hours(self) -> altair.LayerChart:
        """Tokens by hour of the day."""
        axis = altair.Axis(values=[0, 6, 12, 18], labelExpr="datum.value + ':00'", grid=False, title=None)
        step = self._found.hours
        return self._columns("hour", "tokens by hour", axis, (0, 24 - step), step, _HALF)

    def bars(self, name: str) -> altair.LayerChart:
        """Tokens of each model, notebook or project."""
        names = [shortened(each, _LONGEST) for each in self._found.names[name]]
        axis = altair.Axis(labelExpr=f"{json.dumps(names)}[datum.value]", labelLimit=170, title=None)
        base = altair.Chart(self._rows).encode(y=altair.Y(f"{name}:O", axis=axis))
        tokens = altair.X("sum(tokens):Q", axis=None)
        chosen = self._chosen[name]
        shown = base.transform_filter(self._others(name)).encode(x=tokens)
        told = altair.Text("sum(tokens):Q", format=".3~s")
        layers = [
            # To click at, where a bar is short.
            base.transform_aggregate(groupby=[name]).mark_rect(color="transparent").add_params(chosen),
            base.mark_bar(color=GREY, opacity=0.3, height=13).encode(x=tokens),
            shown.mark_bar(color=MAIN, height=13).encode(
                opacity=altair.condition(chosen, altair.value(1), altair.value(0.35))
            ),
            shown.mark_text(align="left", dx=4, fill=INK, fontSize=11).encode(text=told),
        ]
        title = altair.TitleParams(f"{name}s", anchor="start", fontSize=11, fontWeight="normal", color=INK)
        return altair.LayerChart(layer=layers).properties(
            width=_HALF - 40, height=_ROW * len(names), title=title
        )

    def calls(self) -> altair.LayerChart:
        """The dearest calls of what is chosen, as a table."""
        rank = altair.Y("rank:O", axis=None, scale=altair.Scale(domain=list(range(1, _LISTED + 1))))
        rows = (
            altair.Chart(self._dearest)
            .transform_filter(self._others(""))
            .transform_window(rank="row_number()", sort=[altair.SortField("tokens", order="descending")])
            .transform_filter(f"datum.rank <= {_LISTED}")
            .encode(y=rank)
        )
        tokens = altair.Text("tokens:Q", format=",")
        layers = [
            rows.mark_text(align="right", fill=INK).encode(x=altair.value(60), text=tokens),
            rows.mark_text(align="left", fill=INK).encode(x=altair.value(75), text="at:N"),
            rows.mark_text(align="left", fill=INK).encode(x=altair.value(170), text="what:N"),
        ]
        title = altair.TitleParams(
            "the dearest calls: tokens, when, model and notebook",
            anchor="start", fontSize=11, fontWeight="normal", color=INK,
        )  # fmt: skip
        return altair.LayerChart(layer=layers).properties(width=_WIDTH, height=_ROW * _LISTED, title=title)

    def _columns(
        self, name: str, title: str, axis: altair.Axis, ends: tuple[int, int], step: int, width: int
    ) -> altair.LayerChart:
        """Bars that stand, over which a brush is drawn."""
        first, last = ends
        scale = altair.Scale(domain=[first - step / 2, last + step / 2], nice=False, zero=False)
        base = altair.Chart(self._rows).encode(
            x=altair.X(f"{name}:Q", axis=axis, scale=scale),
            y=altair.Y("sum(tokens):Q", title=title, axis=altair.Axis(labelExpr=FIGURE, tickCount=3)),
        )
        look: dict[str, Any] = {
            "orient": "vertical",
            "size": max(1.0, 0.8 * width * step / (last - first + step)),
        }
        layers = [
            base.mark_bar(color=GREY, opacity=0.3, **look).add_params(self._chosen[name]),
            base.transform_filter(self._others(name)).mark_bar(color=MAIN, **look),
        ]
        return altair.LayerChart(layer=layers).properties(width=width, height=_HEIGHT)

    def _others(self, own: str) -> Any:
        """What is chosen in all views but one's own."""
        others = [chosen for name, chosen in self._chosen.items() if name != own]
        every = others[0]
        for chosen in others[1:]:
            every = every & chosen
        return every


_BRUSH = altair.BrushConfig(fill=COLOURS[1], fillOpacity=0.15, stroke=COLOURS[1])


def _dearest(calls: pandas.DataFrame, found: Cube, zone: str) -> list[dict[str, Any]]:
    """The calls that took most, with their place in the cube."""
    import pandas

    most = calls.iloc[calls["tokens"].fillna(0).astype("int64").argsort()[::-1][:_KEPT]]
    first = int(found.rows["day"].min())
    local = pandas.to_datetime(most["sent_at"], utc=True).dt.tz_convert(zone).dt.tz_localize(None)
    rows = []
    for at, row in zip(local, most[["tokens", *NAMED]].to_numpy(object), strict=True):
        names = dict(
            zip(
                NAMED,
                (NOT_KNOWN if pandas.isna(name) else from_home(str(name)) for name in row[1:]),
                strict=True,
            )
        )
        passed = (at - pandas.Timestamp(0)).days - first
        rows.append(
            {
                "day": first + passed // found.days * found.days,
                "hour": at.hour // found.hours * found.hours,
                **{name: _number(found.names[name], names[name]) for name in NAMED},
                "tokens": int(row[0]),
                "at": f"{named_day(at)} {at:%H:%M}",
                "what": f"{shortened(names['model'])} · {shortened(names['notebook'], 40)}",
            }
        )
    return rows


def _number(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names) - 1


def _by(found: Cube, name: str) -> str:
    tokens = found.rows.groupby(name)["tokens"].sum()
    told = ", ".join(f"{name} {int(many):,}" for name, many in zip(found.names[name], tokens, strict=True))
    return f"By {name}: {told}."


def _told(dearest: list[dict[str, Any]]) -> str:
    told = "; ".join(f"{row['tokens']:,}, {row['at']}, {row['what']}" for row in dearest[:_LISTED])
    return f"The dearest calls: {told}."


def _date(number: Any) -> Any:
    import pandas

    return pandas.Timestamp(int(number), unit="D")
