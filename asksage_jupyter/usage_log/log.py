"""The usage log of the current account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..account import Meter
from ..session import current, given
from ..span import When, dated, span
from .calls import Calls
from .reading import read
from .schema import SCHEMA

if TYPE_CHECKING:
    import pandas


def usage(
    period: str | None = None,
    since: When | None = None,
    until: When | None = None,
    meter: str | None = None,
    all_holders: bool = False,
) -> pandas.DataFrame:
    """Every settled call of the current account, one a row, in the order they were sent.

    Read from the ledger alone: neither a key nor a network is needed. From 50,000 calls in months that are
    over, these are sealed once in a folder beside the ledger, where PyArrow is installed; ten million calls
    are then there in a second or two. Without it the same frame comes slower.

    Parameters
    ----------
    period : str, optional
        A month like ``"2026-11"``, in the account's time zone; all months when nothing is given.
    since, until : date, datetime or str, optional
        Instead of a month: a day, which is meant whole, or a time, at which `until` ends. Both in ISO form
        where they are strings, or ``"today"`` or ``"yesterday"``; and in the account's time zone where they
        have none of their own.
    meter : str, optional
        ``"inference"`` or ``"training"``, whose tokens are not to be added up; both when absent.
    all_holders : bool
        Of everybody whose tokens this ledger counts on the same host, one after another; adds the column
        ``holder``.

    Returns
    -------
    pandas.DataFrame, shape (calls, 19)
        It shows itself in the account's time zone and with the names of its cells, a long one in part;
        as data it is what follows. ``usage.schema`` tells each column's meaning, unit and dtype. ``tokens``
        is what was debited and ``estimate`` what was expected before, in Ask Sage tokens; ``input_tokens``
        and ``output_tokens`` are model tokens; ``sent_at`` is UTC. What is not known is NA, which
        ``groupby`` leaves out unless told
        ``dropna=False``. ``.asksage`` groups, forecasts, compares and exports.

    Raises
    ------
    BadInput
        A period, day or meter that is none.
    LedgerError
        The ledger cannot be read.
    """
    session = current()
    account, ledger = session.account, session.ledger
    since, until = (dated(when, session.clock(), account.zone) for when in (since, until))
    first, last = span(period, since, until, account.zone)
    accounts = [account]
    if given.yes(all_holders, "all_holders"):
        known = (each.account for each in ledger.accounts() if each.account.host == account.host)
        accounts = sorted(known, key=lambda each: each.holder)
    wanted = None if meter is None else Meter.named(meter)
    calls = read(ledger, accounts, first, last, now=session.clock(), meter=wanted, with_holder=all_holders)
    return Calls.of(calls, account.zone, ledger.folder)


usage.schema = SCHEMA  # type: ignore[attr-defined]
