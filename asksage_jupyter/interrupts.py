"""Where a Ctrl-C may strike: how a thread is begun, and whether one is at the bottom of an error."""

from __future__ import annotations

import sys
import threading
from _thread import start_new_thread
from queue import SimpleQueue


def begin(thread: threading.Thread) -> None:
    """Start a thread, out of the reach of Ctrl-C: one that strikes within `Thread.start` may leave it stuck.

    `Thread.start` waits in Python for the new thread, and where that is interrupted its lock may stay taken;
    the new thread then waits for it for ever. Here a helper calls it, which is begun in one step of C's.

    Raises
    ------
    RuntimeError
        There are no threads here, or no more of them.
    KeyboardInterrupt
        It came meanwhile; the thread begins all the same.
    """
    if threading.get_ident() != threading.main_thread().ident:
        thread.start()
        return
    begun: SimpleQueue[RuntimeError | None] = SimpleQueue()

    def start() -> None:
        failure = None
        try:
            thread.start()
        except RuntimeError as error:
            failure = error
        begun.put(failure)

    start_new_thread(start, ())
    if (failure := begun.get()) is not None:
        raise failure


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
