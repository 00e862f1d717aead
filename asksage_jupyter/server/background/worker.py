"""One thread that does one thing after another for an event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Busy(Exception):
    """More is waiting than makes sense to wait for, or the worker has ended."""


class Worker:
    """A daemon thread: what hangs in it cannot keep the server from ending.

    Parameters
    ----------
    name : str
        The thread's.
    most : int
        How many tasks may wait.
    """

    def __init__(self, name: str, *, most: int = 64) -> None:
        self._name, self._most = name, most
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_over = False

    def begin(self, task: Callable[[], T]) -> Future[T]:
        """Do `task` in its turn.

        Raises
        ------
        Busy
            It will not be done.
        """
        if self._is_over or self._waiting.qsize() >= self._most:
            raise Busy
        future: Future[T] = Future()
        self._waiting.put((future, task))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        return future

    async def do(self, task: Callable[[], T]) -> T:
        """The result of `task`, in its turn.

        Raises
        ------
        Busy
            It was not done.
        """
        try:
            return await asyncio.wrap_future(self.begin(task))
        except asyncio.CancelledError:
            if self._is_over:
                raise Busy from None
            raise

    async def close(self, last: Callable[[], object], wait_s: float = 5.0) -> None:
        """Give up what waits, do `last`, and wait a little for the thread to end."""
        self._is_over = True
        with suppress(queue.Empty):
            while waiting := self._waiting.get_nowait():
                waiting[0].cancel()
        if self._thread is None:
            last()
            return
        self._waiting.put((Future(), last))
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join, wait_s)

    def _run(self) -> None:
        while waiting := self._waiting.get():
            future, task = waiting
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(task())
            except BaseException as error:  # noqa: BLE001  it is raised where the result is awaited
                future.set_exception(error)
