"""Where a Ctrl-C may strike: not within a shield, nor while a thread is begun; and which error is one."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Shield:
    """A context manager in which no Ctrl-C strikes but in what is `exposed`; else it strikes at the end.

    Of threads other than the main one nothing is kept away, for none strikes there; nor is anything where
    whoever embeds Python has a Ctrl-C do something else than call a function.
    """

    def __init__(self) -> None:
        self._handler: Callable[[int, Any], object] | None = None
        self._is_exposed = self._has_come = False

    def __enter__(self) -> Self:
        handler = signal.getsignal(signal.SIGINT)
        if threading.get_ident() == threading.main_thread().ident and callable(handler):
            self._handler = handler
            signal.signal(signal.SIGINT, self._strike)  # what came before strikes here, and nothing is begun
        return self

    def __exit__(self, *_: object) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            self._strike_late()

    def exposed(self, do: Callable[[], T]) -> T:
        """Do something that a Ctrl-C strikes, at its beginning if one has come.

        Whether one strikes is a single assignment of Python's: in between there is no gap for it.
        """
        try:
            self._is_exposed = True
            self._strike_late()
            return do()
        finally:
            self._is_exposed = False

    def _strike(self, number: int, frame: Any) -> None:
        if self._is_exposed and self._handler is not None:
            self._handler(number, frame)
        else:
            self._has_come = True

    def _strike_late(self) -> None:
        if self._has_come and self._handler is not None:
            self._has_come = False
            self._handler(signal.SIGINT, None)


def begin(thread: threading.Thread) -> None:
    """Start a thread, out of the reach of Ctrl-C: one that strikes within `Thread.start` may leave it stuck.

    `Thread.start` waits in Python for the new thread, and where that is interrupted its lock may stay taken;
    the new thread then waits for it for ever.

    Raises
    ------
    RuntimeError
        There are no threads here, or no more of them.
    KeyboardInterrupt
        It came meanwhile; the thread begins all the same.
    """
    with Shield():
        thread.start()


def handled() -> BaseException | None:
    """What the caller is handling now: all that is raised meanwhile has it for a context."""
    return sys.exc_info()[1]


def is_stop(error: BaseException | None, beneath: BaseException | None = None) -> bool:
    """Whether a Ctrl-C is at the bottom of it: what it strikes in a library may fail in other words.

    Parameters
    ----------
    beneath : BaseException, optional
        What was `handled` before; it has nothing to do with it.
    """
    while error is not None and error is not beneath:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
