"""What is left, as HTML: the same card of a meter wherever one is shown."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..display.bar import bar, pill
from .gauge import Gauge, Level, advice, gauges

if TYPE_CHECKING:
    from .balance import Balance, MeterBalance

_ROW = "display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;column-gap:2em"
_QUIET = "color:var(--jp-ui-font-color2,#616161)"


def balance(found: Balance) -> str:
    """Both meters side by side."""
    return (
        f'<div style="max-width:52em;font-variant-numeric:tabular-nums"><b>{escape(found.title)}</b>'
        f'{meters(found)}<div style="{_QUIET}">{escape(found.footnote())}</div></div>'
    )


def meters(found: Balance) -> str:
    """Both meters, without whose they are."""
    cards = "".join(_meter(each, found.account.zone) for each in (found.inference, found.training))
    return f'<div style="{_ROW}">{cards}</div>'


def _meter(found: MeterBalance, zone: str) -> str:
    """What is left of each limit, and what to do."""
    head = f"<div>{found.meter.capitalize()}</div>" if found.is_uncapped else ""  # else its gauge says so
    own = f"You used {found.used:,} of it." if found.is_uncapped else ""
    lines = [line for line in (own, found.bound_words, advice(found, zone)) if line]
    told = "".join(f"<div>{escape(line[:1].upper() + line[1:])}</div>" for line in lines)
    body = f"{head}{''.join(map(_gauge, gauges(found)))}{told}"
    return f'<div style="flex:1 1 18em;min-width:0;margin:.5em 0">{body}</div>'


def _gauge(found: Gauge) -> str:
    figure, against = found.headline
    is_grave = found.level in (Level.VERY_LOW, Level.USED_UP, Level.OVER)
    step = pill(found.level.words, is_grave=is_grave)
    filled = [(each.kind, each.share, each.words) for each in found.segments]
    return (
        f'<div style="{_ROW}"><span>{escape(found.name)}</span>{step}</div>'
        f'<div><b style="font-size:var(--jp-ui-font-size2,15px)">{figure}</b> {against}</div>'
        + ("" if found.granted is None else bar(filled, found.label, found.words))
    )
