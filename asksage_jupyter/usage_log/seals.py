"""Closed months and days, sealed as Arrow files beside the ledger: written once, mapped ever after.

A seal is a copy and never more: the ledger stays the truth. Whatever is missing, damaged, of another ledger
or older than a late settle is made anew.
"""

from __future__ import annotations

import dataclasses
import hashlib
import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow
import pyarrow.ipc

from .. import month
from ..account import Account
from ..ledger.stores.gate import Gate, next_of
from ..ledger.stores.place import is_on_network
from .arrow import ARROW, batches
from .manifest import Manifest, Seal, digest_of, new_file, stamp_of

if TYPE_CHECKING:
    from ..ledger import LedgerView

_WAIT_S = 600.0  # another process may be sealing, and its seals will serve as well
_MOVED_FAR = 10_000  # entries after which what came since is not looked through again each time
_AT_ONCE = 2  # periods: the database and Arrow work without Python's lock, and each takes memory
_DAY = 86_400 * 10**6  # microseconds
_GROWING = pyarrow.ipc.IpcWriteOptions(emit_dictionary_deltas=True)

Advance = Callable[[int], object]


class Seals:
    """The sealed months and days of one account, each called by its period: ``"2026-10"``, ``"2026-11-05"``.

    Parameters
    ----------
    ledger : LedgerView
    account : Account
    """

    def __init__(self, ledger: LedgerView, account: Account) -> None:
        self._copying, self._account = ledger.copying(account), account
        named = hashlib.sha256(f"{account.host}\n{account.holder}".encode()).hexdigest()[:16]
        self._folder = ledger.folder / f"{ledger.name}.seals" / named
        self._path, self._lock = self._folder / "seals.json", self._folder / "lock"
        # A mapped file that another machine removes takes this process with it.
        self._shared = is_on_network(ledger.folder)
        self._mapped: list[mmap.mmap] = []
        self._read()

    def tables(self, periods: Iterable[str]) -> dict[str, pyarrow.Table]:
        """The calls of these periods, mapped; without those that have no seal, or one of no use."""
        found = {}
        for period in periods:
            with suppress(OSError, ValueError, pyarrow.ArrowException):
                if seal := self._manifest.months.get(period):
                    found[period] = self._table(period, seal)
        return found

    def release(self) -> None:
        """Let go of the memory that mapped files took; what is looked at again is read again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            for mapped in self._mapped:
                mapped.madvise(mmap.MADV_DONTNEED)

    def make(self, periods: Sequence[str], advance: Advance) -> None:
        """Seal these closed periods, unless another process has done so meanwhile.

        Parameters
        ----------
        advance : callable
            Told how many calls more are sealed.

        Raises
        ------
        OSError
            There is no room, or no right to write.
        LedgerError
        """
        for folder in (self._folder.parent, self._folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Gate(self._lock, wait_s=_WAIT_S):
            self._read()
            for over in [day for day in self._manifest.months if day[:7] in periods and day not in periods]:
                del self._manifest.months[over]  # days of a month that is closed by now
            there = self.tables(periods)
            try:
                self._seal([period for period in periods if period not in there], advance)
            finally:
                self._tidy()

    def _seal(self, periods: Sequence[str], advance: Advance) -> None:
        with ThreadPoolExecutor(_AT_ONCE, "asksage-sealing") as pool:
            for period, seal in zip(periods, pool.map(self._sealed, periods), strict=True):
                self._manifest.months[period] = seal
                self._manifest.write(self._path)  # each at once: an interrupt keeps those before it
                advance(seal.calls)

    def _read(self) -> None:
        """Read the manifest, without the months that the ledger has changed since."""
        manifest = self._manifest = Manifest.read(self._path, [self._account.host, self._account.holder])
        stood = manifest.chains
        manifest.chains = self._copying.chains()  # before it is asked what came after
        if not manifest.months:
            return
        sealed_until = bounds_of(max(manifest.months))[1]
        changed = self._copying.settled_after(stood, before=sealed_until)
        if changed is None:
            manifest.months.clear()
            return
        for day in {str(month.local_day(sent_at, "UTC")) for sent_at in changed}:
            for period in (day, day[:7]):
                manifest.months.pop(period, None)
        moved = sum(seq for seq, _ in manifest.chains.values()) - sum(seq for seq, _ in stood.values())
        if moved > _MOVED_FAR:
            self._note()

    def _note(self) -> None:
        with suppress(OSError):
            self._manifest.write(self._path)

    def _table(self, period: str, seal: Seal) -> pyarrow.Table:
        if seal.file is None:
            return ARROW.empty_table()
        path = self._folder / seal.file
        stamp = stamp_of(path)
        if stamp != seal.stamp:
            if digest_of(path) != seal.digest:
                raise pyarrow.ArrowInvalid("not what was written")
            self._manifest.months[period] = dataclasses.replace(seal, stamp=stamp)
            self._note()
        if self._shared:
            return pyarrow.ipc.open_file(path.read_bytes()).read_all()
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._mapped.append(mapped)
        return pyarrow.ipc.open_file(pyarrow.py_buffer(mapped)).read_all()

    def _sealed(self, period: str) -> Seal:
        """Write a month's file, a block of calls at a time."""
        written = new_file(self._folder)
        calls = 0
        try:
            with (
                pyarrow.OSFile(str(written), "wb") as sink,
                pyarrow.ipc.new_file(sink, ARROW, options=_GROWING) as writer,
            ):
                for batch in self._batches(period):
                    writer.write_batch(batch)
                    calls += len(batch)
            if not calls:
                written.unlink()
                return Seal()
            _to_disk(written)
            digest = digest_of(written)
            path = self._folder / f"{period}-{digest[:12]}.arrow"
            written.replace(path)
        except BaseException:
            with suppress(OSError):
                written.unlink()
            raise
        return Seal(path.name, calls, digest, stamp_of(path))

    def _batches(self, period: str) -> Iterator[pyarrow.RecordBatch]:
        since, until = bounds_of(period)
        return batches(self._copying.columns(since, until))

    def _tidy(self) -> None:
        """Remove the files that are no seals any more, where the system lets go of them."""
        kept = {self._path.name, self._lock.name, next_of(self._lock).name}
        kept |= {str(seal.file) for seal in self._manifest.months.values()}
        for path in self._folder.iterdir():
            if path.name not in kept:
                with suppress(OSError):
                    path.unlink()


def bounds_of(period: str) -> tuple[int, int]:
    """The first instant of a month or a day of UTC, and the one after its last."""
    if len(period) == len("2026-11"):
        return month.bounds(period)
    start = month.to_instant(datetime.fromisoformat(period).replace(tzinfo=UTC))
    return start, start + _DAY


def _to_disk(path: Path) -> None:
    # Or a power cut might leave a file of the right size and times without its contents.
    with path.open("r+b") as file:
        os.fsync(file.fileno())
