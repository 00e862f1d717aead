"""Work in a thread of its own, out of the reach of Ctrl-C: only what may be stopped is done in the caller's.

Ctrl-C strikes the main thread between any two of its steps, also between a debit and the reply that it paid
for, or between a hold and the note that there is one. So what is booked is booked aside, and the main thread
only sends, and waits. It waits with what is made in C and takes effect wholly or not at all: `Event`,
`Condition`, `Thread.start` and `Future` are Python, and a Ctrl-C within may leave them locked.
"""

from __future__ import annotations

import threading
from _thread import start_new_thread
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from ...interrupts import handled, is_stop

T = TypeVar("T")


class Here(Protocol):
    """Does something in the thread that waits, where Ctrl-C strikes; once at the most."""

    def __call__(self, do: Callable[[], T], /) -> T:
        """What `do` returns or raises; KeyboardInterrupt when a Ctrl-C came before it was through."""
        ...


def at_once(do: Callable[[], T], /) -> T:
    """A `Here` of work that is not aside."""
    return do()


class Aside(Generic[T]):
    """One piece of work. In threads that no Ctrl-C strikes it is done at once.

    Parameters
    ----------
    work : callable
        Is given a `Here`. A Ctrl-C stops what it does with that, and nothing else of it.

    Attributes
    ----------
    is_stopped : bool
        Whether a Ctrl-C came, be it too late to stop anything.
    """

    def __init__(self, work: Callable[[Here], T]) -> None:
        self.is_stopped = False
        self._work = work
        self._context = copy_context()  # the kernel finds in it which cell is under way
        self._claim = threading.Lock()  # taken once, by whoever does the work
        self._is_over = False
        self._wanted: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()  # the first one counts
        self._outcome: tuple[Any, BaseException | None] = (None, None)

    def run(self) -> T:
        """Do it; what it returns is returned, and what it raises is raised."""
        if threading.get_ident() != threading.main_thread().ident:
            return self._work(at_once)
        self._attend()
        value, error = self._outcome
        if error is not None:
            raise error
        return value  # type: ignore[no-any-return]

    def call_off(self) -> bool:
        """Whether it can still be prevented, and now is; if not, it is stopped as by a Ctrl-C."""
        if self._claim.acquire(blocking=False):
            return True
        self._stop()
        return False

    def _attend(self) -> None:
        # Whatever a Ctrl-C interrupts, what there is to do is found anew. No instruction of the loop lies
        # outside of the `try`, not even its jump back.
        try:
            if not self._claim.locked():
                self._start()
            while not self._is_over:
                do = self._wanted.get()
                if do is not None and not self.is_stopped:
                    self._results.put(self._tried(do))
        except KeyboardInterrupt:
            self._stop()
            self._attend()

    def _tried(self, do: Callable[[], Any]) -> tuple[Any, BaseException | None]:
        before = handled()
        value, error = _done(do)
        if not is_stop(error, before):
            return value, error
        self.is_stopped = True
        return None, KeyboardInterrupt()  # without the frames it struck, which hold the prompt

    def _start(self) -> None:
        try:
            start_new_thread(self._conduct, ())
        except RuntimeError:  # no threads here, or no more of them
            self._conduct(at_once)

    def _conduct(self, here: Here | None = None) -> None:
        if not self._claim.acquire(blocking=False):
            return
        self._outcome = _done(partial(self._context.run, self._work, here or self._here))
        self._is_over = True
        self._wanted.put(None)

    def _here(self, do: Callable[[], Any]) -> Any:
        self._wanted.put(do)
        value, error = self._results.get()
        if error is not None:
            raise error
        return value

    def _stop(self) -> None:
        self.is_stopped = True
        self._results.put((None, KeyboardInterrupt()))


def _done(do: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return do(), None
    except BaseException as error:  # noqa: BLE001  raised again where it is waited for
        return None, error
