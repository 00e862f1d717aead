"""What one notebook's calls used, in all and cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from sqlalchemy import Connection, Select, func, select

from ...account import Account, Meter
from ..tables.reading import CALL_COLUMNS, calls_statement
from ..tables.schema import account, call

_MODEL = CALL_COLUMNS.index("model")


@dataclass(frozen=True, slots=True)
class CellSpending:
    """One cell's calls.

    Attributes
    ----------
    tokens : int
        Ask Sage tokens, in all.
    calls : int
    model : str
        That answered last.
    sent_at : int
        When it was asked last, in microseconds UTC.
    """

    cell: str
    tokens: int
    calls: int
    model: str
    sent_at: int


@dataclass(frozen=True, slots=True)
class NotebookSpending:
    """One notebook's calls.

    Attributes
    ----------
    tokens, calls : int
        Of all its calls, those too that tell no cell.
    cells : tuple of CellSpending
        The dearest, most tokens first.
    """

    tokens: int
    calls: int
    cells: tuple[CellSpending, ...]

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """One notebook's, from the names that it had one after the other; the latest first."""
        cells: dict[str, CellSpending] = {}
        for each in (cell for part in parts for cell in part.cells):
            known = cells.setdefault(each.cell, each)
            if known is not each:
                tokens, calls = known.tokens + each.tokens, known.calls + each.calls
                cells[each.cell] = replace(known, tokens=tokens, calls=calls)
        dearest = sorted(cells.values(), key=lambda cell: (-cell.tokens, cell.cell))
        return cls(sum(part.tokens for part in parts), sum(part.calls for part in parts), tuple(dearest))


def notebook_spending(
    connection: Connection, holder: Account, meter: Meter, notebook: str, since: int, until: int, limit: int
) -> NotebookSpending:
    """Sum up the calls of a meter that `notebook` sent within the bounds."""
    of_notebook = (account.c.meter == meter.value, call.c.notebook == notebook)
    rows = connection.execute(_by_cell(calls_statement(holder, since, until).where(*of_notebook)))
    parts = [(cell, int(tokens), calls, sent_at) for cell, tokens, calls, sent_at in rows]
    dearest = sorted((part for part in parts if part[0]), key=lambda part: (-part[1], part[0]))[:limit]
    cells = []
    for cell, tokens, calls, sent_at in dearest:
        latest = calls_statement(holder, sent_at, sent_at + 1).where(*of_notebook, call.c.cell == cell)
        model = connection.execute(latest.limit(1)).one()[_MODEL]
        cells.append(CellSpending(cell, tokens, calls, model, sent_at))
    return NotebookSpending(sum(part[1] for part in parts), sum(part[2] for part in parts), tuple(cells))


def _by_cell(calls: Select[Any]) -> Select[Any]:
    found = calls.order_by(None).subquery()
    column = dict(zip(CALL_COLUMNS, found.c, strict=True))
    return select(
        column["cell"], func.sum(column["tokens"]), func.count(), func.max(column["sent_at"])
    ).group_by(column["cell"])
