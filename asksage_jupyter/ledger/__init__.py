"""Grants and entries: one transaction a move, append-only, on SQLite or PostgreSQL.

SQLAlchemy is imported when `Ledger` or `LedgerView` is first asked for: importing this package stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .op import new_op

if TYPE_CHECKING:
    from .audit import Verification
    from .book import Ledger
    from .cells import CellSpending, NotebookSpending
    from .months import MonthFigures
    from .people import Known
    from .pools import Member
    from .reading import CALL_COLUMNS
    from .spending import QUARTER
    from .unsettled import Unsettled
    from .view import LedgerView

__all__ = [
    "CALL_COLUMNS", "QUARTER", "CellSpending", "Known", "Ledger", "LedgerView", "Member",
    "MonthFigures", "NotebookSpending", "Unsettled", "Verification", "new_op",
]  # fmt: skip

_HOMES = {
    "CALL_COLUMNS": ".reading",
    "CellSpending": ".cells",
    "Known": ".people",
    "Ledger": ".book",
    "LedgerView": ".view",
    "Member": ".pools",
    "MonthFigures": ".months",
    "NotebookSpending": ".cells",
    "QUARTER": ".spending",
    "Unsettled": ".unsettled",
    "Verification": ".audit",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
