"""Where a reply is shown while it arrives: an output that is replaced, or a terminal that is written on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ...display.plain import plain
from .. import front_end
from .bundles import Bundle, bundle
from .publishing import plained, publish, surely
from .waiting import line_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .waiting import Waiting

STREAMED = ("markdown", "text")
_PAUSE_S = 0.1


class Screen:
    """One output below the cell, replaced while the reply arrives.

    Parameters
    ----------
    format : str or callable
        How the text so far is shown; or what makes a bundle of whatever there is so far.
    live : bool
        Whether the front end can replace an output; one that cannot gets the whole reply at the end.
    line : Waiting, optional
        What tells of the waiting: the reply takes the place of its output.
    clock : callable
        Seconds; the output is replaced ten times a second at most.
    """

    def __init__(
        self,
        format: str | Callable[[Any], Bundle],
        *,
        live: bool = True,
        line: Waiting | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bundle = partial(bundle, format=format) if isinstance(format, str) else format
        self.live, self._line = live, line
        self._clock = clock
        self._next = clock()
        self._output: Any = None
        self._shown: Bundle = {}

    def __call__(self, so_far: Any) -> None:
        """Show what there is so far, unless the last time is too recent."""
        if self.live and self._clock() >= self._next:
            data = self._bundle(so_far)
            if data != self._shown:
                self._show(data)
                self._shown = data
            self._next = self._clock() + _PAUSE_S

    def finish(self, whole: Any) -> None:
        """Show all that came of the reply."""
        surely(self._bundle(whole), self._show)

    def _show(self, data: Bundle) -> None:
        if self._output is None:
            self._output = self._line and self._line.hand_over()
        if self._output is None:
            self._output = publish(data, display_id=True)
        else:
            self._output.update(plained(data), raw=True)


class Terminal(Screen):
    """A terminal, which a reply is written on as it arrives: what is written stays."""

    def __init__(self) -> None:
        super().__init__("text", live=False)
        self._written = ""

    def __call__(self, so_far: Any) -> None:
        """Write what has come since the last time."""
        text = plain(so_far)
        if text.startswith(self._written):
            sys.stdout.write(text[len(self._written) :])
            sys.stdout.flush()
            self._written = text

    def finish(self, whole: Any) -> None:
        """Write the rest; all of it, should it not go on as it began."""
        self(whole)
        if self._written:
            sys.stdout.write("\n")
        if self._written != plain(whole):
            super().finish(whole)


def screen_for(shell: InteractiveShell, format: str | Callable[[Any], Bundle], *, streamed: bool) -> Screen:
    """Where a reply is shown, after what the front end that asked can do."""
    if streamed and format in STREAMED and front_end.is_terminal(shell):
        return Terminal()
    line = line_of(shell)
    line.hand_over()  # what was told before this is no place for the reply
    return Screen(format, live=streamed and front_end.can_replace(shell), line=line)
