"""Which cell a thread asks for: that of the request under way is another's, where it began before."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

from . import front_end

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_earlier: WeakSet[threading.Thread] = WeakSet()


def follow(shell: InteractiveShell) -> None:
    """Note from now on which threads there are when a cell begins; harmless when repeated."""
    if _begins not in shell.events.callbacks["pre_run_cell"]:
        shell.events.register("pre_run_cell", _begins)


def leave(shell: InteractiveShell) -> None:
    """Note it no more."""
    _earlier.clear()
    if _begins in shell.events.callbacks["pre_run_cell"]:
        shell.events.unregister("pre_run_cell", _begins)


def cell_id(shell: InteractiveShell) -> str | None:
    """The id of the cell that asks; None where nobody tells, and of a thread of an earlier cell."""
    return None if threading.current_thread() in _earlier else front_end.cell_id(shell)


def _begins(_: object) -> None:
    _earlier.update(threading.enumerate())
    _earlier.discard(threading.main_thread())
    _earlier.discard(threading.current_thread())
