"""Rows of the ledger as a DataFrame of fixed columns and dtypes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy
import pandas

from ..account import Meter, Source, Status
from .schema import CATEGORY, HOLDER, INSTANT, LISTED, SCHEMA, TEXT

Rows = Sequence[Sequence[Any]]

# Closed sets have all their members as categories, however few of them occur.
CLOSED: dict[str, tuple[str, ...]] = {
    name: tuple(str(member) for member in members)
    for name, members in (("meter", Meter), ("source", Source), ("status", Status))
}


def frame(calls: Rows) -> pandas.DataFrame:
    """The ledger's rows as a DataFrame; the same columns and dtypes however few they are.

    Parameters
    ----------
    calls : sequence of tuple, shape (calls, len(CALL_COLUMNS))
        As `Ledger.calls` returns them.
    """
    values: Iterable[Sequence[Any]] = zip(*calls, strict=True) if calls else [()] * len(LISTED)
    columns = {
        column.name: _column(column.name, column.dtype, found)
        for column, found in zip(LISTED, values, strict=True)
    }
    return pandas.DataFrame({name: columns[name] for name in SCHEMA.names}, copy=False)


def held_by(calls: pandas.DataFrame, holders: Sequence[tuple[str, int]]) -> pandas.DataFrame:
    """The same frame with the column `holder`, of whom so many rows each follow one another."""
    names = labels(name for name, many in holders if many)
    codes = numpy.repeat(
        names.get_indexer(pandas.Index([name for name, _ in holders], dtype="str")),
        [many for _, many in holders],
    )
    calls[HOLDER.name] = pandas.Categorical.from_codes(codes, categories=names)
    return calls


def labels(names: Iterable[str]) -> pandas.Index[Any]:
    """Categories, sorted, of the same dtype however few they are."""
    return pandas.Index(sorted(set(names)), dtype="str")


def categories(name: str, found: Iterable[str]) -> pandas.Index[Any]:
    """The categories of a column: all members of a closed set, else what occurs."""
    if members := CLOSED.get(name):
        return pandas.Index(members, dtype="str")
    return labels(found)


def _column(name: str, dtype: str, values: Sequence[Any]) -> Any:
    if dtype == INSTANT:
        instants = numpy.array(values, dtype="datetime64[us]")  # pandas 2 would make nanoseconds of it
        return pandas.DatetimeIndex(instants, tz="UTC")
    if dtype == CATEGORY:
        found = categories(name, (value for value in values if value is not None))
        return pandas.Categorical(values, categories=found)
    kind: Any = text() if dtype == TEXT else dtype
    return pandas.array(values, dtype=kind)


def text() -> Any:
    """Strings that Arrow keeps where it is there: ten million take no time."""
    try:
        return pandas.StringDtype("pyarrow")
    except ImportError:
        return pandas.StringDtype("python")
