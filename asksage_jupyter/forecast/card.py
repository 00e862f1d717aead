"""A pace for people: as text, and as a card with a small picture of the month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from ..display.markup import LINE, SOLID, WARNING, card, fill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from .pace import Pace

_WIDTH, _HEIGHT = 240, 60
_EVEN = "var(--jp-ui-font-color2,#616161)"


def text(pace: Pace) -> str:
    """The sentences, and the figures below them."""
    return "\n".join([f"{pace.meter}: {_sentences(pace)}", f"  {_figures(pace)}"])


def html(pace: Pace) -> Markup:
    """The same as a card; colours are the theme's own."""
    return card(pace.meter.capitalize(), _sentences(pace), _picture(pace), foot=[_figures(pace)])


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


def _picture(pace: Pace) -> Markup | str:
    """The month as a curve of what is used: the even line, now, and the band in which it goes on."""
    if not pace.granted or pace.remaining is None or not pace.even:
        return ""
    even = _course(pace, [1 - share for share in pace.even])
    used = _course(pace, [1 - used / pace.granted for used in pace.course])
    now = _x(pace, pace.as_of), _y(pace.remaining, pace.granted)
    return fill(
        '<svg role="img" aria-label="{}" viewBox="-4 -4 {} {}" '
        'style="display:block;width:17em;margin:.3em 0">'
        '{}{}{}{}<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/></svg>',
        _alternative(pace, pace.granted, pace.remaining), _WIDTH + 8, _HEIGHT + 8,
        _line(f"M0,0H{_WIDTH}V{_HEIGHT}H0", LINE),
        _line(even, _EVEN, dashed=True),
        _line(f"{used}L{_at(now)}", SOLID, thick=True),
        _band(pace, now, pace.granted) if pace.remaining > 0 else "",
        *now, SOLID,
    )  # fmt: skip


def _alternative(pace: Pace, granted: int, remaining: int) -> str:
    even = int(granted * pace.even[pace.as_of.day - 1])
    return f"{granted - remaining:,} of {granted:,} used or held; used evenly, it would be {even:,} by today."


def _course(pace: Pace, left: Sequence[float]) -> str:
    """From the month's first moment, what share is left at the end of each day."""
    width = _WIDTH / pace.last_day.day
    ends = ((width * (day + 1), _HEIGHT * min(1.0, max(0.0, share))) for day, share in enumerate(left))
    return f"M0,{_HEIGHT}" + "".join(f"L{_at(end)}" for end in ends)


def _band(pace: Pace, now: tuple[float, float], granted: int) -> Markup | str:
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
    colour = SOLID if pace.lasts else WARNING
    band = f"M{_at(now)}L{_at(low)}{corner}L{_at(high)}Z"
    return fill(
        '<path d="{}" fill="{}" opacity=".3"/>{}',
        band, colour, _line(f"M{_at(now)}L{_at(middle)}", colour, thick=True),
    )  # fmt: skip


def _x(pace: Pace, day: date) -> float:
    """The middle of the day."""
    return _WIDTH * (day.day - 0.5) / pace.last_day.day


def _y(remaining: int, granted: int) -> float:
    """At the bottom while nothing is used; at the top when nothing remains."""
    return _HEIGHT * min(1.0, max(0.0, remaining / granted))


def _at(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _line(path: str, colour: str, *, thick: bool = False, dashed: bool = False) -> Markup:
    look = "stroke-width:2" if thick else "stroke-dasharray:3 3" if dashed else ""
    return fill('<path d="{}" fill="none" stroke="{}" style="{}"/>', path, colour, look)
