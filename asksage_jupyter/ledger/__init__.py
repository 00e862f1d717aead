"""Grants and entries: one transaction a move, append-only, on SQLite.

SQLAlchemy is imported when `Ledger` is first asked for, so that importing this package stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .op import new_op

if TYPE_CHECKING:
    from .audit import Verification
    from .book import Ledger
    from .months import MonthFigures
    from .reading import CALL_COLUMNS
    from .unsettled import Unsettled

__all__ = ["CALL_COLUMNS", "Ledger", "MonthFigures", "Unsettled", "Verification", "new_op"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import audit, book, months, reading, unsettled

    return {
        "CALL_COLUMNS": reading.CALL_COLUMNS,
        "Ledger": book.Ledger,
        "MonthFigures": months.MonthFigures,
        "Unsettled": unsettled.Unsettled,
        "Verification": audit.Verification,
    }[name]
