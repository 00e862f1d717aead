"""How a thread is begun where a Ctrl-C may strike."""

from __future__ import annotations

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
