"""The notebooks, cells, models, projects or people that took most tokens."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from ..display.plain import from_home, one_line, shortened
from ..ledger.stores.place import place_of
from ..session import current, given
from ..session.origins.labels import cell_label
from .chart import Chart
from .look import GREY, MAIN, compact, titled, written
from .needed import altair
from .rows import inlined
from .tally import NOT_KNOWN, OTHER_DEVICES, summed_by

if TYPE_CHECKING:
    import pandas

GROUPINGS = ("notebook", "cell", "model", "project", "user")

_WIDTH, _ROW = 380, 24


def columns_of(by: str) -> list[str]:
    """The columns that name what is charted; a cell is one of its notebook's.

    Raises
    ------
    BadInput
        `by` is not one of `GROUPINGS`.
    """
    by = given.one_of(by, GROUPINGS, "by")
    return ["notebook", "cell"] if by == "cell" else [by]


def draw(calls: pandas.DataFrame, meter: str, by: str, limit: int, elsewhere: int) -> Chart:
    """A bar each, the most first, and one of what other devices took."""
    tokens = summed_by(calls, [calls[name] for name in columns_of(by)])
    total = int(tokens.sum()) + elsewhere
    rows = _first(tokens, limit)
    title = f"{shortened(rows[0][0], 40)}: {_share(rows[0][1], total)} of {total:,} {meter} tokens"
    subtitle = f"By {by}."
    if others := len(tokens) - len(rows):
        rest = total - elsewhere - sum(figure for _, figure in rows)
        subtitle = f"By {by}; {others:,} more took {rest:,} tokens ({_share(rest, total)})."
    if elsewhere:
        rows.append((OTHER_DEVICES, elsewhere))
    words = "; ".join(f"{name} {figure:,}" for name, figure in rows)
    return Chart(titled(_bars(rows, total), title, [subtitle]), f"{title}. {subtitle} {words}.")


def _first(tokens: pandas.Series[int], limit: int) -> list[tuple[str, int]]:
    """Names and tokens of those that took most."""
    found = tokens.sort_values(ascending=False, kind="stable").iloc[:limit]
    keys = found.index.to_frame().astype("object").fillna(NOT_KNOWN).to_numpy()
    return [(_name(list(map(str, key))), int(figure)) for key, figure in zip(keys, found, strict=True)]


def _name(key: list[str]) -> str:
    """What is told of a part; of a notebook and its cell what both are called."""
    if len(key) == 2 and NOT_KNOWN not in key:
        notebook, cell = key
        key = [
            PurePath(notebook).name,
            cell_label(place_of(current().settings.ledger).folder, notebook, cell),
        ]
    return one_line(" › ".join(map(from_home, key)))


def _share(part: int, total: int) -> str:
    share = part / total if total else 0
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _bars(rows: list[tuple[str, int]], total: int) -> altair.LayerChart:
    # Names as marks, not as labels of an axis: two long ones may be the same when they are shortened.
    names = [{"place": place, "label": shortened(name, 38)} for place, (name, _) in enumerate(rows)]
    bars = [
        {
            "place": place,
            "name": name,
            "tokens": figure,
            "label": f"{compact(figure)} · {_share(figure, total)}",
            "colour": GREY if name == OTHER_DEVICES else MAIN,
        }
        for place, (name, figure) in enumerate(rows)
    ]
    tokens = altair.X("tokens:Q", axis=None, scale=altair.Scale(nice=False, zero=True))
    place = altair.Y("place:O", axis=None)
    named = altair.Chart(inlined(names)).encode(x=altair.value(0), y=place)
    drawn = altair.Chart(inlined(bars)).encode(
        x=tokens, y=place, tooltip=["name:N", altair.Tooltip("tokens:Q", format=",")]
    )
    layers = [
        drawn.mark_bar(height=14).encode(color=altair.Color("colour:N", scale=None)),
        written(drawn, "left", 6),
        written(named, "right", -8),
    ]
    return altair.LayerChart(layer=layers).properties(width=_WIDTH, height=_ROW * len(rows))
