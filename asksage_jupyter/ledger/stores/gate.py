"""One writer at a time, first come, first served: among threads, then among processes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import TypeVar

from ... import locks
from ...errors import LedgerError
from ...interrupts import wait_exposed

T = TypeVar("T")

_SOON_S = 0.5


class Gate:
    """A context manager that lets one thread of one process pass.

    Waiting processes sleep in the kernel's queue: libraries that poll let a busy kernel starve the
    others. Whoever comes takes the place of the next one first, a lock file too, and then the gate: else the
    one that has just left, and is still awake, would pass again before the next one is. The files are opened
    anew for each passage, so that nothing is inherited by a fork.

    Parameters
    ----------
    path : Path
        The lock file; created when it is missing.
    wait_s : float
        How long to wait for the others, in all.
    is_exposed : bool
        Whether a Ctrl-C ends the wait within a shield, too: whoever passes must be ready for that.

    Raises
    ------
    LedgerError
        On entering, when the wait was in vain; the gate is as it was.
    OSError
        On entering, when the lock file cannot be opened.
    """

    def __init__(self, path: Path, *, wait_s: float, is_exposed: bool = False) -> None:
        self._path, self._next, self._wait_s = path, next_of(path), wait_s
        self._is_exposed = is_exposed
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._owner: int | None = None
        self._file: FileIO | None = None
        self._is_paused = False

    def __enter__(self) -> None:
        deadline = time.monotonic() + self._wait_s
        if self._owner == threading.get_ident():
            # An interrupt struck this thread between passing the gate and leaving it.
            self.__exit__()
        self._enter_turn(deadline)
        try:
            self._file = self._lock_file(deadline)
        except BaseException:
            self._leave_turn()
            raise

    def __exit__(self, *_: object) -> None:
        file, self._file = self._file, None
        try:
            if file is not None:
                try:
                    locks.give_back(file)
                finally:
                    file.close()
        finally:
            self._leave_turn()

    def pause(self, wait_s: float) -> bool:
        """Keep all threads of this process out, once the one inside has left; whether it did in time."""
        self._is_paused = self._owner != threading.get_ident()
        if self._is_paused:
            try:
                self._enter_turn(time.monotonic() + wait_s)
            except LedgerError:
                self._is_paused = False
        return self._is_paused

    def resume(self) -> None:
        """Let them pass again."""
        if self._is_paused:
            self._is_paused = False
            self._leave_turn()

    def begin_anew(self) -> None:
        """Forget the threads of the process that forked this one."""
        self._is_paused = False
        self._mutex = threading.Lock()
        self._waiting.clear()
        self._owner = None
        self._file = None

    def through(self, do: Callable[[], T]) -> T:
        """Do something within; an interrupt that strikes at the very leaving leaves too.

        Raises
        ------
        LedgerError, OSError
            As on entering.
        """
        try:
            with self:
                return do()
        except KeyboardInterrupt:
            self.let_go()
            raise

    def let_go(self) -> None:
        """Leave the gate if this thread is still in it: an interrupt may strike at the very leaving."""
        if self._owner == threading.get_ident():
            self.__exit__()

    def _enter_turn(self, deadline: float) -> None:
        turn = threading.Lock()
        turn.acquire()
        is_queued = False
        try:
            with self._mutex:
                if self._owner is None:
                    self._owner = threading.get_ident()
                    return
                is_queued = True
                self._waiting.append(turn)
            if self._acquired(turn, deadline):
                self._owner = threading.get_ident()
                return
        except BaseException:
            self._give_up(turn, is_queued)
            raise
        self._give_up(turn, is_queued)
        raise self._busy()

    def _give_up(self, turn: threading.Lock, is_queued: bool) -> None:
        if not is_queued:
            if self._owner == threading.get_ident():
                self._leave_turn()
            return
        with self._mutex:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
        self._leave_turn()  # the turn had come while we gave up: pass it on

    def _leave_turn(self) -> None:
        with self._mutex:
            if self._waiting:
                # Handed over rather than let go, or the thread that leaves would win every race.
                self._owner = -1
                self._waiting.popleft().release()
            else:
                self._owner = None

    def _lock_file(self, deadline: float) -> FileIO:
        place, file = locks.opened(self._next), locks.opened(self._path)
        try:
            if locks.take(place, wait=False):
                is_through = locks.take(file, wait=False)
                locks.give_back(place)  # also to wait: a stop before the wait begins must not keep it
                if is_through:
                    place.close()
                    return file
        except BaseException:
            place.close()
            file.close()
            raise
        wait = locks.Wait(place, file)
        try:
            if wait.until(deadline, self._acquired):
                return file
        except BaseException:
            if not wait.is_given_up():
                file.close()
            raise
        raise self._busy()

    def _acquired(self, lock: threading.Lock, deadline: float) -> bool:
        """Wait for others; a turn that comes soon is taken, and a stop that came meanwhile strikes later."""
        left = max(0.0, deadline - time.monotonic())
        if not self._is_exposed:
            return lock.acquire(timeout=left)
        soon = min(left, _SOON_S)
        return lock.acquire(timeout=soon) or wait_exposed(lambda: lock.acquire(timeout=left - soon))

    def _busy(self) -> LedgerError:
        return LedgerError(
            f"the ledger was busy for {self._wait_s:.0f} s: another notebook or program holds "
            f"{self._path}; stop it or try again."
        )


def next_of(path: Path) -> Path:
    """The file that is locked by whoever is the next to pass the gate at `path`."""
    return path.with_stem(f"{path.stem}.next")
