"""The usage log as it shows itself: what a person looks for, in their own time, with names instead of ids."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path, PurePath
from shutil import get_terminal_size
from typing import Any

import pandas

from ..display.plain import many, shortened
from ..display.table import Table, width
from ..month import rules_of
from ..session.origins.labels import cell_label
from .schema import FIGURE, SCHEMA

_FIRST, _LAST = 5, 15  # rows that are shown of a long log: what was asked of late is looked for
_NOT_SHOWN = ("request_id", "op")
# What a narrow terminal shows rather than the rest.
_RATHER = ("sent_at", "model", "tokens", "cell", "source", "estimate", "notebook")
_FIGURES = {column.name for column in SCHEMA if column.dtype == FIGURE}
_LONGEST = 36
_ROOM, _NARROWEST = 120, 24  # of a page, in letters, where words may go on below


class _LikeAnyFrame(type):
    """Only how it is shown is other: where pandas compares it with a plain frame, that is one of its kind."""

    def __instancecheck__(cls, frame: object) -> bool:
        return isinstance(frame, pandas.DataFrame)


class Calls(pandas.DataFrame, metaclass=_LikeAnyFrame):
    """A DataFrame of calls, which is shown for people; whatever is made of it is a plain DataFrame.

    Attributes
    ----------
    zone : str
        In which times are shown; they are UTC as data.
    folder : Path
        The ledger's, beside which is noted what notebooks are called now.
    """

    _metadata = ["zone", "folder"]  # noqa: RUF012  pandas' own

    zone: str
    folder: Path

    @classmethod
    def of(cls, calls: pandas.DataFrame, zone: str, folder: Path) -> Calls:
        """The same calls, shown for people."""
        found = cls(calls, copy=False)
        found.zone, found.folder = zone, folder
        return found

    @property
    def _constructor(self) -> type[pandas.DataFrame]:
        return pandas.DataFrame

    def __repr__(self) -> str:
        if "sent_at" not in self.columns:
            return str(pandas.DataFrame(self))
        return str(self._for_room(max(80, get_terminal_size().columns)))

    def _repr_html_(self) -> str:
        if "sent_at" not in self.columns:
            return str(pandas.DataFrame(self)._repr_html_())  # type: ignore[operator]
        return self._for_room(_ROOM, _NARROWEST)._repr_html_()

    def _for_room(self, room: int, at_most: int = _LONGEST) -> Table:
        """What has room in so many columns of letters."""
        head, rows = self._shown()
        names = _fitting(head, rows, room, at_most)
        places = [place for place, name in enumerate(head) if name in names]
        few = [[row[place] for place in places] for row in rows]
        return self._table([head[place] for place in places], few)

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
        told = [
            many(len(self), "call"),
            f"{len(self.columns)} columns, {len(head)} shown",
            f"times of {self.zone}",
        ]
        heads = ["time" if name == "sent_at" else name for name in head]
        sides = "".join("r" if name in _FIGURES else "l" for name in head)
        return Table(heads, rows, sides=sides, note=" · ".join(told))

    def _shown(self) -> tuple[list[str], list[list[str]]]:
        """The columns that hold anything, and of a long log the first and the last rows."""
        names = [str(name) for name in self.columns if name not in _NOT_SHOWN]
        held = [name for name in names if name in _RATHER[:3] or self[name].notna().any()]
        if len(self) <= _FIRST + _LAST:
            return held, self._rows(self, held)
        dots = ["…" if name in _RATHER[:3] else "" for name in held]
        return held, [*self._rows(self.head(_FIRST), held), dots, *self._rows(self.tail(_LAST), held)]

    def _rows(self, part: pandas.DataFrame, names: Sequence[str]) -> list[list[str]]:
        return [
            [self._told(str(name), value, call) for name, value in call.items()]
            for call in part[list(names)].astype(object).to_dict("records")
        ]

    def _told(self, name: str, value: Any, call: Mapping[Hashable, Any]) -> str:
        if pandas.isna(value):
            return ""
        if name == "sent_at":
            return f"{value.astimezone(rules_of(self.zone)):%Y-%m-%d %H:%M}"
        if name == "notebook":
            return shortened(PurePath(value).name, _LONGEST)
        if name == "cell":
            home = call.get("notebook")
            return cell_label(self.folder, None if pandas.isna(home) else str(home), str(value))
        return f"{value:,}" if name in _FIGURES else shortened(str(value), _LONGEST)


def _fitting(head: Sequence[str], rows: Sequence[Sequence[str]], room: int, at_most: int) -> set[str]:
    """The columns for which there is room, none wider than `at_most`; the first of `_RATHER` first."""
    widths = {
        name: min(max(width(name), *(width(row[place]) for row in rows), 0), at_most) + 2
        for place, name in enumerate(head)
    }
    wanted = [name for name in _RATHER if name in widths]
    fitting: set[str] = set()
    for name in [*wanted, *(name for name in head if name not in wanted)]:
        if widths[name] <= room:
            room -= widths[name]
            fitting.add(name)
    return fitting
