"""One picture of days, hours, models, notebooks and projects, in which a choice in one filters all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..display.dates import day as named_day
from ..display.plain import from_home, shortened
from .chart import Chart
from .cube import NAMED, Cube, cube, date_of
from .look import titled
from .tally import NOT_KNOWN, more
from .views import LISTED, Views

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas

COLUMNS = ("sent_at", "tokens", *NAMED)

_KEPT = 300  # of the dearest calls
_HOW = "Drag over days or hours, or click a bar; a double click takes it back. By keyboard, choose below."


def draw(calls: pandas.DataFrame, meter: str, zone: str, elsewhere: int) -> Chart:
    """All views on one cube, and the dearest calls of what is chosen."""
    found = cube(calls, zone)
    tokens, many = int(found.rows["tokens"].sum()), int(found.rows["calls"].sum())
    title = f"{tokens:,} {meter} tokens in {many:,} calls"
    dearest = _dearest(calls, found, zone)
    first, last = (date_of(found.rows["day"].agg(end)) for end in ("min", "max"))
    span = f"{named_day(first)} to {named_day(last, year=True)}"
    words = [
        f"{title}, {span}.",
        *filter(None, [more(elsewhere)]),
        *(_by(found, name) for name in NAMED),
        _told(dearest),
    ]
    by = f"By day, hour, model, notebook and project, {zone} time. {more(elsewhere)}"
    return Chart(titled(Views(found, dearest).whole(), title, [by, _HOW]), " ".join(words))


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
    told = "; ".join(f"{row['tokens']:,}, {row['at']}, {row['what']}" for row in dearest[:LISTED])
    return f"The dearest calls: {told}."
