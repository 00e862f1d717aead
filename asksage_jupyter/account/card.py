"""What is left, as HTML: the same card of a meter wherever one is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..display.bar import bar, pill
from ..display.markup import ROW, card, fill, joined, line
from .gauge import Gauge, Level, advice, gauges

if TYPE_CHECKING:
    from .balance import Balance, MeterBalance


def balance(found: Balance) -> Markup:
    """Both meters side by side."""
    return card(found.title, meters(found), foot=[found.footnote()])


def meters(found: Balance) -> Markup:
    """Both meters, without whose they are."""
    cards = joined(_meter(each, found.account.zone) for each in (found.inference, found.training))
    return line(cards, ROW)


def _meter(found: MeterBalance, zone: str) -> Markup:
    """What is left of each limit, and what to do."""
    head = found.meter.capitalize() if found.is_uncapped else ""  # else its gauge says so
    own = f"You used {found.used:,} of it." if found.is_uncapped else ""
    told = [words[:1].upper() + words[1:] for words in (own, found.bound_words, advice(found, zone))]
    body = joined([line(head), *map(_gauge, gauges(found)), *map(line, told)])
    return line(body, "flex:1 1 18em;min-width:0;margin:.5em 0")


def _gauge(found: Gauge) -> Markup:
    figure, against = found.headline
    is_grave = found.level in (Level.VERY_LOW, Level.USED_UP, Level.OVER)
    step = pill(found.level.words, is_grave=is_grave)
    filled = [(each.kind, each.share, each.words) for each in found.segments]
    return fill(
        '<div style="{}"><span>{}</span>{}</div>'
        '<div><b style="font-size:var(--jp-ui-font-size2,15px)">{}</b> {}</div>{}',
        ROW, found.name, step, figure, against,
        "" if found.granted is None else bar(filled, found.label, found.words),
    )  # fmt: skip
