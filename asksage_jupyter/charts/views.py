"""The parts of the linked picture: each is filtered by what is chosen in the others, and by menus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..display.dates import day as named_day
from ..display.plain import shortened
from .cube import NAMED, date_of
from .look import COLOURS, FIGURE, GREY, INK, MAIN
from .needed import altair
from .rows import inlined

if TYPE_CHECKING:
    from .cube import Cube

_WIDTH, _HALF, _HEIGHT, _ROW = 548, 155, 90, 20  # a notebook beside an open sidebar
_NAMES = 152  # what stands at the left of a plot
_FIGURES = 40  # behind a bar
LISTED = 8  # of the dearest calls in sight
_LONGEST = 23


class Views:
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
        self._from_to = [end for name in ("day", "hour") for end in self._ends(name)]
        for name in NAMED:
            names = [shortened(each, _LONGEST) for each in found.names[name]]
            menu = altair.binding_select(
                options=[None, *range(len(names))], labels=[f"all {name}s", *names], name=f"{name} "
            )
            self._chosen[name] = altair.selection_point(
                name=f"chosen_{name}", fields=[name], bind=menu, on="click", clear="dblclick", toggle=False
            )

    def whole(self) -> altair.VConcatChart:
        """All of them."""
        return altair.vconcat(
            self.total(),
            self.days(),
            _side_by_side(self.hours(), self.bars("model")),
            _side_by_side(self.bars("notebook"), self.bars("project")),
            self.calls(),
            spacing=16,
        )

    def total(self) -> altair.Chart:
        """How much of it all is chosen."""
        chart = (
            self._chart(self._rows, "")
            .transform_aggregate(tokens="sum(tokens)", calls="sum(calls)")
            .add_params(*self._from_to)
        )
        label = "'chosen: ' + format(datum.tokens, ',') + ' tokens in ' + format(datum.calls, ',') + ' calls'"
        text = chart.transform_calculate(label=label).mark_text(align="left", fill=INK, fontSize=13)
        found: altair.Chart = text.encode(x=altair.value(-_NAMES), text="label:N")
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
        return self._columns("hour", "tokens by hour of the day", axis, (0, 24 - step), step, _HALF)

    def bars(self, name: str) -> altair.LayerChart:
        """Tokens of each model, notebook or project."""
        names = [shortened(each, _LONGEST) for each in self._found.names[name]]
        axis = altair.Axis(labelExpr=f"{json.dumps(names)}[datum.value]", labelLimit=_NAMES - 8, title=None)
        y, rows = altair.Y(f"{name}:O", axis=axis), altair.Chart(self._rows)
        base, chart = rows.encode(y=y), self._chart(self._rows, name).encode(y=y)
        tokens = altair.X("sum(tokens):Q", axis=None)
        chosen = self._chosen[name]
        shown = chart.encode(x=tokens)
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
        return altair.LayerChart(layer=layers).properties(
            width=_HALF, height=_ROW * len(names), title=_title(f"{name}s")
        )

    def calls(self) -> altair.LayerChart:
        """The dearest calls of what is chosen, as a table."""
        rank = altair.Y("rank:O", axis=None, scale=altair.Scale(domain=list(range(1, LISTED + 1))))
        rows = (
            self._chart(self._dearest, "")
            .transform_window(rank="row_number()", sort=[altair.SortField("tokens", order="descending")])
            .transform_filter(f"datum.rank <= {LISTED}")
            .encode(y=rank)
        )
        tokens = altair.Text("tokens:Q", format=",")
        layers = [
            rows.mark_text(align="left", fill=INK).encode(x=altair.value(-_NAMES), text="at:N"),
            rows.mark_text(align="right", fill=INK).encode(x=altair.value(45), text=tokens),
            rows.mark_text(align="left", fill=INK).encode(x=altair.value(60), text="what:N"),
        ]
        title = _title("the dearest calls: when, tokens, model and notebook")
        return altair.LayerChart(layer=layers).properties(width=_WIDTH, height=_ROW * LISTED, title=title)

    def _columns(
        self, name: str, title: str, axis: altair.Axis, ends: tuple[int, int], step: int, width: int
    ) -> altair.LayerChart:
        """Bars that stand, over which a brush is drawn."""
        first, last = ends
        scale = altair.Scale(domain=[first - step / 2, last + step / 2], nice=False, zero=False)
        figures = altair.Axis(labelExpr=FIGURE, tickCount=3)
        # No figure stands so high that the title above would be moved.
        most = float(self._found.rows.groupby(name)["tokens"].sum().max())
        room = altair.Scale(domain=[0, 1.1 * max(most, 1)], nice=False)
        where: dict[str, Any] = {
            "x": altair.X(f"{name}:Q", axis=axis, scale=scale),
            "y": altair.Y("sum(tokens):Q", title=None, axis=figures, scale=room),
        }
        base, chosen = altair.Chart(self._rows).encode(**where), self._chart(self._rows, name)
        look: dict[str, Any] = {
            "orient": "vertical",
            "size": max(1.0, 0.8 * width * step / (last - first + step)),
        }
        layers = [
            base.mark_bar(color=GREY, opacity=0.3, **look).add_params(self._chosen[name]),
            chosen.encode(**where).mark_bar(color=MAIN, **look),
        ]
        return altair.LayerChart(layer=layers).properties(width=width, height=_HEIGHT, title=_title(title))

    def _chart(self, rows: Any, own: str) -> altair.Chart:
        """What is chosen from `rows` in all views but one's own, and by the menus of days and hours."""
        others = [chosen for name, chosen in self._chosen.items() if name != own]
        every = others[0]
        for chosen in others[1:]:
            every = every & chosen
        within = "inrange(datum.day, [first_day, last_day]) && inrange(datum.hour, [first_hour, last_hour])"
        chart: altair.Chart = altair.Chart(rows).transform_filter(every).transform_filter(within)
        return chart

    def _ends(self, name: str) -> list[Any]:
        """Menus of the first and the last day or hour, as a brush has no keys."""
        step = self._found.days if name == "day" else self._found.hours
        first, last = (int(self._found.rows[name].agg(end)) for end in ("min", "max"))
        places = list(range(first, last + 1, step))
        year = date_of(first).year != date_of(last).year
        labels = [named_day(date_of(at), year=year) if name == "day" else f"{at}:00" for at in places]
        return [
            altair.param(
                name=f"{end}_{name}", value=at,
                bind=altair.binding_select(options=places, labels=labels, name=f"{end} {name} "),
            )
            for end, at in (("first", first), ("last", places[-1]))
        ]  # fmt: skip


def _title(words: str) -> altair.TitleParams:
    """What a view tells, above it and its names."""
    return altair.TitleParams(
        words, anchor="start", frame="group", dx=-_NAMES, fontSize=11, fontWeight="normal", color=INK
    )


def _side_by_side(left: altair.LayerChart, right: altair.LayerChart) -> altair.HConcatChart:
    """Two views whose plots begin at the same places in each row."""
    return altair.hconcat(left, right, bounds="flush", spacing=_WIDTH - 2 * _HALF - _FIGURES)


_BRUSH = altair.BrushConfig(fill=COLOURS[1], fillOpacity=0.15, stroke=COLOURS[1])
