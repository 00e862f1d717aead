"""Grants and entries: one transaction a move, append-only, on SQLite or PostgreSQL.

SQLAlchemy is imported when `Ledger` or `LedgerView` is first asked for: importing this package stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .tables.op import new_op

if TYPE_CHECKING:
    from .book import Ledger
    from .moves.pools import Member
    from .reads.audit import Verification
    from .reads.cells import CellSpending, NotebookSpending
    from .reads.fates import Fate
    from .reads.months import MonthFigures
    from .reads.people import KnownAccount
    from .reads.spending import QUARTER
    from .reads.unsettled import Unsettled
    from .tables.reading import CALL_COLUMNS
    from .view import LedgerView

__all__ = [
    "CALL_COLUMNS", "QUARTER", "CellSpending", "Fate", "KnownAccount", "Ledger", "LedgerView", "Member",
    "MonthFigures", "NotebookSpending", "Unsettled", "Verification", "new_op",
]  # fmt: skip

_HOMES = {
    "CALL_COLUMNS": ".tables.reading",
    "CellSpending": ".reads.cells",
    "Fate": ".reads.fates",
    "KnownAccount": ".reads.people",
    "Ledger": ".book",
    "LedgerView": ".view",
    "Member": ".moves.pools",
    "MonthFigures": ".reads.months",
    "NotebookSpending": ".reads.cells",
    "QUARTER": ".reads.spending",
    "Unsettled": ".reads.unsettled",
    "Verification": ".reads.audit",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
