"""Calls under way: each in a thread of its own, a bounded number at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Calls:
    """What blocks, done beside an event loop.

    The threads are daemons: a program that ends waits for none, and what was sent stays held.

    Parameters
    ----------
    most : int
        How many at once; the others wait.
    """

    def __init__(self, most: int) -> None:
        self._places = asyncio.Semaphore(most)
        self._under_way = 0
        self._last: Callable[[], None] | None = None
        self._turn = threading.Lock()

    async def do(self, task: Callable[[], T]) -> T:
        """The result of `task`; a caller who is cancelled leaves it to its end."""
        async with self._places:
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
                finally:
                    self._count(-1)

            self._count(1)
            threading.Thread(target=work, name="asksage-call", daemon=True).start()
            return await future

    def close(self, last: Callable[[], None]) -> None:
        """Do `last` once nothing is under way: now, or after the last of them."""
        self._last = last
        self._count(0)

    def _count(self, more: int) -> None:
        with self._turn:
            self._under_way += more
            is_over = self._last is not None and not self._under_way
        if is_over and self._last is not None:
            self._last()
