"""The seconds of a call, counted before a person's eyes while nothing of the reply is there."""

from __future__ import annotations

import threading
import time
from _thread import start_new_thread
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from . import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

WORTH_A_LINE = 1 << 24  # bytes that are counted: seconds
_SOON_S = 0.4  # who is answered by then has not waited
_WIPED_S = 2.0  # a display that hangs must not cost a reply


class Stopwatch:
    """Within ``with`` a line tells what is waited for and how long already, until `end` or the exit.

    It is told by a thread of its own, as the caller's waits; from that thread alone, so that no line comes
    after the last. Nothing is told where a line cannot be taken away again, and of what other threads than
    the main one wait for.

    Parameters
    ----------
    words : str
    whole : int
        How much there is to be done, where it is known; `advance` tells of how much is.

    Attributes
    ----------
    words : str
        May change meanwhile.
    """

    def __init__(self, words: str, whole: int = 0) -> None:
        self.words = words
        self._whole, self._done = whole, 0
        self._began = time.monotonic()
        self._is_told = False
        # Made in C: a Ctrl-C in the wait of an Event may leave its lock taken.
        self._ends: SimpleQueue[None] = SimpleQueue()
        self._ended: SimpleQueue[None] = SimpleQueue()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread() and waiting.can_wipe():
            with suppress(RuntimeError):  # no threads here
                start_new_thread(copy_context().run, (self._tell,))
                self._is_told = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.end()

    def advance(self, more: int) -> None:
        """Tell that so much more is done."""
        self._done += more

    def end(self) -> None:
        """Take the line away; harmless when it is gone."""
        if self._is_told:
            self._is_told = False
            self._ends.put(None)
            with suppress(Empty):
                self._ended.get(timeout=_WIPED_S)

    def _tell(self) -> None:
        is_shown, next_s = False, _SOON_S
        try:
            while not self._is_over(next_s):
                waited = time.monotonic() - self._began
                waiting.tell(" · ".join(self._line(waited)))
                is_shown, next_s = True, 1 - waited % 1
        except Exception:  # noqa: BLE001, S110  a front end that went away: nobody waits before it
            pass
        finally:
            if is_shown:
                with suppress(Exception):
                    waiting.tell(None)
            self._ended.put(None)

    def _line(self, waited: float) -> Iterator[str]:
        yield self.words
        if self._whole:
            yield f"{min(1, self._done / self._whole):.0%}"
        if waited >= 1:
            yield f"{int(waited)} s"

    def _is_over(self, wait_s: float) -> bool:
        try:
            self._ends.get(timeout=wait_s)
        except Empty:
            return False
        return True
