"""What a panel shows, as HTML in the theme's own colours."""

from __future__ import annotations

from html import escape

from ..account import Balance, MeterBalance, unbilled_words
from . import words
from .words import Shown

# Every colour has words beside it, and held and over have patterns of their own. The second value of each
# var() is for pages without a theme: a static export, a notebook on GitHub.
_QUIET = "color:var(--jp-ui-font-color2,#616161)"
_TRACK = "var(--jp-layout-color2,#eee)"
_USED = "var(--jp-brand-color1,#1976d2)"
_HELD = "repeating-linear-gradient(135deg,var(--jp-warn-color1,#f57c00) 0 3px,transparent 3px 5px)"
_OVER = f"repeating-linear-gradient(45deg,var(--jp-error-color1,#d32f2f) 0 5px,{_TRACK} 5px 7px)"
_CARD = (
    "box-sizing:border-box;max-width:52em;padding:.7em 1em;line-height:1.5;"
    "font-family:var(--jp-ui-font-family,sans-serif);font-size:var(--jp-ui-font-size1,13px);"
    "font-variant-numeric:tabular-nums;overflow-wrap:anywhere;"
    "border:1px solid var(--jp-border-color2,#e0e0e0);border-radius:4px"
)
_NOTICE = (
    "margin:.5em 0;padding:.2em .7em;border-left:3px solid var(--jp-warn-color1,#f57c00);"
    "background:var(--jp-layout-color2,#f5f5f5)"
)
_BAR = f"display:flex;height:8px;margin:.3em 0;border-radius:4px;overflow:hidden;background:{_TRACK}"
_SWATCH = "display:inline-block;width:.7em;height:.7em;margin-right:.4em;background:"
_FIGURE = "font-size:var(--jp-ui-font-size2,15px)"
_ROW = "display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;column-gap:2em"


def html(shown: Shown, *, live: bool) -> str:
    """All of it as one card; with ages and days left only where it is `live`, as they would grow old."""
    balance, now = shown.balance, shown.now if live else None
    head = [f"<b>{escape(words.title(shown))}</b>"]
    body, foot = "", []
    if balance is not None and (words.is_known(shown) or not shown.trouble):
        head.append(f'<span style="{_QUIET}">{escape(words.resets(balance, now))}</span>')
        meters = "".join(_meter(meter, balance) for meter in (balance.inference, balance.training))
        body = f'<div style="{_ROW}">{meters}</div>'
        foot = [unbilled_words(*shown.opened), words.last_call(shown, now), words.figures(balance, now)]
    notice = escape(words.notice(shown))
    return (
        f'<section aria-label="Token meter" style="{_CARD}">'
        f'<div style="{_ROW}">{" ".join(head)}</div>'
        + (f'<div role="alert" style="{_NOTICE}">{notice}</div>' if notice else "")
        + body
        + "".join(f'<div style="{_QUIET}">{escape(line)}</div>' for line in foot if line)
        + "</section>"
    )


def _meter(meter: MeterBalance, balance: Balance) -> str:
    """One meter: its name and headline, its bar, and below it what the bar's parts mean."""
    figure, against = words.headline(meter)
    details = zip(words.details(meter), (_USED, _HELD, _OVER), strict=True)
    legend = " ".join(_part(label, colour) for label, colour in details if label)
    lines = [
        f"<div>{meter.meter.capitalize()}</div>",
        f'<div><b style="{_FIGURE}">{figure}</b> {against}</div>',
        "" if meter.is_uncapped else _bar(meter),
        f'<div style="{_QUIET};display:flex;flex-wrap:wrap;column-gap:1.2em">{legend}</div>',
    ]
    if pool := words.pool(meter):
        lines.append(f"<div>{escape(pool)}</div>")
    if advice := words.advice(meter, balance):
        lines.append(f"<div>{escape(advice)}</div>")
    return f'<div style="flex:1 1 18em;min-width:0;margin:.5em 0">{"".join(lines)}</div>'


def _bar(meter: MeterBalance) -> str:
    if meter.granted is None:
        return ""
    spent = max(0, meter.used + meter.held)
    whole = max(meter.granted, spent, 1)
    used = min(max(0, meter.used), meter.granted)
    held = min(spent, meter.granted) - used
    parts = "".join(
        f'<div style="width:{100 * part / whole:.2f}%;min-width:3px;background:{colour}"></div>'
        for part, colour in ((used, _USED), (held, _HELD), (meter.overage, _OVER))
        if part
    )
    return (
        f'<div role="progressbar" aria-label="{meter.meter} tokens spent" aria-valuemin="0" '
        f'aria-valuemax="{whole}" aria-valuenow="{spent}" aria-valuetext="{" ".join(words.headline(meter))}" '
        f'style="{_BAR}">{parts}</div>'
    )


def _part(label: str, colour: str) -> str:
    """A word of the legend with the colour it explains."""
    swatch = f'<span aria-hidden="true" style="{_SWATCH}{colour}"></span>'
    return f'<span style="white-space:nowrap">{swatch}{label}</span>'
