"""Workers under way: each in a thread, a bounded number at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Workers:
    """What blocks, done beside an event loop; `do` is called within that loop alone.

    The threads are kept, as beginning one takes a tenth of a call's time. They are daemons: a program that
    ends waits for none, and what was sent stays held.

    Parameters
    ----------
    most : int
        How many at once; the others wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = self._under_way = 0
        self._last: Callable[[], None] | None = None
        self._turn = threading.Lock()

    async def do(self, task: Callable[[], T]) -> T:
        """The result of `task`; a caller who is cancelled leaves it to its end."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def over(settle: Callable[[Any], None], outcome: object) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(lambda: None if future.done() else settle(outcome))

        def work() -> None:
            try:
                over(future.set_result, task())
            except BaseException as error:  # noqa: BLE001  raised again where it is awaited
                over(future.set_exception, error)

        if self._count(1) > self._threads < self._most:
            threading.Thread(target=self._work, name="asksage-call", daemon=True).start()
            self._threads += 1
        self._waiting.put(work)
        return await future

    def close(self, last: Callable[[], None]) -> None:
        """Do `last` once nothing is under way: now, or after the last of them."""
        self._last = last
        self._count(0)

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            task()
            del task  # it may hold a prompt, and the next one may be long in coming
            self._count(-1)

    def _count(self, more: int) -> int:
        """Count what is under way or waits; where nothing is any more, and none will be, all threads end."""
        with self._turn:
            self._under_way += more
            under_way = self._under_way
        if self._last is not None and not under_way:
            self._last()
            for _ in range(self._threads):
                self._waiting.put(None)
        return under_way
