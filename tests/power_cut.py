"""What a disk may hold after its power was cut: all that was synced, and of the rest whatever it likes.

Rebuilt from what `faulty_disk.c` wrote down. A disk that lost power has kept any of the writes since a file's
last sync and not the others, some of them only in part; of the names in the folder it has kept the changes up
to some moment since the folder's last sync. What a failed sync left behind is as uncertain, and no later sync
mends it: the kernel takes those pages for written.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fault_desk import Heard

_EVENT = struct.Struct("=8sqqq")  # kind, offset, bytes, bytes of the name
_SECTOR = 512
_LOST_ANYWAY = ("-shm", ".ballast", ".lock")  # nothing that the ledger relies on after a restart


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that the disk was asked, or that the client said."""

    kind: str
    name: str
    offset: int
    data: bytes


def events(journal: Path) -> list[Event]:
    """Read the journal in the order in which it was written."""
    content, told, at = memoryview(journal.read_bytes()), [], 0
    while at < len(content):
        kind, offset, length, name_length = _EVENT.unpack_from(content, at)
        at += _EVENT.size
        name, data = content[at : at + name_length], content[at + name_length : at + name_length + length]
        at += name_length + length
        told.append(Event(kind.rstrip(b"\0").decode(), bytes(name).decode(), offset, bytes(data)))
    return told


@dataclass(slots=True)
class _File:
    """What is certainly on the disk of one file, and what was asked since."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[Event] = field(default_factory=list)

    def sync(self) -> None:
        for event in self.pending:
            _apply(self.synced, event, event.data)
        self.pending.clear()

    def fail_to_sync(self, chance: random.Random) -> None:
        self.synced = self.after_a_cut(chance)
        self.pending.clear()

    def after_a_cut(self, chance: random.Random) -> bytearray:
        """What a disk might hold: from none to all of what was not synced."""
        content, share = bytearray(self.synced), chance.choice([0, 0.2, 0.5, 0.8, 1])
        for event in self.pending:
            if chance.random() < share:
                _apply(content, event, event.data)
            elif event.kind == "write" and chance.random() < 0.2:
                _apply(content, event, event.data[: chance.randrange(0, len(event.data) + 1, _SECTOR)])
        return content


class Disk:
    """The folder as the journal tells it, event by event."""

    def __init__(self, chance: random.Random) -> None:
        self.heard = Heard()
        self._chance = chance
        self._names: dict[str, _File] = {}  # as programs see the folder
        self._past: list[dict[str, _File]] = [{}]  # the folder as last synced, and after each change since

    def take(self, event: Event) -> None:
        """Go on by one event."""
        if event.kind == "said":
            word, _, op = event.name.partition(" ")
            self.heard(word, op)
        elif event.name.endswith(_LOST_ANYWAY):
            return
        elif event.kind == "unlink":
            self._names.pop(event.name, None)
            self._past.append(dict(self._names))
        elif not event.name:
            self._past = [dict(self._names)] if event.kind == "sync" else self._past
        elif event.kind == "sync":
            self._file(event.name).sync()
        elif event.kind == "nosync":
            self._file(event.name).fail_to_sync(self._chance)
        elif event.kind in ("write", "cut"):
            self._file(event.name).pending.append(event)

    def cut(self, folder: Path) -> None:
        """Lay down in `folder` what the disk might hold if its power went now."""
        for name, file in self._chance.choice(self._past).items():
            (folder / name).write_bytes(file.after_a_cut(self._chance))

    def _file(self, name: str) -> _File:
        if name not in self._names:
            self._names[name] = _File()
            self._past.append(dict(self._names))
        return self._names[name]


def _apply(content: bytearray, event: Event, data: bytes) -> None:
    if event.kind == "cut":
        del content[event.offset :]
        content.extend(bytes(event.offset - len(content)))
    elif data:
        content.extend(bytes(max(0, event.offset - len(content))))
        content[event.offset : event.offset + len(data)] = data


def cuts(told: list[Event], folder: Path, number: int, seed: int) -> Iterator[tuple[Path, Heard]]:
    """Cut the power at random moments: the ledger's file after each, and what had been acknowledged before.

    Half of the moments are among the few in which more happens than that the log grows.
    """
    chance = random.Random(seed)
    turns = [at for at, event in enumerate(told) if event.kind != "said" and not event.name.endswith("-wal")]
    moments = chance.choices(range(len(told) + 1), k=number - number // 2) + chance.choices(
        turns, k=number // 2
    )
    disk, done = Disk(chance), 0
    for index, moment in enumerate(sorted(moments)):
        for event in told[done:moment]:
            disk.take(event)
        done = moment
        place = folder / str(index)
        place.mkdir()
        disk.cut(place)
        yield place / "ledger.sqlite", Heard(disk.heard)
