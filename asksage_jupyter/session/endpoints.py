"""Which endpoints run on this machine, and what came of them: small files beside the ledger.

An endpoint runs in a kernel or a terminal. Panels and the sidebar's server are other processes: they read
what it tells there, and end it by a file that asks for it.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from ..beside import mark_of, of_account, read, write
from ..display.plain import many
from .keeping.owner import Owner, is_alive

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from ..account import Account

_FOLDER = "endpoints"
_TOLD, _STOP = ".json", ".stop"


@dataclass(frozen=True, slots=True)
class Running:
    """An endpoint that runs.

    Attributes
    ----------
    name : str
        Of this run.
    url : str
    since : int
        Microseconds UTC.
    pid : int
        The process that serves.
    calls, tokens : int
        Answered through it, and the Ask Sage tokens debited for them on both meters.
    """

    name: str
    url: str
    since: int
    pid: int
    calls: int = 0
    tokens: int = 0

    @property
    def words(self) -> str:
        """What came of it."""
        return f"{many(self.calls, 'call')}, {self.tokens:,} tokens" if self.calls else "no call yet"

    @property
    def is_here(self) -> bool:
        """Whether this very process serves."""
        return self.pid == os.getpid()


class Announcement:
    """Tells of one endpoint while it runs. Never fails: nothing depends on it.

    Parameters
    ----------
    folder : Path
        That of the ledger.
    account : Account
        Whose tokens are spent.
    url : str
    since : int
        Microseconds UTC.
    """

    def __init__(self, folder: Path, account: Account, url: str, since: int) -> None:
        self._folder = _of(folder, account)
        self._turn = threading.Lock()
        self._owner: Owner | None = None
        self._running = self._written = Running("", url, since, os.getpid())
        with suppress(OSError):
            self._owner = Owner(self._folder)
            self._running = replace(self._running, name=self._owner.name)
            self.write()

    def add(self, tokens: int | None) -> None:
        """A call was answered, and billed so many tokens; None where that is not told yet."""
        with self._turn:
            now = self._running
            self._running = replace(now, calls=now.calls + 1, tokens=now.tokens + (tokens or 0))

    def write(self) -> None:
        """Tell what came of it by now, where that is new."""
        if self._owner is not None and self._running != self._written:
            self._written = self._running
            with suppress(OSError):
                write(self._folder / f"{self._owner.name}{_TOLD}", asdict(self._written))

    @property
    def asks_to_stop(self) -> bool:
        """Whether somebody wants it to end."""
        return self._owner is not None and (self._folder / f"{self._owner.name}{_STOP}").exists()

    def close(self) -> None:
        """It runs no more."""
        owner, self._owner = self._owner, None
        if owner is not None:
            _forget(self._folder, owner.name)
            with suppress(OSError):
                owner.close()


def running(folder: Path, account: Account) -> list[Running]:
    """Those of the account that run, the oldest first; `folder` is the ledger's."""
    found = [_read(path) for path in _of(folder, account).glob(f"*{_TOLD}")]
    return sorted((each for each in found if each is not None), key=lambda each: each.since)


def stop(folder: Path, account: Account, name: str) -> bool:
    """Ask one of them to end; returns whether it runs."""
    if name not in (each.name for each in running(folder, account)):
        return False
    with suppress(OSError):
        write(_of(folder, account) / f"{name}{_STOP}", True)
    return True


def mark(folder: Path) -> Hashable:
    """What differs after one of any account's began, ended, or had something to tell."""
    return tuple(mark_of(each) for each in sorted((folder / _FOLDER).glob("*")))


def _of(folder: Path, account: Account) -> Path:
    return of_account(folder / _FOLDER, account).with_suffix("")


def _read(path: Path) -> Running | None:
    """What stands in a file, unless its process died."""
    match read(path):
        case {
            "name": str(name), "url": str(url), "since": int(since), "pid": int(pid),
            "calls": int(calls), "tokens": int(tokens),
        } if name == path.stem:  # fmt: skip
            with suppress(OSError):
                if is_alive(path.parent, name):
                    return Running(name, url, since, pid, calls, tokens)
    _forget(path.parent, path.stem)
    return None


def _forget(folder: Path, name: str) -> None:
    for kind in (_TOLD, _STOP):
        with suppress(OSError):
            (folder / f"{name}{kind}").unlink(missing_ok=True)
