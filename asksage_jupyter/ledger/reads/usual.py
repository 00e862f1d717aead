"""What an account's calls usually cost: the model that it asks most, and the middle of those calls' bills."""

from __future__ import annotations

from collections import defaultdict
from statistics import median_low
from typing import NamedTuple

from sqlalchemy import Connection

from ...account import Account, Meter
from ..tables.reading import CALL_COLUMNS, recent

_LATEST = 200  # calls that tell what is usual now
_MODEL, _METER, _TOKENS = map(CALL_COLUMNS.index, ("model", "meter", "tokens"))


class UsualCall(NamedTuple):
    """The model that is asked most, and the median of what its calls cost, in Ask Sage tokens."""

    model: str
    tokens: int


def usual_call(connection: Connection, holder: Account, meter: Meter) -> UsualCall | None:
    """Of a meter's latest calls; None where there are none that cost anything."""
    costs: dict[str, list[int]] = defaultdict(list)
    for row in recent(connection, holder, (), None, None, _LATEST):
        if row[_METER] == meter.value and row[_TOKENS] > 0:
            costs[row[_MODEL]].append(row[_TOKENS])
    if not costs:
        return None
    model = max(costs, key=lambda name: (len(costs[name]), name))
    return UsualCall(model, median_low(costs[model]))
