"""Forks of a process that has files of SQLite's open.

SQLite believes to hold in the child the locks that only the parent holds: a connection that was opened before
the fork is of no use there, and while there is one, neither is one that is opened after it. So all that can
be closed is closed before the fork, and opened again when it is used, by either of them. What is in use is
waited for a moment. Where it is in use still, its thread may have locks of SQLite's which are the whole
process's, and stay taken in the child: then the child is refused every such file.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Protocol

from .errors import LedgerError


class Forkable(Protocol):
    """What has connections to a file of SQLite's."""

    def pause(self) -> None:
        """Close them, and use none until `resume` or `begin_anew`."""
        ...

    def resume(self) -> None:
        """Go on, in the parent."""
        ...

    def begin_anew(self) -> None:
        """Go on, in the child, in which no other thread is left."""
        ...


_WAIT_S = 0.5  # what is read takes milliseconds, but for what millions of calls are read at once
_LOOK_S = 0.001

# This process's connections, by id, from before they are opened until after they are closed.
_open: dict[int, weakref.ref[object]] = {}
_is_locked = False  # whether the parent had one in use
_known: weakref.WeakSet[Forkable] = weakref.WeakSet()
_turn = threading.Lock()  # of threads that fork
_paused: list[Forkable] = []
_is_near = _is_barred = _is_in_use = False
_is_over = threading.Event()


def know(forkable: Forkable) -> None:
    """Pause it at each fork as long as it lives."""
    _known.add(forkable)


def forget(forkable: Forkable) -> None:
    """It is closed. Said rather than left to its end: a Ctrl-C within a weak set's callback is lost."""
    _known.discard(forkable)


def opening(connection: object) -> None:
    """A connection of the driver's is about to be opened; where a fork is, once that is over."""
    _open[id(connection)] = weakref.ref(connection)
    while _is_barred:  # looked at no sooner, or it could be set in between
        closed(connection)
        _is_over.wait()
        _open[id(connection)] = weakref.ref(connection)


def closed(connection: object) -> None:
    """It was closed."""
    _open.pop(id(connection), None)


def is_near() -> bool:
    """Whether a fork is about to be: then nothing is kept open."""
    return _is_near


def refuse_after_fork() -> None:
    """Refuse all files of SQLite's where the parent was using one when it forked this process.

    Raises
    ------
    LedgerError
    """
    if _is_locked:
        raise LedgerError(
            "this process was forked while another thread used the ledger or what lies beside it, and SQLite "
            "cannot be shared so: use threads, or the spawn method of multiprocessing."
        )


def in_child(begin_anew: Callable[[], object]) -> None:
    """Do something in each forked child: what another thread of the parent held stays taken there."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=begin_anew)


def _before() -> None:
    global _is_near, _is_barred, _is_in_use
    _turn.acquire()
    _is_near = _is_in_use = True
    _is_over.clear()
    for forkable in list(_known):
        _paused.append(forkable)
        forkable.pause()
    _is_barred = True  # no sooner: whoever is waited for may have one to open
    until = time.monotonic() + _WAIT_S
    while any(known() is not None for known in [*_open.values()]):
        if time.monotonic() > until:
            return
        time.sleep(_LOOK_S)
    _is_in_use = False


def _in_parent() -> None:
    global _is_near, _is_barred
    _is_near = _is_barred = False
    _is_over.set()
    while _paused:
        _paused.pop().resume()
    _turn.release()


def _in_child() -> None:
    global _is_near, _is_barred, _is_locked, _is_over, _turn
    _is_near = _is_barred = False
    _is_locked = _is_locked or _is_in_use
    _is_over, _turn = threading.Event(), threading.Lock()
    while _paused:
        _paused.pop().begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
