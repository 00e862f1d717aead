"""Waiting for a service that takes its time: within one limit, and told while it lasts."""

from __future__ import annotations

import sys
import threading
import time
from _thread import start_new_thread
from contextlib import suppress
from contextvars import ContextVar, copy_context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Teller = Callable[[str | None], None]

T = TypeVar("T")

LIMIT_S = 25.0  # so that a person has an answer within half a minute, whatever else takes time
_TOLD_AFTER_S = 1.5  # who is answered by then has no need to be told
_LOOK_S = 0.2
_GRACE_S = 1.0  # time-outs end most waits; not the look-up of a name, nor a reply whose head drips

_is_helped: ContextVar[bool] = ContextVar("asksage_is_helped", default=False)


class OnStderr:
    """Tells on stderr: on one line of a terminal, which is wiped afterwards; elsewhere now and then."""

    def __init__(self) -> None:
        self._width = 0
        self._next = 0.0

    def can_wipe(self) -> bool:
        """Whether a line that is told can be taken away."""
        return sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, line: str | None) -> None:
        """Show the line in place of the one before; None takes it away."""
        err = sys.stderr
        if err is None:  # a program without a console
            return
        if not err.isatty():
            if line is None:
                self._next = 0.0
            elif time.monotonic() >= self._next:
                self._next = time.monotonic() + 10.0
                err.write(f"{line}\n")
                err.flush()
            return
        err.write(f"\r{' ' * self._width}\r{line or ''}")
        err.flush()
        self._width = len(line or "")


_tell: Teller = OnStderr()


def tell_waiting(tell: Teller | None) -> None:
    """Let `tell` show what is waited for, and take it away when it gets None; without one stderr does."""
    global _tell
    _tell = tell or OnStderr()


def tell(line: str | None) -> None:
    """Show how far something is in place of the line before, in the cell's own thread; None takes it away."""
    _tell(line)


def leave(line: str) -> None:
    """Leave a line behind where none can be shown in place of another, as where a program runs a notebook."""
    if (left := getattr(_tell, "leave", None)) is not None:
        left(line)


def can_wipe() -> bool:
    """Whether what is told can be taken away again: else only what must be known is."""
    ask = getattr(_tell, "can_wipe", None)
    return ask is None or bool(ask())


def patiently(host: str, task: Callable[[], T], limit_s: float = LIMIT_S) -> T:
    """Do what asks `host` for nothing that costs; all its questions together end within the limit.

    It runs in a thread of its own, so that a stop and the limit reach the person whatever it waits for; one
    that is given up finds its time over at its next question.

    Parameters
    ----------
    host : str
        Who is asked; the person is told so after a moment.
    task : callable
        Whatever it books must be true also when it comes late.
    limit_s : float
        Seconds.

    Raises
    ------
    NotReached
        The limit came first.
    """
    from ..service.way.deadline import left_s, within_s

    if _is_helped.get():
        return task()
    with within_s(limit_s):
        work = _Work(task)
        ends = time.monotonic() + left_s() + _GRACE_S
        work.start()
        _wait(work, host, ends)
    if not work.is_done:
        from ..service.way.transport import silent

        raise silent(host, limit_s)
    return work.outcome()


class _Work(Generic[T]):
    """A task in a thread that no program's end waits for, and what came of it.

    It is waited for in a queue: a Ctrl-C in the wait of an Event, which `Thread.start` has too, can release
    its lock while the thread has it, which then fails with a traceback.
    """

    def __init__(self, task: Callable[[], T]) -> None:
        self._task = task
        self._context = copy_context()
        self._results: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
        self._result: tuple[T | None, BaseException | None] | None = None

    def start(self) -> None:
        start_new_thread(self._run, ())

    def _run(self) -> None:
        self._context.run(_is_helped.set, True)
        try:
            self._results.put((self._context.run(self._task), None))
        except BaseException as error:  # noqa: BLE001  whatever it is, it is raised where it is waited for
            self._results.put((None, error))

    @property
    def is_done(self) -> bool:
        return self._result is not None

    def wait(self, seconds: float) -> bool:
        with suppress(Empty):
            self._result = self._results.get(timeout=seconds)
        return self.is_done

    def outcome(self) -> T:
        value, error = self._result or (None, None)
        if error is not None:
            raise error
        return value  # type: ignore[return-value]


def _wait(work: _Work[Any], host: str, ends: float) -> None:
    """Wait for it, and tell the person how long already."""
    began = time.monotonic()
    # A display belongs to the thread of the cell.
    is_told = False
    may_tell = threading.current_thread() is threading.main_thread()
    try:
        while not work.wait(_LOOK_S) and time.monotonic() < ends:
            waited = time.monotonic() - began
            if may_tell and waited >= _TOLD_AFTER_S:
                is_told = True
                _tell(f"asking {host} · {waited:.0f} s")
    finally:
        if is_told:
            _tell(None)
