"""A cell as it is typed: which magic it begins with, the magic's line, and the text below it."""

from __future__ import annotations

import re
from typing import NamedTuple

# IPython drops blank lines and indentation before a magic.
_CELL = re.compile(r"(?:[^\S\n]*\n)*[^\S\n]*%%(asksage(?:_train)?)(?=\s|$)([^\n]*)\n?(.*)", re.DOTALL)


class Cell(NamedTuple):
    """A cell that begins with one of the magics.

    Attributes
    ----------
    magic : str
        ``asksage`` or ``asksage_train``.
    line, body : str
        What stands behind the magic's name, and on the lines below.
    """

    magic: str
    line: str
    body: str


def cell_of(source: str) -> Cell | None:
    """The parts of a cell; None of one that begins otherwise."""
    found = _CELL.fullmatch(source)
    return Cell(*found.groups()) if found else None
