"""The line below a cell that tells who is asked while no answer is there, and goes when it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ..session.waiting import OnStderr
from .front_end import can_replace

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


# Takes no room; an output without any type makes each later export of the notebook warn.
_GONE = {"text/html": "", "text/plain": ""}


class Waiting:
    """Tells in an output that is replaced, where the front end can; else once, in plain words.

    Parameters
    ----------
    shell : InteractiveShell
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._on_stderr = OnStderr()
        self._output: Any = None
        self._is_told = False

    def __call__(self, line: str | None) -> None:
        """Show the line in place of the one before; None takes it away."""
        if not hasattr(self._shell, "kernel"):
            self._on_stderr(line)
        elif can_replace(self._shell):
            self._replace(line)
        else:
            if line and not self._is_told:
                sys.stdout.write(line.partition(" (")[0] + "\n")
            self._is_told = line is not None

    def _replace(self, line: str | None) -> None:
        data = {"text/plain": line} if line else _GONE
        if self._output is None:
            self._output = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._output.update(data, raw=True)
        if line is None:
            self._output = None
