"""A variable's value as the text that is sent for it: the whole of it, or a line that says why not."""

from __future__ import annotations

import io
import re
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..lazy import imported

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# What has no words of its own tells what it is, or where in memory.
_WORDLESS = re.compile(r"\bat 0x[0-9A-Fa-f]+>|<(?:built-in|class|function|module)\b")
_FEW = 200  # characters: such a text is short


def text_of(name: str, value: object) -> str:
    """The text of a variable: tables as CSV, arrays with all their numbers, all else as ``str`` has it.

    Raises
    ------
    BadInput
        It has no text, as a generator or a file, or cannot be made into it.
    """
    if isinstance(value, str):
        return str(value)
    try:
        text = _whole(value)
    except Exception as error:  # noqa: BLE001  the value is the user's: its __str__ may raise anything
        raise BadInput(
            f"{{{name}}} cannot be made into text ({type(error).__name__}). Nothing was sent."
        ) from None
    if _is_wordless(value, text):
        raise BadInput(
            f"{{{name}}} has no text of its own, its type is {type(value).__name__}: make a str, list or "
            f"table of it. Nothing was sent."
        )
    return text


def _is_wordless(value: Any, text: str) -> bool:
    """Whether the object, or one within it, has no text; strings that only speak of such objects do."""
    within = [value]
    looked: set[int] = set()
    while within:
        part = within.pop()
        if isinstance(part, str | bytes | bytearray | int | float | None) or id(part) in looked:
            continue
        looked.add(id(part))
        if isinstance(part, dict):
            within += [*part.keys(), *part.values()]
        elif isinstance(part, list | tuple | set | frozenset):
            within += part
        elif (objects := _objects(part)) is not None:
            within += objects
        elif isinstance(part, io.IOBase) or _WORDLESS.search((text if part is value else str(part))[:_FEW]):
            return True
    return False


def _objects(value: Any) -> list[Any] | None:
    """What of a table or an array may be any object; None where it is none of these."""
    if (pandas := imported("pandas")) is not None:
        if isinstance(value, pandas.DataFrame):
            return [cell for _, column in value.items() for cell in _objects(column) or ()]
        if isinstance(value, pandas.Series | pandas.Index):
            return list(value) if value.dtype == object else []
    if (numpy := imported("numpy")) is not None and isinstance(value, numpy.ndarray):
        return list(value.flat) if value.dtype == object else []
    return None


def _whole(value: Any) -> str:
    with ExitStack() as stack:
        for unabridged in (_pandas(), _numpy()):
            if unabridged is not None:
                stack.enter_context(unabridged)
        if isinstance(value, bytes | bytearray):
            return value.decode()
        table = table_of(value)
        return str(_array(value)) if table is None else table


def table_of(value: Any) -> str | None:
    """A table, or a column of one, as CSV; None where it is none."""
    library = type(value).__module__.partition(".")[0]
    pandas = imported("pandas")
    if library == "pyarrow" and hasattr(value, "to_pandas"):
        value = value.to_pandas()
        pandas = imported("pandas")
    if pandas is not None:
        if isinstance(value, pandas.DataFrame | pandas.Series):
            return str(value.to_csv())
        if isinstance(value, pandas.Index):
            return str(value.to_frame(index=False).to_csv(index=False))
    if library == "polars":
        framed = value.to_frame() if hasattr(value, "to_frame") else value
        if hasattr(framed, "write_csv"):
            return str(framed.write_csv())
        if hasattr(value, "collect"):
            return str(value.collect().write_csv())
    return None


def _array(value: Any) -> Any:
    """What says that it is an array as one of NumPy's, which can be told to leave out nothing."""
    numpy = imported("numpy")
    if numpy is None or not hasattr(value, "__array__") or isinstance(value, numpy.generic | numpy.ndarray):
        return value
    return numpy.asarray(value)


def _pandas() -> AbstractContextManager[object] | None:
    pandas = imported("pandas")
    if pandas is None:
        return None
    limits = ("max_rows", "max_columns", "max_colwidth", "max_seq_items", "min_rows", "width")
    options = [part for limit in limits for part in (f"display.{limit}", None)]
    context: AbstractContextManager[object] = pandas.option_context(
        *options, "display.expand_frame_repr", False, "display.float_format", str
    )
    return context


def _numpy() -> AbstractContextManager[object] | None:
    numpy = imported("numpy")
    if numpy is None:
        return None
    context: AbstractContextManager[object] = numpy.printoptions(
        threshold=sys.maxsize, linewidth=sys.maxsize, formatter={"float_kind": str}
    )
    return context
