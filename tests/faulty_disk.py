"""Clients of the ledger on a disk that fails, fills up, kills them, or loses its power.

The disk is `faulty_disk.c`, preloaded into a Python of its own, whichever SQLite that has. Run as a program
this module is that Python: ``faulty_disk.py DRIVER FOLDER ...`` prints what came of it as one line of JSON.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fault_desk import Heard, Say, check, fresh_ops, plan, spend
from ledger_desk import a_bill

from asksage_jupyter.errors import LedgerError
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.month import now
from asksage_jupyter.session.keeping.file import StoreUnusable
from asksage_jupyter.session.keeping.replies import Replies

COMPILER = shutil.which("cc") or shutil.which("gcc")
CALLS = 3
_ATTEMPTS = 8


def compiled(folder: Path) -> Path:
    """The disk as a library."""
    library = folder / "faulty_disk.so"
    source = Path(__file__).with_suffix(".c")
    subprocess.run(
        [str(COMPILER), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-pthread"], check=True
    )
    return library


def on_disk(library: Path, driver: str, folder: Path, *arguments: object) -> Any:
    """Run a driver on the disk, and return what it tells."""
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__, driver, folder, *map(str, arguments)],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Disk:
    """The preloaded library, as Python calls it."""

    def __init__(self, folder: Path) -> None:
        self._library = ctypes.CDLL(None)
        self._library.disk_calls.restype = ctypes.c_long
        self._library.disk_fail.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_int]
        self._library.disk_watch(bytes(folder.resolve()))

    def fail(self, first: int, error: int, *, every: int = 0) -> None:
        """Let the write or sync number `first` fail, and every so many after it; an error of 0 is kill -9."""
        self._library.disk_fail(first, every, error)

    def heal(self) -> None:
        self.fail(0, 0)

    @property
    def calls(self) -> int:
        """Writes and syncs since `fail` or `heal`."""
        return int(self._library.disk_calls())

    def remember(self, journal: Path) -> None:
        """Write down every write, sync and `say` from now on."""
        self._library.disk_remember(bytes(journal))

    def say(self, word: str, op: str) -> None:
        self._library.disk_note(f"{word} {op}".encode())


# What runs on the disk


def each_fails(folder: Path, error: int, step: int) -> dict[str, int]:
    """In a client's life, from the making of the file to its closing, each write and sync fails once in turn.

    At a step above 1 only every so many of them do.
    """
    disk, told = Disk(folder), 0
    for point, number in enumerate(itertools.count(1, step)):
        heard, place = Heard(), folder / f"{number}.sqlite"
        disk.fail(number, error)
        told += live(place, heard)
        if disk.calls < number:
            return {"points": point, "told": told}
        disk.heal()
        check(place, heard)
    raise AssertionError


def every_nth_fails(folder: Path, error: int, most: int) -> dict[str, int]:
    """Every n-th write and sync fails all through a client's life, for each n up to `most`."""
    disk, failed, told = Disk(folder), 0, 0
    for every in range(1, most + 1):
        heard, place = Heard(), folder / f"{every}.sqlite"
        disk.fail(every, error, every=every)
        told += live(place, heard)
        failed += disk.calls // every
        disk.heal()
        check(place, heard)
    return {"failed": failed, "told": told}


def killed_at_each(folder: Path, step: int) -> dict[str, int]:
    """A client is killed in each of its writes and syncs in turn, or in every so many of them."""
    disk = Disk(folder)
    for point, number in enumerate(itertools.count(1, step)):
        place = folder / f"{number}.sqlite"
        heard, killed = _killed_at(disk, number, place)
        check(place, heard)
        if not killed:
            return {"points": point}
    raise AssertionError


def remembered(folder: Path, journal: str, calls: int, every: int) -> dict[str, int]:
    """A short session and one long enough for checkpoints, all written down; every n-th call may fail."""
    disk = Disk(folder)
    disk.remember(Path(journal))
    disk.fail(every, errno.EIO, every=every)
    told = sum(live(folder / "ledger.sqlite", disk.say, share) for share in (calls // 10, calls))
    return {"calls": disk.calls, "told": told}


def remembered_replies(folder: Path, journal: str, calls: int, every: int) -> dict[str, int]:
    """A store of replies that claims and keeps, all written down; every n-th call may fail."""
    disk = Disk(folder)
    disk.remember(Path(journal))
    disk.fail(every, errno.EIO, every=every)
    told = sum(keep_replies(folder / "ledger.sqlite", disk.say, share) for share in (calls // 10, calls))
    return {"calls": disk.calls, "told": told}


def keep_replies(place: Path, say: Say, calls: int) -> int:
    """Claim keys and keep their replies; every fifth gets none. How often a failure was told.

    The words are the ledger's: a claim is "held" when it is acknowledged, a kept reply "settled".
    """
    told, run = 0, SimpleNamespace(name="run")
    for first in range(0, calls, 20):  # a store for each twenty, so that some are closed and opened again
        try:
            with closing(Replies(place, now)) as replies:
                for number, op in enumerate(fresh_ops(min(20, calls - first))):
                    say("sent", op)
                    try:
                        replies.claim(op.encode(), op, run, "job")
                        say("held", op)
                        if number % 5:
                            replies.keep(op.encode(), op, f"reply {op} " + 300 * "x", "a-model", a_bill(7))
                            say("settled", op)
                    except StoreUnusable:
                        told += 1
        except StoreUnusable:
            told += 1
    return told


def check_replies(place: Path, words: Heard) -> None:
    """The store has each acknowledged claim, and each reply whole; nothing is claimed twice."""
    ops = sorted(words)
    with closing(Replies(place, now)) as replies:
        found = replies.find([op.encode() for op in ops])
        for op in ops:
            there = found.get(op.encode())
            if words[op] == "sent":  # its hold never began, as the claim was not acknowledged
                continue
            assert there is not None and there.op == op
            assert not replies.claim(op.encode(), "another", SimpleNamespace(name="later"), "job")
            if words[op] == "settled":
                assert there.is_kept and there.text == f"reply {op} " + 300 * "x"
                assert there.bill == a_bill(7)


def live(place: Path, say: Say, calls: int = CALLS) -> int:
    """Open, plan, spend and close, again while it fails but not for ever; how often a failure was told."""
    ops = list(fresh_ops(calls))
    for told in range(_ATTEMPTS):
        try:
            with closing(Ledger(place)) as ledger:
                plan(ledger, say)
                spend(ledger, say, ops)
        except LedgerError:
            continue
        return told
    return _ATTEMPTS


def _killed_at(disk: Disk, number: int, place: Path) -> tuple[Heard, bool]:
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(theirs, "w", buffering=1) as pipe:
            disk.fail(number, 0)
            live(place, partial(print, file=pipe))
        os._exit(0)
    os.close(theirs)
    heard = Heard()
    with os.fdopen(ours) as pipe:
        for line in pipe:
            heard(*line.rstrip("\n").split(" "))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return heard, status != 0


if __name__ == "__main__":
    driver, folder, *rest = sys.argv[1:]
    arguments = [int(text) if text.isdigit() else text for text in rest]
    print(json.dumps(globals()[driver](Path(folder), *arguments)))
