"""Work on parts of a text, on several cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from threading import Event, Lock
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def spread(work: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
    """What `work` makes of each of `parts`. Whoever is free takes the next one, so that few are in memory.

    Parameters
    ----------
    work : callable
        It releases the GIL, or the other threads are of no help.
    """
    from concurrent.futures import ThreadPoolExecutor

    numbered, taking, is_over = enumerate(parts), Lock(), Event()
    results: dict[int, Result] = {}

    def take() -> tuple[int, Part] | None:
        with taking:
            return None if is_over.is_set() else next(numbered, None)

    def help_on() -> None:
        for number, part in iter(take, None):
            results[number] = work(part)

    helpers = min(4, os.cpu_count() or 1) - 1
    with ThreadPoolExecutor(max(1, helpers), "asksage-count") as pool:
        helped = [pool.submit(help_on) for _ in range(helpers)]
        try:
            help_on()
            for future in helped:
                future.result()
        finally:
            is_over.set()  # after an interrupt nobody goes on
    return [results[number] for number in range(len(results))]
