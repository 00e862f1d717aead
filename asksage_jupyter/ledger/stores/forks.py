"""Forks of a process that has a ledger's file open.

SQLite believes to hold in the child the locks that only the parent holds: a connection that was opened before
the fork is of no use there, and while there is one, neither is one that is opened after it. So all that can
be closed is closed before the fork, and opened again when it is used, by either of them. What is in use at
that very moment cannot be closed: then the child is refused that file.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

from ...errors import LedgerError

File = tuple[int, int]  # device and inode


class Forkable(Protocol):
    """What has connections to a ledger's file."""

    def pause(self) -> None:
        """Close them, and use none until `resume` or `begin_anew`."""
        ...

    def resume(self) -> None:
        """Go on, in the parent."""
        ...

    def begin_anew(self) -> None:
        """Go on, in the child, in which no other thread is left."""
        ...


# The file of each connection of this process, by id; and the files its parent had open when it forked.
_open: dict[int, File] = {}
_inherited: set[File] = set()
_known: weakref.WeakSet[Forkable] = weakref.WeakSet()
_paused: list[Forkable] = []


def know(forkable: Forkable) -> None:
    """Pause it at each fork as long as it lives."""
    _known.add(forkable)


def opened(connection: object, file: File) -> None:
    """A connection of the driver's was opened."""
    _open[id(connection)] = file


def closed(connection: object) -> None:
    """It was closed."""
    _open.pop(id(connection), None)


def refuse_after_fork(file: File) -> None:
    """Refuse a file that the parent was using when it forked this process.

    Raises
    ------
    LedgerError
    """
    if file in _inherited:
        raise LedgerError(
            "this process was forked while another thread used the ledger, and SQLite cannot be shared so: "
            "use threads, or the spawn method of multiprocessing."
        )


def _before() -> None:
    for forkable in list(_known):
        _paused.append(forkable)
        forkable.pause()


def _in_parent() -> None:
    while _paused:
        _paused.pop().resume()


def _in_child() -> None:
    _inherited.update(_open.values())
    while _paused:
        _paused.pop().begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
