"""Where a Ctrl-C may strike: not within a shield, nor while a thread is begun; and which error is one."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # the public one makes enums: 4 calls and a repr
import sys
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar

T = TypeVar("T")

# What a program is stopped by, or stops itself by: a handler may raise in the middle of anything. A kernel
# has one for the first alone.
_STOPS = [
    getattr(signal, f"SIG{name}")
    for name in ("INT", "ALRM", "TERM", "HUP", "QUIT", "USR1", "USR2", "VTALRM", "PROF", "BREAK")
    if hasattr(signal, f"SIG{name}")
]


class StoppedWaiting(KeyboardInterrupt):
    """A Ctrl-C came in a wait within a shield: what was waited for is not begun."""


class Shield:
    """A context manager in which no Ctrl-C strikes but in what is `exposed`; else it strikes at the end.

    As a Ctrl-C counts whatever signal a function of Python's handles. Of threads other than the main one
    nothing is kept away, for none strikes there; nor is what whoever embeds Python handles otherwise.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[int, Any], object]] = {}
        self._late: list[int] = []
        self._struck = 0
        self._is_exposed = False

    def __enter__(self) -> Self:
        if threading.get_ident() == threading.main_thread().ident:
            try:
                for number in _STOPS:
                    if callable(handler := signal.getsignal(number)):
                        self._handlers[number] = handler
                        # What came before strikes here, and nothing is begun.
                        signal.signal(number, self._strike)
            except BaseException:
                self._give_back()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()
        self._strike_late()

    def exposed(self, do: Callable[[], T]) -> T:
        """Do something that a Ctrl-C strikes, at its beginning if one has come.

        Whether one strikes is a single assignment of Python's: in between there is no gap for it.
        """
        before = self._is_exposed
        try:
            self._is_exposed = True
            self._strike_late()
            return do()
        finally:
            self._is_exposed = before

    def exposed_to_wait(self, wait: Callable[[], T]) -> T:
        """The same of a wait; what ends it strikes once more at the end of all.

        Raises
        ------
        StoppedWaiting
        """
        try:
            return self.exposed(wait)
        except KeyboardInterrupt:
            self._late.append(self._struck)
            raise StoppedWaiting("stopped while it waited for others") from None

    def _strike(self, number: int, frame: Any) -> None:
        if self._is_exposed:
            self._struck = number
            self._handlers[number](number, frame)
        else:
            self._late.append(number)

    def _strike_late(self) -> None:
        while self._late:
            self._struck = self._late.pop()
            self._handlers[self._struck](self._struck, sys._getframe())

    def _give_back(self) -> None:
        """Put all handlers back, although one that is back already may raise meanwhile."""
        struck = None
        is_done = False
        while not is_done:
            try:
                for number, handler in self._handlers.items():
                    signal.signal(number, handler)
                is_done = True
            except BaseException as error:  # noqa: BLE001  raised again once all are back
                struck = error
        if struck is not None:
            raise struck


def wait_exposed(wait: Callable[[], T]) -> T:
    """Wait for what is not begun yet: a Ctrl-C strikes there within a shield, too.

    Raises
    ------
    StoppedWaiting
        One came, within a shield; without one it is as any other.
    """
    shield = None
    if threading.get_ident() == threading.main_thread().ident:
        owners = (getattr(signal.getsignal(number), "__self__", None) for number in _STOPS)
        shield = next((owner for owner in owners if isinstance(owner, Shield)), None)
    return wait() if shield is None else shield.exposed_to_wait(wait)


def begin(thread: threading.Thread) -> None:
    """Start a thread, out of the reach of Ctrl-C: one that strikes within `Thread.start` may leave it stuck.

    `Thread.start` waits in Python for the new thread, and where that is interrupted its lock may stay taken;
    the new thread then waits for it for ever.

    Raises
    ------
    RuntimeError
        There are no threads here, or no more of them.
    KeyboardInterrupt
        It came meanwhile; the thread begins all the same.
    """
    with Shield():
        thread.start()


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
