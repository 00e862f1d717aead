"""A pool's month as a table of its members."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..account import Meter, MeterBalance
from ..display.dates import day
from ..display.table import Table

if TYPE_CHECKING:
    from ..ledger import Member


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One member's month on one meter, in Ask Sage tokens.

    Attributes
    ----------
    cap : int or None
        None where only the pool's own limit counts.
    used, held : int
        From the pool.
    """

    meter: Meter
    holder: str
    used: int
    held: int
    cap: int | None
    has_left: bool


@dataclass(frozen=True, slots=True)
class TeamReport:
    """A pool's month.

    Attributes
    ----------
    pool : str
    meters : tuple of MeterBalance
        What the pool has, of the meters that it has tokens of.
    rows : tuple of MemberRow
        Members, by meter and name; those who left as long as they used something.
    """

    pool: str
    meters: tuple[MeterBalance, ...]
    rows: tuple[MemberRow, ...]

    def __str__(self) -> str:
        parts = [f"pool {self.pool}"]
        for meter in self.meters:
            rows = [row for row in self.rows if row.meter is meter.meter and (not row.has_left or row.used)]
            parts.append(f"{meter} · resets {day(meter.resets_at, year=True)}")
            if rows:
                whole = sum(row.used for row in rows)
                table = Table(_HEAD, [_cells(row, whole) for row in rows])
                parts.append(textwrap.indent(str(table), "  "))
        return "\n".join(parts)


_HEAD = ("member", "used", "held", "cap", "share")


def row_of(meter: Meter, member: Member) -> MemberRow:
    """A member as a row of the report."""
    return MemberRow(meter, member.account.holder, member.used, member.held, member.cap, member.has_left)


def _cells(row: MemberRow, whole: int) -> tuple[str, ...]:
    cap = "left" if row.has_left else "none" if row.cap is None else f"{row.cap:,}"
    share = f"{row.used / whole:.0%}" if whole > 0 else ""
    return row.holder, f"{row.used:,}", f"{row.held:,}", cap, share
