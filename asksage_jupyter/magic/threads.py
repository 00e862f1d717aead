"""Which cell a task or a thread asks for: its context tells; the request may be another's."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakSet

from ..session.origins import labels
from . import front_end

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

# Tasks, and all else that takes its context along, have the cell in whose run they began; None between cells.
_begun_in: ContextVar[str | None] = ContextVar("asksage_begun_in", default=None)


class Cells:
    """Notes which cell is run from now on, and which threads there are when it begins.

    Parameters
    ----------
    shell : InteractiveShell
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self._earlier: WeakSet[threading.Thread] = WeakSet()
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)

    def id(self) -> str | None:
        """The id of the cell that asks; None where nobody tells, and of a bare thread of an earlier cell."""
        if (begun_in := _begun_in.get()) is not None:
            return begun_in
        return None if threading.current_thread() in self._earlier else front_end.cell_id(self.shell)

    def close(self) -> None:
        """Note it no more."""
        _begun_in.set(None)
        for event, noted in (("pre_run_cell", self._begin), ("post_run_cell", self._end)):
            if noted in self.shell.events.callbacks[event]:
                self.shell.events.unregister(event, noted)

    def _begin(self, info: ExecutionInfo) -> None:
        self._earlier.update(threading.enumerate())
        self._earlier.discard(threading.main_thread())
        self._earlier.discard(threading.current_thread())
        cell = front_end.cell_id(self.shell)
        labels.hear(cell, info.raw_cell or "")
        _begun_in.set(cell)

    def _end(self, _: object) -> None:
        _begun_in.set(None)
