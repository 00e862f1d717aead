"""Files as locks: taken at once, or waited for with a limit."""

from __future__ import annotations

import sys
import threading
import time
from _thread import start_new_thread
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any
from weakref import ref

from . import forks
from .beside import for_the_person_alone

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
        # Said explicitly: a child forked amid the opening holds a copy of the descriptor, and closing ours
        # alone would leave the lock with it.
        fcntl.flock(file, fcntl.LOCK_UN)


# A forked child closes its copies: what is locked would stay so for as long as it lives, whoever ends.
_open: dict[int, ref[FileIO]] = {}


class _Lockable(FileIO):
    def __init__(self, *args: Any, **named: Any) -> None:
        _open[id(self)] = ref(self)
        super().__init__(*args, **named)

    def close(self) -> None:
        super().close()
        _open.pop(id(self), None)


def opened(path: Path) -> FileIO:
    """The file to lock, made where it is missing; closed in a child that is forked."""
    # A descriptor that no object owns is lost where a Ctrl-C strikes before it is kept.
    try:
        return _Lockable(path, "r+")
    except FileNotFoundError:
        return _Lockable(path, "a+", opener=for_the_person_alone)


def _begin_anew() -> None:
    for known in list(_open.values()):
        if (file := known()) is not None:
            file.close()


forks.in_child(_begin_anew)


class Wait:
    """A wait for one's place and then the lock file, in a thread of its own, because flock knows no time-out.

    Whether the wait was over or given up first is the first word of a list: no interrupt can come
    in between.
    """

    def __init__(self, place: FileIO, file: FileIO) -> None:
        self._place, self._file = place, file
        self._done = threading.Lock()
        self._done.acquire()
        self._words: list[str] = []
        self._fault: OSError | None = None

    def until(self, deadline: float, acquired: Callable[[threading.Lock, float], bool]) -> bool:
        """Whether the file was locked in time; when not, the file is no longer ours to close.

        Parameters
        ----------
        deadline : float
            Of the monotonic clock.
        acquired : callable
            How it is waited for: whether a lock came by then.

        Raises
        ------
        OSError
            It cannot be locked; it is ours.
        """
        try:
            start_new_thread(self._block, ())  # `Thread.start` waits, and an interrupt there loses the thread
        except RuntimeError:  # no threads here, or no more of them: wait without a limit
            self._block()
        acquired(self._done, deadline)
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
