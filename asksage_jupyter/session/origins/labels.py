"""What a cell is called wherever a person reads of it: "Cell 5 · Name one ocean".

The ledger knows a cell by its id alone, as a prompt's words are none of its business. Its place and its first
words are read from its notebook when they are wanted, and kept nowhere: what somebody deletes is gone. Of a
cell that is not saved yet its own kernel has heard them.
"""

from __future__ import annotations

import re
import stat
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...beside import parsed
from ...display.plain import one_line
from .renames import called_now

_LONGEST = 40
_LONGEST_ID = 24
_DRAWN = re.compile("[0-9a-f]{8}(-|$)")
_LARGEST_BYTES = 64_000_000  # beyond, a label is not worth the wait
_KEPT = 1_000

_heard: dict[str, str] = {}


def hear(cell: str | None, source: str) -> None:
    """Keep the first words of a cell that is run in this kernel, as long as it lives."""
    if cell is not None:
        _heard.pop(cell, None)
        _heard[cell] = first_words(source)
        if len(_heard) > _KEPT:
            del _heard[next(iter(_heard))]


def first_words(source: str) -> str:
    """The first line that is not a magic's, shortened; the magic's where there is no other."""
    lines = [line for line in map(str.strip, source[:10_000].splitlines()) if line]
    words = one_line(next((line for line in lines if not line.startswith("%")), (lines or [""])[0]))
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST].rstrip()}…"


def cell_label(folder: Path, notebook: str | None, cell: str) -> str:
    """What a cell is called.

    Parameters
    ----------
    folder : Path
        The ledger's, where renamings are noted.
    notebook : str or None
        Its notebook's file, by any of its names.
    cell : str
        Its id.
    """
    there = labels(called_now(folder, notebook, 0)) if notebook else None
    if there and (label := there.get(cell)):
        return label
    if words := _heard.get(cell):
        return f"New cell · {words}"
    return f"cell {_short(cell)}, deleted" if there is not None else f"cell {_short(cell)}"


def _short(cell: str) -> str:
    """The start of an id that was drawn at random; of one that somebody chose what tells it from its like."""
    cell = one_line(cell)
    if _DRAWN.match(cell):
        return cell[:8]
    return cell if len(cell) <= _LONGEST_ID else f"{cell[:8]}…{cell[9 - _LONGEST_ID :]}"


def labels(notebook: str) -> dict[str, str] | None:
    """The labels of a notebook's cells by their ids, as it was saved last; None where it cannot be read."""
    with suppress(OSError, ValueError, TypeError):
        found = Path(notebook).stat()
        if stat.S_ISREG(found.st_mode) and found.st_size <= _LARGEST_BYTES:
            return _read(notebook, found.st_mtime_ns, found.st_size)
    return None


@lru_cache(maxsize=32)
def _read(notebook: str, _changed: int, _size: int) -> dict[str, str] | None:
    told = parsed(Path(notebook).read_bytes())
    cells = told.get("cells") if isinstance(told, dict) else None
    if not isinstance(cells, list):
        return None
    return dict(filter(None, (_label(place, cell) for place, cell in enumerate(cells, 1))))


def _label(place: int, cell: Any) -> tuple[str, str] | None:
    match cell:
        case {"id": str(id), **more}:
            source: Any = more.get("source", "")
            words = first_words(source if isinstance(source, str) else "".join(map(str, source)))
            return id, f"Cell {place} · {words}" if words else f"Cell {place}"
    return None
