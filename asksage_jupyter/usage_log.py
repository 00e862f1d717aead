"""The settled calls of the account as a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import month
from .account import Meter, Source, Status
from .session import current

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from enum import StrEnum

    import pandas

# Closed sets become categories; open ones stay strings, which merge, group and concatenate without care.
_CLOSED: dict[str, type[StrEnum]] = {"meter": Meter, "source": Source, "status": Status}
_FIGURES = frozenset({"input_tokens", "output_tokens", "tokens", "estimate", "duration_ms"})


def usage(period: str | None = None) -> pandas.DataFrame:
    """Every settled call of the current account, one a row, in the order they were sent.

    Read from the ledger alone: neither a key nor a network is needed.

    Parameters
    ----------
    period : str, optional
        A month like ``"2026-11"``, in the account's time zone; all months when absent.

    Returns
    -------
    pandas.DataFrame, shape (calls, 16)
        ``tokens`` is what was debited and ``estimate`` what was expected before, in Ask Sage tokens, both of
        the ``meter``; ``input_tokens`` and ``output_tokens`` are model tokens; ``source`` says where
        ``tokens`` comes from; ``sent_at`` is UTC; ``duration_ms`` is milliseconds. What is not known is NA,
        which ``groupby`` leaves out unless told ``dropna=False``.

    Raises
    ------
    BadInput
        `period` is no month.
    LedgerError
        The ledger cannot be read.
    """
    session = current()
    since, until = (None, None) if period is None else month.bounds(period, session.account.zone)
    return frame(session.ledger.calls(session.account, since=since, until=until))


def frame(calls: Sequence[Sequence[Any]]) -> pandas.DataFrame:
    """The ledger's rows as a DataFrame; the same columns and dtypes however few they are.

    Parameters
    ----------
    calls : sequence of tuple, shape (calls, len(CALL_COLUMNS))
        As `Ledger.calls` returns them.
    """
    import pandas

    from .ledger import CALL_COLUMNS

    values: Iterable[Sequence[Any]] = zip(*calls, strict=True) if calls else [()] * len(CALL_COLUMNS)
    return pandas.DataFrame(
        {name: _column(name, column) for name, column in zip(CALL_COLUMNS, values, strict=True)}
    )


def _column(name: str, values: Sequence[Any]) -> pandas.Series[Any]:
    import numpy
    import pandas

    if name == "sent_at":
        instants = numpy.array(values, dtype="datetime64[us]")  # pandas 2 would make nanoseconds of it
        return pandas.Series(pandas.DatetimeIndex(instants, tz="UTC"))
    if closed := _CLOSED.get(name):
        return pandas.Series(pandas.Categorical(values, categories=[str(value) for value in closed]))
    return pandas.Series(values, dtype="Int64" if name in _FIGURES else "string")
