"""What is left, as HTML: the same card of a meter wherever one is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..display.bar import bar, pill
from ..display.markup import ROW, fill, joined, line, unbroken
from .gauge import Gauge, advice, gauges
from .level import Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .meters import MeterBalance
    from .records import Meter

_COLUMN = "flex:1 1 18em;min-width:0;margin:.5em 0"


def bars(found: Sequence[Gauge]) -> Markup:
    """Bars alone, side by side: the figures stand elsewhere."""
    known = [each for each in found if each.granted is not None]
    return line(joined(line(joined([line(each.name), _bar(each)]), _COLUMN) for each in known), ROW)


def meters(found: Sequence[MeterBalance], zone: str, paces: Mapping[Meter, str] | None = None) -> Markup:
    """Meters side by side, with what is said of their pace; days in the account's zone."""
    paces = paces or {}
    return line(joined(_meter(each, paces.get(each.meter, ""), zone) for each in found), ROW)


def _meter(found: MeterBalance, pace: str, zone: str) -> Markup:
    """What is left of each limit, and what to do."""
    head = found.meter.capitalize() if found.is_uncapped else ""  # else its gauge says so
    own = f"You used {found.used:,} of it." if found.is_uncapped else ""
    told = [words[:1].upper() + words[1:] for words in (own, found.bound_words, pace, advice(found, zone))]
    body = joined([line(head), *map(_gauge, gauges(found)), *map(line, told)])
    return line(body, _COLUMN)


def _gauge(found: Gauge) -> Markup:
    figure, against = found.headline
    is_grave = found.level in (Level.VERY_LOW, Level.USED_UP, Level.OVER)
    step = pill(found.level.words, is_grave=is_grave)
    return fill(
        '<div style="{}"><span>{}</span>{}</div>'
        '<div><b style="font-size:var(--jp-ui-font-size2,15px)">{}</b> {}</div>{}',
        ROW, unbroken(found.name), step, figure, unbroken(against),
        "" if found.granted is None else _bar(found),
    )  # fmt: skip


def _bar(found: Gauge) -> Markup:
    return bar([(each.kind, each.share, each.words) for each in found.segments], found.label, found.words)
