"""A pace for people: as text, and as a card with a small picture of the month."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from .pace import Pace

_WIDTH, _HEIGHT = 240, 60


def text(pace: Pace) -> str:
    """The sentences, and the figures below them."""
    return "\n".join([f"{pace.meter}: {_sentences(pace)}", f"  {_figures(pace)}"])


def html(pace: Pace) -> str:
    """The same as a card; colours are the theme's own."""
    return (
        f'<div style="max-width:34em"><div><span style="font-weight:600">{escape(pace.meter)}</span>: '
        f"{escape(_sentences(pace))}</div>{_picture(pace)}"
        f'<div style="opacity:.7;font-size:smaller">{escape(_figures(pace))}</div></div>'
    )


def _sentences(pace: Pace) -> str:
    return " ".join(filter(None, (pace.words, pace.advice)))


def _figures(pace: Pace) -> str:
    days = "1 working day" if pace.days_left == 1 else f"{pace.days_left} working days"
    figures = [
        "" if pace.remaining is None else f"{pace.remaining:,} left",
        f"{days} until the reset, today included",
        "" if pace.a_day is None else f"{pace.a_day:,} a working day so far",
    ]
    return " · ".join(filter(None, figures))


def _picture(pace: Pace) -> str:
    """The month as a curve of what is used: the even line, now, and the band in which it goes on."""
    if not pace.granted or pace.remaining is None:
        return ""
    now = _x(pace, pace.as_of), _y(pace.remaining, pace.granted)
    return (
        f'<svg role="img" aria-label="{escape(_alternative(pace, pace.granted, pace.remaining))}" '
        f'viewBox="-4 -4 {_WIDTH + 8} {_HEIGHT + 8}" style="display:block;width:17em;margin:.3em 0">'
        f'<path d="M0,0H{_WIDTH}V{_HEIGHT}H0" {_stroke("--jp-border-color2,#999")}/>'
        f'<path d="M0,{_HEIGHT}L{_WIDTH},0" {_stroke("--jp-border-color1,#888")} stroke-dasharray="3 3"/>'
        f'<path d="M0,{_HEIGHT}L{_at(now)}" {_stroke("--jp-brand-color1,#1976d2")} stroke-width="2"/>'
        f"{_band(pace, now, pace.granted) if pace.remaining > 0 else ''}"
        f'<circle cx="{now[0]:.1f}" cy="{now[1]:.1f}" r="3" fill="var(--jp-brand-color1,#1976d2)"/></svg>'
    )


def _alternative(pace: Pace, granted: int, remaining: int) -> str:
    even = granted * pace.as_of.day // pace.last_day.day
    return f"{granted - remaining:,} of {granted:,} used or held; used evenly, it would be {even:,} by today."


def _band(pace: Pace, now: tuple[float, float], granted: int) -> str:
    """How it goes on, from now to where the allotment or the month ends."""
    if pace.expiring is None or pace.expiring_low is None or pace.expiring_high is None:
        return ""
    ends = (
        (pace.earliest, pace.expiring_low),
        (pace.exhausted_on, pace.expiring),
        (pace.latest, pace.expiring_high),
    )
    low, middle, high = (
        (float(_WIDTH), _y(left, granted)) if day is None else (_x(pace, day), 0.0) for day, left in ends
    )
    corner = f"L{_WIDTH},0" if pace.earliest and not pace.latest else ""
    colour = "--jp-brand-color1,#1976d2" if pace.lasts else "--jp-warn-color1,#f57c00"
    return (
        f'<path d="M{_at(now)}L{_at(low)}{corner}L{_at(high)}Z" fill="var({colour})" opacity=".3"/>'
        f'<path d="M{_at(now)}L{_at(middle)}" {_stroke(colour)} stroke-width="2"/>'
    )


def _x(pace: Pace, day: date) -> float:
    """The middle of the day."""
    return _WIDTH * (day.day - 0.5) / pace.last_day.day


def _y(remaining: int, granted: int) -> float:
    """At the bottom while nothing is used; at the top when nothing remains."""
    return _HEIGHT * min(1.0, max(0.0, remaining / granted))


def _at(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _stroke(colour: str) -> str:
    return f'fill="none" stroke="var({colour})"'
