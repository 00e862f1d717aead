"""A prompt of every row: ``{column}`` is the row's value, and an unknown name refuses the whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas

from ...display.plain import shown, told
from ...errors import BadInput
from ...prompting.values import text_of
from ...session import given
from ...session.near import near

NA = ("skip", "raise", "text")
VALUE = "value"  # what the values of a Series or a list are called
LONGEST = 100_000  # characters of a prompt

# One brace before the name: what stands in two is JSON or code. Backticks hold a name that is no identifier.
_NAME = re.compile(r"(?<!\{)\{(?:([^\W\d]\w*)|`([^`\n]+)`)\}")


def names_in(prompt: str) -> set[str]:
    """What a prompt names in braces."""
    return {found[1] or found[2] for found in _NAME.finditer(prompt)}


class Rows:
    """Rows in their order, as they were when they were taken, and the index that they came with.

    Parameters
    ----------
    rows : DataFrame, Series, or iterable of values
    """

    def __init__(self, rows: Any) -> None:
        rows = _in_pandas(rows)
        if isinstance(rows, pandas.DataFrame):
            self.index = rows.index
            self.columns = {str(name): rows.iloc[:, place] for place, name in enumerate(rows.columns)}
            self._double = {str(name) for name in rows.columns[rows.columns.duplicated()]}
            self.frame: pandas.DataFrame | None = rows
        else:
            if isinstance(rows, str | bytes | Mapping) or not hasattr(rows, "__iter__"):
                raise BadInput(f"rows are a DataFrame, a Series or a list, not {shown(rows)}")
            values = rows if isinstance(rows, pandas.Series) else _series(given.listed(rows, "rows"))
            self.index, self.columns, self._double, self.frame = values.index, {VALUE: values}, set(), None

    def __len__(self) -> int:
        return len(self.index)

    def column(self, name: str) -> pandas.Series[Any]:
        """A column by its name.

        Raises
        ------
        BadInput
            Two have it.
        """
        if name in self._double:
            raise BadInput(f"two columns are called {shown(name)}: rename one. Nothing was sent.")
        return self.columns[name]


def _in_pandas(rows: Any) -> Any:
    """A table or a column of another library as one of pandas, whole numbers and missing values kept."""
    try:
        if hasattr(rows, "to_arrow"):  # Polars
            rows = rows.to_arrow()
        if type(rows).__module__.partition(".")[0] == "pyarrow" and hasattr(rows, "to_pandas"):
            return rows.to_pandas(types_mapper=pandas.ArrowDtype)
        return rows.to_pandas() if hasattr(rows, "to_pandas") else rows
    except Exception as error:
        raise BadInput(f"rows cannot be read as a DataFrame: {told(error)}. Nothing was sent.") from error


def _series(values: list[Any]) -> pandas.Series[Any]:
    return pandas.Series(values, dtype=object if values else "object")


class Template:
    """The prompt of each row; None of a row that is left out.

    Parameters
    ----------
    prompt : str or callable
        A callable takes the row, and returns the prompt, or None to leave it out.
    table : Rows
    variables : mapping
        What ``{name}`` may mean besides a column.
    na : str
        What becomes of a row with a missing or blank value: ``"skip"``, ``"raise"`` or ``"text"``.

    Raises
    ------
    BadInput
        A name that is neither a column nor a variable, or a prompt that uses no column.
    """

    def __init__(
        self, prompt: str | Callable[[Any], Any], table: Rows, variables: Mapping[str, Any], na: str
    ) -> None:
        self.table, self._na = table, given.one_of(na, NA, "na")
        self._call = prompt if callable(prompt) else None
        self.text = "" if callable(prompt) else given.text(prompt, "the prompt")
        self.fixed: list[str] = []  # what stands between the values
        self.names: list[str] = []
        if self._call is None:
            self._divide(variables)

    def _divide(self, variables: Mapping[str, Any]) -> None:
        done, piece, columns = 0, "", self.table.columns
        for found in _NAME.finditer(self.text):
            name = found[1] or found[2]
            piece += self.text[done : found.start()]
            done = found.end()
            if name in columns:
                self.fixed.append(piece)
                self.names.append(name)
                piece = ""
            elif name in variables:
                piece += text_of(name, variables[name])
            else:
                raise BadInput(
                    f"{found[0]} is no column and no variable.{near(name, {each: each for each in columns})} "
                    f"There {_are(list(columns))}. Nothing was sent; to send the braces themselves, "
                    f"double them."
                )
        self.fixed.append(piece + self.text[done:])
        if not self.names:
            named = next(filter(None, map(_written, columns)), f"{{{VALUE}}}")
            raise BadInput(
                f"the prompt uses no column, so every row would ask the same: write one in braces, like "
                f"{named}. Nothing was sent."
            )

    def prompts(self) -> Iterator[str | None]:
        """The prompt of each row in order.

        Raises
        ------
        BadInput
            A row cannot be made into a prompt; the message names it.
        """
        values = [self.table.column(name).array for name in self.names]
        rows: Iterator[Any] = self._called() if self._call is not None else zip(*values, strict=True)
        for position, row in enumerate(rows):
            try:
                prompt: str | None = row if self._call is not None else self._filled(row)
            except BadInput as error:
                raise BadInput(f"row {shown(_label(self.table, position))}: {error}") from None
            if prompt is not None and not prompt.strip():
                raise BadInput(
                    f"row {shown(_label(self.table, position))}: the prompt is empty; None leaves the row "
                    f"out. Nothing was sent."
                )
            if prompt is not None and len(prompt) > LONGEST:
                raise BadInput(
                    f"row {shown(_label(self.table, position))}: its prompt has {len(prompt):,} characters, "
                    f"{LONGEST:,} are the most. Nothing was sent."
                )
            yield prompt

    def _filled(self, values: tuple[Any, ...]) -> str | None:
        pieces = [self.fixed[0]]
        for name, value, after in zip(self.names, values, self.fixed[1:], strict=True):
            if self._na != "text" and is_missing(value):
                if self._na == "skip":
                    return None
                raise BadInput(f"{shown(name)} is missing. Nothing was sent; na='skip' leaves such rows out.")
            pieces += [cell_text(name, value), after]
        return "".join(pieces)

    def _called(self) -> Iterator[str | None]:
        table, call = self.table, self._call
        assert call is not None  # noqa: S101  for mypy
        frame = table.frame
        # As objects, for a row that is a Series of one dtype has its whole numbers as 1.0.
        rows = None if frame is None else frame.astype(object).iterrows()
        values = iter(table.columns[VALUE]) if rows is None else (row for _, row in rows)
        for position, row in enumerate(values):
            try:
                prompt = call(row)
            except Exception as error:  # noqa: BLE001  the person's own code
                raise BadInput(
                    f"row {shown(_label(table, position))}: the prompt's function failed ({told(error)}). "
                    f"Nothing was sent."
                ) from None
            yield None if prompt is None else given.text(prompt, "what the prompt's function returns")


def is_missing(value: Any) -> bool:
    """Whether it is no value: NA, NaN, NaT, None or a blank text; 0 and False are values."""
    if isinstance(value, str):
        return not value.strip()
    return pandas.api.types.is_scalar(value) and bool(pandas.isna(value))


def cell_text(name: str, value: Any) -> str:
    """A cell's value as it stands in a prompt: texts as they are, lists and dicts as JSON.

    Raises
    ------
    BadInput
        It is bytes, or cannot be made into text.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes | bytearray):
        raise BadInput(f"{shown(name)} is bytes: decode them first. Nothing was sent.")
    if hasattr(value, "tolist") and hasattr(value, "__len__"):
        value = value.tolist()
    if isinstance(value, list | tuple | dict):
        try:
            return json.dumps(value, ensure_ascii=False, default=_in_json)
        except Exception as error:  # noqa: BLE001  the person's own objects, or one within itself
            raise BadInput(
                f"{shown(name)} cannot be made into text ({told(error)}). Nothing was sent."
            ) from None
    return text_of(name, value)


def _in_json(value: Any) -> Any:
    """What JSON does not know: NumPy's numbers and arrays as what they hold, a missing one as null."""
    if value is pandas.NA or value is pandas.NaT:
        return None
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _written(column: str) -> str:
    """How a prompt names a column; empty of one that none can name."""
    if column.isidentifier():
        return f"{{{column}}}"
    return "" if not column or "`" in column or "\n" in column else f"{{`{column}`}}"


def _are(columns: list[str]) -> str:
    """Which columns there are, so far as that helps."""
    more = f" and {len(columns) - 8:,} more" if len(columns) > 8 else ""
    return f"are {', '.join(map(shown, columns[:8]))}{more}" if columns else "is no column"


def _label(table: Rows, position: int) -> Any:
    label = table.index[position]
    return label.item() if hasattr(label, "item") else label
