"""What only a kernel can count of a cell: variables, earlier exchanges, a file; or a whole plan."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..lazy import imported
from ..tokens import count
from .values import table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 10_000_000  # bytes: some seconds
_MANY = 1_000_000  # of a table's values, which are looked at one by one
_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Counted:
    """What a kernel counted, by what a price calls it; no text.

    Attributes
    ----------
    parts : dict of str to dict of str to int
        Model tokens by part of a query, for each ``{name}``, ``history N`` and ``file PATH``.
    as_is : tuple of str
        ``{name}``s that are no variables: their text is sent.
    left : dict of str to str
        What was not counted, and why.
    plan : tuple of int or None
        The price of a table's rows or of a plugin in Ask Sage tokens: low, expected, high.
    planned : str
        What was planned, in words.
    is_kept : bool
        Whether a reply to it is kept, that would be shown again.
    """

    parts: dict[str, dict[str, int]] = field(default_factory=dict)
    as_is: tuple[str, ...] = ()
    left: dict[str, str] = field(default_factory=dict)
    plan: tuple[int, int, int] | None = None
    planned: str = ""
    is_kept: bool = False

    def plain(self) -> dict[str, Any]:
        """As it goes over a wire."""
        return asdict(self)

    @classmethod
    def read(cls, plain: Any) -> Counted:
        """What came over a wire.

        Raises
        ------
        BadInput
            It is nothing that was counted.
        """
        try:
            parts = {
                str(name): {str(part): _whole(tokens) for part, tokens in dict(shares).items()}
                for name, shares in dict(plain["parts"]).items()
            }
            plan = None
            if plain["plan"] is not None:
                low, expected, high = map(_whole, plain["plan"])
                plan = low, expected, high
            left = {str(name): str(why) for name, why in dict(plain["left"]).items()}
            as_is, planned, is_kept = plain["as_is"], plain["planned"], plain["is_kept"]
            return cls(parts, tuple(map(str, as_is)), left, plan, str(planned), is_kept is True)
        except (KeyError, TypeError, ValueError):
            raise BadInput("tell in counted what a kernel counted, as it was told") from None


def count_of(value: object) -> int | str:
    """Model tokens of a variable's text, or why it is not counted; no code of the value's own is run.

    Text, numbers and tables of these are counted: whatever else is made into text by its own ``__str__``,
    which may take an hour or ask a database.
    """
    if not is_plain(value):
        return "is no text, number or table of these: --estimate counts it"
    if _size(value) > _MOST:
        return "is too large to be counted aside: --estimate counts it"
    try:
        table = table_of(value)
    except Exception:  # noqa: BLE001  whatever the library says, --estimate says it, too
        return "cannot be made into text"
    return count(str(value) if table is None else table)


def is_plain(value: Any) -> bool:
    """Whether it is text, a number, or a table of these; nothing of its own is run to tell."""
    kind = type(value)
    if kind in _PLAIN or (kind.__module__ == "numpy" and isinstance(value, sys.modules["numpy"].number)):
        return True
    pandas, polars = imported("pandas"), imported("polars")
    if pandas is not None and kind in (pandas.DataFrame, pandas.Series):
        return value.size <= _MANY and all(type(each) in _PLAIN for each in _objects(value))
    return polars is not None and kind in (polars.DataFrame, polars.Series)


def _objects(table: Any) -> Iterator[Any]:
    """The values of a table of pandas', and its labels, that may be any object."""
    columns = [table] if table.ndim == 1 else [column for _, column in table.items()]
    for part in (*columns, *table.axes):
        kinds = getattr(part.dtype, "categories", part)
        if kinds.dtype == object:
            yield from kinds


def _size(value: Any) -> int:
    """Bytes, about, as far as they are told without making a text."""
    if isinstance(value, str):
        return len(value)
    if hasattr(value, "memory_usage"):
        used = value.memory_usage(deep=True)
        return int(used if isinstance(used, int) else used.sum())
    return int(value.estimated_size()) if hasattr(value, "estimated_size") else 0


def _whole(tokens: Any) -> int:
    if type(tokens) is not int or not 0 <= tokens < 1 << 53:
        raise ValueError(tokens)
    return tokens
