"""Bills that could not be booked when they came: kept on this machine until the ledger takes them.

One JSON line a bill, on the disk before `keep` returns; never a prompt or a reply. Booking converges, so a
bill may be tried by several processes, and again after a crash between its booking and its removal. One that
the ledger refuses for good is set aside in a file of its own, with the reason, and does not come again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from ...account import Bill, Source, Status
from ...beside import append, parsed
from ...errors import LedgerError
from .gate import Gate
from .place import make_file

Waiting = tuple[str, Bill | None]
"""A call's op, and its bill; None for a void."""

_TURN_S = 5.0


class Outbox:
    """The bills that wait for one ledger.

    Parameters
    ----------
    path : Path
        The file; there only while something waits.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._gate = Gate(path.with_name(f"{path.name}.lock"), wait_s=_TURN_S)
        self._unwritten: dict[str, Bill | None] = {}

    def keep(self, op: str, bill: Bill | None) -> None:
        """Keep a bill on the disk; where that fails, at least as long as this process lives."""
        self._unwritten[op] = bill
        try:
            make_file(self._path)  # its folder before the gate, which lies there
            self._gate.through(lambda: self._add(op, bill))
        except (LedgerError, OSError):
            return
        del self._unwritten[op]

    def waiting(self) -> list[Waiting]:
        """What waits, oldest first."""
        found = dict(map(_read, self._lines()))
        return list({**found, **self._unwritten}.items())

    @property
    def aside(self) -> Path:
        """Where the refused bills are kept, for whoever looks after the ledger."""
        return self._path.with_name(f"{self._path.name}.refused")

    def set_aside(self, op: str, bill: Bill, why: str) -> None:
        """Keep a bill that was refused for good out of the way; where that fails it goes on waiting."""
        try:
            make_file(self.aside)
            self._gate.through(lambda: _append(self.aside, _line(op, bill, why=why)))
        except (LedgerError, OSError):
            self.keep(op, bill)
        else:
            self.remove([(op, bill)])

    def remove(self, booked: Iterable[Waiting]) -> None:
        """Let go of what is booked; what came meanwhile stays."""
        done = dict(booked)
        for op in done.keys() & self._unwritten.keys():
            del self._unwritten[op]
        try:
            if self._path.exists():
                self._gate.through(lambda: self._rewrite_without(done))
        except (LedgerError, OSError):
            return  # it is booked: tried again, it converges

    def _lines(self) -> Iterator[str]:
        """The lines that are whole bills: one that a crash cut off was never acknowledged."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        for line in text.splitlines():
            try:
                _read(line)
            except (ValueError, TypeError, KeyError):
                continue
            yield line

    def _add(self, op: str, bill: Bill | None) -> None:
        make_file(self._path)
        _append(self._path, _line(op, bill))

    def _rewrite_without(self, done: dict[str, Bill | None]) -> None:
        lines = [line for line in self._lines() if _read(line)[0] not in done]
        if not lines:
            self._path.unlink(missing_ok=True)
            return
        anew = self._path.with_name(f"{self._path.name}.new")
        anew.unlink(missing_ok=True)
        make_file(anew)
        _append(anew, "\n".join(lines))
        anew.replace(self._path)


def _append(path: Path, text: str) -> None:
    append(path, text)
    if os.name != "nt":  # the name must be on the disk too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _line(op: str, bill: Bill | None, **also: str) -> str:
    told = {"op": op, "bill": None if bill is None else asdict(bill), **also}
    return json.dumps(told, separators=(",", ":"))


def _read(line: str) -> Waiting:
    told = parsed(line)
    fields = told["bill"]
    if fields is None:
        return str(told["op"]), None
    if not isinstance(fields["tokens"], int | float):
        raise TypeError
    return str(told["op"]), Bill(
        **{**fields, "source": Source(fields["source"]), "status": Status(fields["status"])}
    )
