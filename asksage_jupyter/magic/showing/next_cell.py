"""The cell that ``-f code`` puts below its own: one, however often it is run.

A kernel can only have cells added, and whoever runs all of a notebook again would run each of them. Our front
end takes away that of an earlier run, and leaves a mark in the asking cell's metadata, which is sent with its
request; with others there is one in a kernel's life.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import front_end

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_EARLIER = (
    "The code is in the reply above: the cell that an earlier run inserted below keeps what it has. "
    "Delete it, restart the kernel and run this again for a new one."
)
_inserted: set[str] = set()


def can_insert(shell: InteractiveShell) -> bool:
    """Whether a new cell will hold the code: a notebook asked, for the first time or one that replaces it."""
    cell = front_end.cell_id(shell)
    return cell is not None and (cell not in _inserted or front_end.keeps_one(shell))


def insert(shell: InteractiveShell, code: str) -> str | None:
    """Offer the code as the next input; what is to be said where there is a cell of it already."""
    cell = front_end.cell_id(shell)
    if cell is not None:
        if not can_insert(shell):
            return _EARLIER
        _inserted.add(cell)
    shell.set_next_input(code, replace=False)
    return None
