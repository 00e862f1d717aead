"""A pool's month: its members and their caps, how long it lasts, and what it went to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import month
from ..account import Balance, Meter, MeterBalance
from ..display.dates import day
from ..display.table import Table

if TYPE_CHECKING:
    from ..forecast import Pace
    from ..ledger import Member
    from .parts import Division


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One member's month on one meter, in Ask Sage tokens.

    Attributes
    ----------
    cap : int or None
        None where only the pool's own limit counts.
    used, held : int
        From the pool.
    granted : str
        What is left of what they were granted beside their cap, and until when.
    """

    meter: Meter
    holder: str
    used: int
    held: int
    cap: int | None
    has_left: bool
    granted: str = ""


@dataclass(frozen=True, slots=True)
class PoolMonth:
    """A pool's month.

    Attributes
    ----------
    pool : str
    balance : Balance
        What the pool has.
    rows : tuple of MemberRow
        Members, by meter and name; those who left as long as they used something.
    paces : tuple of Pace
        How long the pool lasts, of each meter that it has tokens of.
    divisions : tuple of Division
        What the calls went to, by model and by each billing code.
    """

    pool: str
    balance: Balance
    rows: tuple[MemberRow, ...]
    paces: tuple[Pace, ...] = ()
    divisions: tuple[Division, ...] = ()

    @property
    def meters(self) -> tuple[MeterBalance, ...]:
        """What the pool has, of the meters that it has tokens of."""
        return tuple(each for each in self.balance.meters if each.granted is not None)

    @property
    def foot(self) -> str:
        """Of where and when it is."""
        account = self.balance.account
        return f"{account.host} · months of {account.zone} · {self.balance.changed_words()}".rstrip(" ·")

    @property
    def members(self) -> dict[Meter, Table]:
        """The members of each meter that has any."""
        shown = [row for row in self.rows if not row.has_left or row.used]
        by_meter = {meter.meter: [row for row in shown if row.meter is meter.meter] for meter in self.meters}
        return {meter: _table(meter, rows) for meter, rows in by_meter.items() if rows}


def row_of(meter: Meter, member: Member, zone: str) -> MemberRow:
    """A member as a row of the report."""
    granted = ", ".join(
        f"{each.left:,} until {day(month.local_day(each.ends - 1, zone))}" for each in member.granted
    )
    name = member.account.holder
    return MemberRow(meter, name, member.used, member.held, member.cap, member.has_left, granted)


def _table(meter: Meter, rows: Sequence[MemberRow]) -> Table:
    whole = sum(row.used for row in rows)
    has_granted = any(row.granted for row in rows)
    head = ("member", "used", "held", "cap", *(["granted"] * has_granted), "share")
    shares = [row.used / whole if whole > 0 else 0.0 for row in rows]
    cells = [_cells(row, whole, has_granted=has_granted) for row in rows]
    return Table(head, cells, shares=shares, caption=f"{meter.capitalize()} by member")


def _cells(row: MemberRow, whole: int, *, has_granted: bool) -> tuple[str, ...]:
    cap = "left" if row.has_left else "none" if row.cap is None else f"{row.cap:,}"
    share = f"{row.used / whole:.0%}" if whole > 0 else ""
    granted = [row.granted] if has_granted else []
    return row.holder, f"{row.used:,}", f"{row.held:,}", cap, *granted, share
