"""The figures of a statement, read from the ledger and grouped."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ..account import Meter
from .sheet import GROUPINGS, MeterMonth, Section, Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..account import Account
    from ..ledger import Ledger


def gather(ledger: Ledger, account: Account, period: str | None) -> Statement:
    """State `period`; both meters are of the same month, also where one ends while they are read."""
    meters: list[MeterMonth] = []
    for meter in Meter:
        figures, calls = ledger.month_with_calls(account, meter, period)
        period = figures.period
        groups = {name: parts_by(name, calls) for name in GROUPINGS}
        meters.append(MeterMonth(meter, figures, len(calls), groups))
    return Statement(account, ledger.balance(account).title, tuple(meters), ledger.verify())


def parts_by(name: str, calls: Sequence[Sequence[Any]]) -> tuple[Section, ...]:
    """The calls' tokens by one of their columns, the most first."""
    from ..ledger import CALL_COLUMNS

    column, figure = CALL_COLUMNS.index(name), CALL_COLUMNS.index("tokens")
    tokens: dict[str | None, list[int]] = defaultdict(list)
    for call in calls:
        tokens[call[column]].append(call[figure])
    parts = (Section(value, len(found), sum(found)) for value, found in tokens.items())
    return tuple(sorted(parts, key=lambda part: (-part.tokens, part.name is None, part.name or "")))
