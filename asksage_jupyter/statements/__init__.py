"""A month or another time on one page: what was given, spent, expired, corrected; does the ledger add up."""

from __future__ import annotations

from .. import month
from ..session import current
from ..span import When, dated, span
from .forms import Statement
from .gather import gather

__all__ = ["Statement", "statement"]


def statement(period: str | None = None, since: When | None = None, until: When | None = None) -> Statement:
    """State a time of the current account on both meters, with the ledger's verification at the foot.

    Read from the ledger alone: neither a key nor a network is needed. Verifying reads the whole ledger.

    Parameters
    ----------
    period : str, optional
        A month like ``"2026-10"``, in the account's time zone; this month when nothing is given.
    since, until : date, datetime or str, optional
        Instead of a month, as of `usage`: from the first day through the last, of any length. A call belongs
        to the time in which it was held; what is left at the end is brought forward into the next.

    Returns
    -------
    Statement
        Shows itself in a notebook; ``.to_markdown()``, ``.to_html()`` and ``.to_csv()``.

    Raises
    ------
    BadInput
        `period` is no month, or a bound is no day or time.
    LedgerError
        The ledger cannot be read.
    """
    session = current()
    account = session.account
    if since is None and until is None:
        named = None if period is None else month.named(period)
        return gather(session.ledger, account, named)
    since, until = (dated(when, session.clock(), account.zone) for when in (since, until))
    return gather(session.ledger, account, span(period, since, until, account.zone))
