"""Grants and entries: one transaction a move, append-only, on SQLite or PostgreSQL.

SQLAlchemy is imported when `Ledger` or `LedgerView` is first asked for: importing this package stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily
from .tables.op import new_op as new_op

if TYPE_CHECKING:
    from .book import Ledger as Ledger
    from .moves.pools import Member as Member
    from .reads.audit import Verification as Verification
    from .reads.cells import CellSpending as CellSpending
    from .reads.cells import NotebookSpending as NotebookSpending
    from .reads.fates import Fate as Fate
    from .reads.months import MonthFigures as MonthFigures
    from .reads.people import KnownAccount as KnownAccount
    from .reads.spending import QUARTER as QUARTER
    from .reads.unsettled import Unsettled as Unsettled
    from .tables.reading import CALL_COLUMNS as CALL_COLUMNS
    from .view import LedgerView as LedgerView

__getattr__, __all__ = lazily(
    __name__,
    {
        ".tables.reading": "CALL_COLUMNS",
        ".reads.cells": "CellSpending NotebookSpending",
        ".reads.fates": "Fate",
        ".reads.people": "KnownAccount",
        ".book": "Ledger",
        ".view": "LedgerView",
        ".moves.pools": "Member",
        ".reads.months": "MonthFigures",
        ".reads.spending": "QUARTER",
        ".reads.unsettled": "Unsettled",
        ".reads.audit": "Verification",
    },
    "new_op",
)
