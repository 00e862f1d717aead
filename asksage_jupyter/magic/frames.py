"""``df.asksage`` in a notebook: registered by the first cell that speaks of it, since pandas is not light."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_WORD = ".asksage"
_EVENT = "pre_run_cell"


def attend(shell: InteractiveShell) -> None:
    """Look at each cell before it runs; harmless when repeated."""
    if _look not in shell.events.callbacks[_EVENT]:
        shell.events.register(_EVENT, _look)


def dismiss(shell: InteractiveShell) -> None:
    """Look no more."""
    if _look in shell.events.callbacks[_EVENT]:
        shell.events.unregister(_EVENT, _look)


def _look(info: Any) -> None:
    if _WORD in (info.raw_cell or ""):
        import_module("...usage_log.accessor", __name__)
