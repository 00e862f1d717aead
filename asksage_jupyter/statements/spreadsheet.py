"""A statement as CSV: one figure a row, for a spreadsheet or pandas."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ..display.plain import no_formula

if TYPE_CHECKING:
    from .months import AccountMonth

COLUMNS = ("period", "meter", "section", "name", "calls", "tokens")
_FIGURES = ("brought", "granted", "topped_up", "used", "corrections", "held", "expired", "remaining")


def render(statement: AccountMonth) -> str:
    """All figures; in the section ``month`` those of the account, below it the calls by each grouping."""
    text = io.StringIO()
    write = csv.writer(text).writerow
    write(COLUMNS)
    for month in statement.meters:
        about = (statement.period, month.meter.value)
        many = {"used": month.calls, "held": month.figures.open_holds}
        for name in _FIGURES:
            tokens = getattr(month.figures, name)
            is_told = month.figures.is_known or name not in ("granted", "remaining")
            write((*about, "month", name, many.get(name), tokens if is_told else None))
        for group, parts in month.groups.items():
            for part in parts:
                write((*about, group, part.name and no_formula(part.name), part.calls, part.tokens))
    return text.getvalue()
