"""What a first cell imports, imported while the kernel waits for the person: two thirds of that cell's time.

Only where an event loop runs the cells, as in a kernel, and one of them loads the extension: a terminal, and
a profile that loads it into every kernel, pay for it at its first use. The loop itself does it, in the main
thread and between two cells, so that no fork and no import meets it half done, and it ends with the kernel.
Nothing is opened, sent or written; a cell that comes too early does the rest at once. It alone makes an
encoding, of 40 MB, which whoever only loads the extension need not keep.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle
    from collections.abc import Callable

_PACKAGE = __name__.rpartition(".magic.")[0]
_PAUSE_S = 0.03  # in which the kernel answers, also the cell that loads the extension

# What comes with the others need not be told.
_MODULES = (
    "sqlalchemy",
    "sqlalchemy.dialects.sqlite",
    ".ledger.book",
    ".ledger.stores.outbox",
    "httpx",
    "httpcore",
    ".service.client",
    ".magic.cells.cell",
    ".magic.telling.news",
    ".magic.telling.forewarning",
    "tomllib",
    ".session.session",
    ".session.forecasting",
    ".session.asking.prompt",
    ".session.asking.replay",
    ".session.asking.looking_back",
    ".tokens",
    "tiktoken",
)


class Idle:
    """Does the steps one after the other, with pauses in which cells are run.

    Parameters
    ----------
    steps : iterator of callable
        The first one that fails is the last: what uses it will tell.
    """

    def __init__(self, steps: Iterator[Callable[[], object]]) -> None:
        self._steps = steps
        self._next: TimerHandle | None = None
        if (loop := _running_loop()) is not None:
            self._wait(loop)

    @property
    def has_more(self) -> bool:
        """Whether there is a step to come."""
        return self._next is not None

    def close(self) -> None:
        """Do no more of them."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def finish(self) -> None:
        """Do the rest at once, for a cell that needs it."""
        self.close()
        if rest := list(self._steps):
            with _quietly(), _uncollected():
                for step in rest:
                    step()

    def _wait(self, loop: AbstractEventLoop) -> None:
        self._next = loop.call_later(_PAUSE_S, self._do_one, loop)

    def _do_one(self, loop: AbstractEventLoop) -> None:
        self._next = None
        with _quietly():
            for step in self._steps:
                step()
                self._wait(loop)
                return


@contextmanager
def _quietly() -> Iterator[None]:
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nobody looks here
        yield


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile: what is imported stays, and looking takes a tenth of a first cell."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _running_loop() -> AbstractEventLoop | None:
    if "asyncio" not in sys.modules:  # whoever runs a loop has it, and it takes 14 ms to import
        return None
    from asyncio import get_running_loop

    try:
        return get_running_loop()
    except RuntimeError:
        return None


def steps() -> Iterator[Callable[[], object]]:
    """The imports of a first cell, whatever it asks."""
    return (partial(import_module, name, _PACKAGE) for name in _MODULES)
