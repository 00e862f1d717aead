"""A sum over parts of a text, on several cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from threading import Event, Lock


def total(
    parts: Iterable[str], count: Callable[[str], int], another: Callable[[], Callable[[str], int]]
) -> int:
    """The sum of `count` over `parts`. Whoever is free takes the next one, so that few are in memory.

    Parameters
    ----------
    count : callable
        Used by the calling thread. It releases the GIL, or the others are of no help.
    another : callable
        Makes one more `count`, in the thread that will use it: tiktoken's regular expressions serve
        the thread that used them first, and take half as long again in any other.
    """
    from concurrent.futures import ThreadPoolExecutor

    remaining, taking, is_over = iter(parts), Lock(), Event()

    def take() -> str | None:
        with taking:
            return None if is_over.is_set() else next(remaining, None)

    def work(count: Callable[[str], int]) -> int:
        return sum(map(count, iter(take, None)))

    helpers = min(4, os.cpu_count() or 1) - 1
    with ThreadPoolExecutor(max(1, helpers), "asksage-count") as pool:
        helped = [pool.submit(lambda: work(another())) for _ in range(helpers)]
        try:
            return work(count) + sum(future.result() for future in helped)
        finally:
            is_over.set()  # after an interrupt nobody goes on
