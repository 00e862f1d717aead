"""The rows of a list, a column or an array, without those that are missing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import BadInput
from .. import given


def rows_of(source: Any) -> list[Any]:
    """What is there in `source`, in its order: texts, numbers and paths.

    None, nan (of Python, NumPy, decimals), NaT, pandas.NA, an Arrow null and what an array masks are missing,
    in every container alike; the word "nan" is a text.

    Raises
    ------
    BadInput
        `source` is a table, a mapping or no container; or one of its rows is itself a container.
    """
    if hasattr(source, "columns") or getattr(source, "ndim", 1) > 1:
        raise BadInput("a whole table was given: choose the column of its text, such as frame['text']")
    if source is None:
        return []
    is_many = isinstance(source, Iterable) and getattr(source, "ndim", 1) == 1
    if isinstance(source, bytes | bytearray | memoryview | Mapping) or not is_many:
        raise BadInput(
            f"a {type(source).__name__} cannot be uploaded: give a text, a Path, a list of either or a column"
        )
    # A masked array alone knows what its mask leaves.
    values = source.compressed() if hasattr(source, "compressed") else source
    return [row for row in given.listed(map(_plain, values), "the rows") if not _is_missing(row)]


def _plain(row: Any) -> Any:
    """`row` as Python has it, where it is Arrow's; refused where it is many."""
    row = row.as_py() if hasattr(row, "as_py") else row
    is_many = isinstance(row, Iterable) and not isinstance(row, str | os.PathLike)
    if is_many and getattr(row, "ndim", 1) != 0:
        raise BadInput(f"a row is a {type(row).__name__}: give one text a row, such as ['one', 'two']")
    return row


def _is_missing(row: Any) -> bool:
    """Whether it is None or differs from itself, as every kind of nan does."""
    if row is None or isinstance(row, str | os.PathLike):
        return row is None
    try:
        return bool(row != row)
    except Exception:  # noqa: BLE001
        return True  # pandas.NA does not say, a signalling nan of decimals refuses, others fail
