"""A month's summary, short enough to be pasted into a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...display.dates import day
from ...month import to_datetime

if TYPE_CHECKING:
    from ...forecast import Pace
    from ...ledger import MonthFigures


def summary(title: str, months: Sequence[MonthFigures], paces: Sequence[Pace], now: int) -> str:
    """Both meters of a month as a table of Markdown, with what its pace means.

    Parameters
    ----------
    months : sequence of MonthFigures
        Inference and training, of the same month.
    paces : sequence of Pace
        Of the meters that have one; empty for a month that is over.
    now : int
        Microseconds UTC.
    """
    rows = {
        "Granted": [_known(month, month.given) for month in months],
        "Used": [f"{month.used:,}" for month in months],
        "Held": [f"{month.held:,}" for month in months],
        "Left": [_known(month, month.remaining) for month in months],
    }
    if any(month.expired for month in months):
        rows["Expired"] = [f"{month.expired:,}" for month in months]
    as_of = to_datetime(now)
    return "\n".join(
        [
            f"**Ask Sage tokens, {months[0].period}** · {title}",
            "",
            "| | inference | training |",
            "|:--|--:|--:|",
            *(f"| {label} | {' | '.join(cells)} |" for label, cells in rows.items()),
            "",
            *(f"- {pace.meter.capitalize()}: {pace.told}" for pace in paces),
            f"- As of {day(as_of, year=True)} {as_of:%H:%M} UTC",
            "",
        ]
    )


def _known(month: MonthFigures, tokens: int) -> str:
    return f"{tokens:,}" if month.is_known else "not known"
