"""A pool's month as a text and as a page."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

from ..display.dates import day
from ..files import writing
from ..session import given
from . import page
from .figures import PoolMonth


@dataclass(frozen=True, slots=True)
class TeamReport(PoolMonth):
    """A `PoolMonth` that shows itself."""

    def to_html(self) -> str:
        """A page to send: members, caps, codes, days and the forecast, in the reader's own light or dark."""
        return page.document(self)

    def save(self, path: str | Path) -> None:
        """Write the page to a file.

        Raises
        ------
        BadInput
            It cannot be written.
        """
        wanted = given.path(path, "the file")
        with writing(wanted):
            wanted.write_text(self.to_html(), encoding="utf-8")

    def __str__(self) -> str:
        parts = [f"pool {self.pool}"]
        tables, paces = self.members, {pace.meter: pace for pace in self.paces}
        for meter in self.meters:
            parts.append(f"{meter} · resets {day(meter.resets_at, year=True)}")
            if (pace := paces.get(meter.meter)) is not None:
                parts.append(f"  {pace.told}")
            if (table := tables.get(meter.meter)) is not None:
                parts.append(textwrap.indent(str(replace(table, caption="")), "  "))
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        return page.fragment(self)
