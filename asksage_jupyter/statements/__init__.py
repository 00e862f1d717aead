"""The month on one page: what was given, spent, expired and corrected, and that the ledger adds up."""

from __future__ import annotations

from .. import month
from ..session import current
from .gather import gather
from .sheet import Statement

__all__ = ["Statement", "statement"]


def statement(period: str | None = None) -> Statement:
    """State a month of the current account on both meters, with the ledger's verification at the foot.

    Read from the ledger alone: neither a key nor a network is needed. Verifying reads the whole ledger.

    Parameters
    ----------
    period : str, optional
        A month like ``"2026-10"``, in the account's time zone; this month when absent.

    Returns
    -------
    Statement
        Shows itself in a notebook; ``.to_markdown()``, ``.to_html()`` and ``.to_csv()``.

    Raises
    ------
    BadInput
        `period` is no month.
    LedgerError
        The ledger cannot be read.
    """
    session = current()
    return gather(session.ledger, session.account, None if period is None else month.named(period))
