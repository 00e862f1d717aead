"""A usage log with the dtypes that ``usage()`` gives, from whatever file or library it comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas

from ..errors import BadInput
from .schema import CATEGORY, FIGURE, HOLDER, INSTANT, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

_DTYPES = {column.name: column.dtype for column in (*SCHEMA, HOLDER)}


def as_logged(calls: pandas.DataFrame) -> pandas.DataFrame:
    """The same calls; strings, NumPy's, nullable and Arrow's columns become what they were in the log.

    Raises
    ------
    BadInput
        A column holds what cannot be that.
    """
    changed: dict[str, pandas.Series] = {}
    for name in calls:
        dtype = _DTYPES.get(str(name), "")
        if dtype in _READERS and str(calls[name].dtype) != dtype:
            try:
                changed[str(name)] = _READERS[dtype](calls[name])
            except (TypeError, ValueError):
                raise BadInput(
                    f"{name!r} of this usage log is no {dtype}: take what asksage_jupyter.usage() returns"
                ) from None
    return calls.assign(**changed) if changed else calls


def _instants(column: pandas.Series) -> pandas.Series:
    # Arrow's times know their zone, and some pandas forget it when they take an hour or a day of them.
    if not isinstance(column.dtype, pandas.DatetimeTZDtype):
        column = column.astype(object)
    return pandas.to_datetime(column, utc=True, format="ISO8601").dt.as_unit("us")


def _figures(column: pandas.Series) -> pandas.Series:
    return column.astype(object).where(column.notna(), pandas.NA).astype("Int64")


def _names(column: pandas.Series) -> pandas.Series:
    if isinstance(column.dtype, pandas.CategoricalDtype) and column.cat.categories.dtype == object:
        return column
    return column.astype(object).where(column.notna(), None).astype("category")


_READERS: dict[str, Callable[[pandas.Series], pandas.Series]] = {
    CATEGORY: _names,
    FIGURE: _figures,
    INSTANT: _instants,
}
