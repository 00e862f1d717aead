"""The figures of a statement, read from the ledger and grouped."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ..account import Meter, tags
from .forms import Statement
from .sheet import GROUPINGS, MeterMonth, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..account import Account
    from ..ledger import Ledger
    from ..span import Span


def gather(ledger: Ledger, account: Account, period: str | Span | None) -> Statement:
    """State `period`; both meters are of the same month, also where one ends while they are read."""
    meters: list[MeterMonth] = []
    for meter in Meter:
        figures, calls = ledger.month_with_calls(account, meter, period)
        period = figures.period if period is None else period
        groups = {name: parts_by(name, calls) for name in GROUPINGS} | codes(calls)
        meters.append(MeterMonth(meter, figures, len(calls), groups))
    return Statement(account, ledger.balance(account).title, tuple(meters), ledger.verify())


def parts_by(name: str, calls: Sequence[Sequence[Any]]) -> tuple[Section, ...]:
    """The calls' tokens by one of their columns, the most first."""
    from ..ledger import CALL_COLUMNS

    column = CALL_COLUMNS.index(name)
    return _sections([call[column] for call in calls], calls)


def codes(calls: Sequence[Sequence[Any]]) -> dict[str, tuple[Section, ...]]:
    """The same by each billing code that any of the calls has, like ``tag:wbs``."""
    from ..ledger import CALL_COLUMNS

    column = CALL_COLUMNS.index("tags")
    read = {text: tags.read(text) for text in {call[column] for call in calls}}
    names = sorted({name for found in read.values() for name in found})
    return {
        f"{tags.PREFIX}{name}": _sections([read[call[column]].get(name) for call in calls], calls)
        for name in names
    }


def _sections(names: Sequence[str | None], calls: Sequence[Sequence[Any]]) -> tuple[Section, ...]:
    from ..ledger import CALL_COLUMNS

    figure = CALL_COLUMNS.index("tokens")
    tokens: dict[str | None, list[int]] = defaultdict(list)
    for name, call in zip(names, calls, strict=True):
        tokens[name].append(call[figure])
    parts = (Section(value, len(found), sum(found)) for value, found in tokens.items())
    return tuple(sorted(parts, key=lambda part: (-part.tokens, part.name is None, part.name or "")))
