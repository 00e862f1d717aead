"""The line below a cell that tells who is asked while no answer is there, and goes when it is."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ...display.markup import quiet
from ...session.waiting import OnStderr
from .. import front_end

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


# Takes no room; an output without any type makes each later export of the notebook warn.
_GONE = {"text/html": "", "text/plain": ""}


class Waiting:
    """Tells in an output that is replaced, where the front end can; else once, in plain words.

    All lines of one cell share that output, and the reply takes it over: nothing is left of them where there
    is one.

    Parameters
    ----------
    shell : InteractiveShell
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._on_stderr = OnStderr()
        self._output: Any = None
        self._asked_by: object = None
        self._is_told = False

    def can_wipe(self) -> bool:
        """Whether a line that is told can be taken away."""
        if not hasattr(self._shell, "kernel"):
            return self._on_stderr.can_wipe()
        return front_end.can_replace(self._shell)

    def __call__(self, line: str | None) -> None:
        """Show the line in place of the one before; None takes it away."""
        if not hasattr(self._shell, "kernel"):
            self._on_stderr(line)
        elif self.can_wipe():
            self._replace(line)
        else:
            if line and not self._is_told:
                sys.stdout.write(f"{line.partition(' · ')[0]} ...\n")
            self._is_told = line is not None

    def leave(self, line: str) -> None:
        """Write a line that stays, where none can be taken away."""
        if hasattr(self._shell, "kernel") and not self.can_wipe():
            sys.stdout.write(f"{line}\n")

    def hand_over(self) -> Any:
        """The output of the lines so far, for what comes in their place; None where there is none."""
        output, self._output = self._output, None
        return output

    def _replace(self, line: str | None) -> None:
        data = {"text/html": quiet(line), "text/plain": line} if line else _GONE
        asked_by = front_end.request(self._shell).get("header", {}).get("msg_id")
        if self._output is None or asked_by != self._asked_by:
            self._asked_by = asked_by
            self._output = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._output.update(data, raw=True)


@cache
def line_of(shell: InteractiveShell) -> Waiting:
    """The line of a shell, of which there is one."""
    return Waiting(shell)
