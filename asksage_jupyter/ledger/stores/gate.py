"""One writer at a time, first come, first served: among threads, then among processes."""

from __future__ import annotations

import sys
import threading
import time
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TypeVar

from ...beside import for_the_person_alone
from ...errors import LedgerError

if sys.platform == "win32":
    import msvcrt

    def take(file: FileIO, *, wait: bool) -> bool:
        """Lock the file; whether it is locked: without waiting, it may be another's."""
        # Windows has no queue to wait in, only its own slow polling.
        while True:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    return False
                time.sleep(0.002)
            else:
                return True

    def give_back(file: FileIO) -> None:
        """Let go of its lock."""
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def take(file: FileIO, *, wait: bool) -> bool:
        """Lock the file; whether it is locked: without waiting, it may be another's."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def give_back(file: FileIO) -> None:
        """Let go of its lock."""
        # Said explicitly: a child forked meanwhile holds a copy of the descriptor, and closing ours
        # alone would leave the lock with it.
        fcntl.flock(file, fcntl.LOCK_UN)


T = TypeVar("T")


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

    Raises
    ------
    LedgerError
        On entering, when the wait was in vain; the gate is as it was.
    OSError
        On entering, when the lock file cannot be opened.
    """

    def __init__(self, path: Path, *, wait_s: float) -> None:
        self._path, self._next, self._wait_s = path, next_of(path), wait_s
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
                    give_back(file)
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
        file, self._file = self._file, None
        if file is not None:
            file.close()  # its copy alone: the lock stays with the other process

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
            if turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
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
        place, file = _opened(self._next), _opened(self._path)
        try:
            if take(place, wait=False):
                is_through = take(file, wait=False)
                give_back(place)  # also to wait: a stop before the wait begins must not keep it
                if is_through:
                    place.close()
                    return file
        except BaseException:
            place.close()
            file.close()
            raise
        wait = _Wait(place, file)
        try:
            if wait.until(deadline):
                return file
        except BaseException:
            if not wait.is_given_up():
                file.close()
            raise
        raise self._busy()

    def _busy(self) -> LedgerError:
        return LedgerError(
            f"the ledger was busy for {self._wait_s:.0f} s: another notebook or program holds "
            f"{self._path}; stop it or try again."
        )


def next_of(path: Path) -> Path:
    """The file that is locked by whoever is the next to pass the gate at `path`."""
    return path.with_stem(f"{path.stem}.next")


def _opened(path: Path) -> FileIO:
    # A descriptor that no object owns is lost where a Ctrl-C strikes before it is kept.
    try:
        return FileIO(path, "r+")
    except FileNotFoundError:
        return FileIO(path, "a+", opener=for_the_person_alone)


class _Wait:
    """A wait for one's place and the lock file in a thread of its own, because flock knows no time-out.

    Whether the wait was over or given up first is the first word of a list: no interrupt can come
    in between.
    """

    def __init__(self, place: FileIO, file: FileIO) -> None:
        self._place, self._file = place, file
        self._done = threading.Lock()
        self._done.acquire()
        self._words: list[str] = []
        self._fault: OSError | None = None

    def until(self, deadline: float) -> bool:
        """Whether the file was locked in time; when not, the file is no longer ours to close.

        Raises
        ------
        OSError
            It cannot be locked; it is ours.
        """
        try:
            start_new_thread(self._block, ())  # `Thread.start` waits, and an interrupt there loses the thread
        except RuntimeError:  # no threads here, or no more of them: wait without a limit
            self._block()
        self._done.acquire(timeout=max(0.0, deadline - time.monotonic()))
        if self.is_given_up():
            return False
        if self._fault is not None:
            raise self._fault
        return True

    def is_given_up(self) -> bool:
        """Give up, unless the lock came first; it may be asked again."""
        self._words.append("given up")
        return self._words[0] == "given up"

    def _block(self) -> None:
        try:
            take(self._place, wait=True)
            take(self._file, wait=True)
        except OSError as error:  # a network file system may lose its locks while one is waited for
            self._fault = error
        self._words.append("over")
        with suppress(OSError):  # as above
            give_back(self._place)
            self._place.close()
        if self._words[0] == "over":
            self._done.release()
        else:
            self._file.close()
