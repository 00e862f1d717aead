"""The figures of a statement, read from the ledger and divided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..account import Meter
from .forms import Statement
from .months import GROUPINGS, MeterMonth

if TYPE_CHECKING:
    from ..account import Account
    from ..ledger import Ledger
    from ..span import Span


def gather(ledger: Ledger, account: Account, period: str | Span | None) -> Statement:
    """State `period`; both meters are of the same month, also where one ends while they are read."""
    from ..ledger.reads.divided import by_code, by_column

    meters: list[MeterMonth] = []
    for meter in Meter:
        figures, calls = ledger.month_with_calls(account, meter, period)
        period = figures.period if period is None else period
        groups = {name: by_column(name, calls) for name in GROUPINGS} | by_code(calls)
        meters.append(MeterMonth(meter, figures, len(calls), groups))
    return Statement(account, ledger.balance(account).title, tuple(meters), ledger.verify())
