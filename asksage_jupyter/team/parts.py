"""What a pool's calls went to, by model and by each billing code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..account import Meter
    from ..ledger import Ledger, Member
    from ..ledger.reads.divided import Section


@dataclass(frozen=True, slots=True)
class Division:
    """A meter's calls by ``"model"`` or by a code like ``"tag:wbs"``, the most tokens first."""

    meter: Meter
    by: str
    parts: tuple[Section, ...]


def divisions(
    ledger: Ledger, members: Iterable[Member], meter: Meter, since: int, until: int
) -> list[Division]:
    """The calls that members sent within the bounds since they joined, in microseconds UTC."""
    from ..ledger import CALL_COLUMNS
    from ..ledger.reads.divided import by_code, by_column

    column = CALL_COLUMNS.index("meter")
    calls = [
        row
        for member in members
        for row in ledger.calls(member.account, since=max(since, member.since), until=until)
        if row[column] == meter
    ]
    if not calls:
        return []
    found = {"model": by_column("model", calls)} | by_code(calls)
    return [Division(meter, by, parts) for by, parts in found.items()]
