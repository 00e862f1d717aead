"""The store of replies: which prompts are claimed, and what came of them. It holds no prompt."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ...account import Bill
from ...errors import AskSageError
from .file import RepliesFile, StoreUnusable
from .found import Found, read, storable, written
from .owner import Owner, is_alive

_VERSION = 1
_KEPT, _TEXTLESS = 1, 2
_AT_ONCE = 500  # keys a statement
_COLUMNS = "key, op, owner, at, is_kept, is_booked, text, model, bill"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS reply(
  key BLOB PRIMARY KEY, op TEXT NOT NULL, owner TEXT NOT NULL, job TEXT NOT NULL, at INTEGER NOT NULL,
  text TEXT, model TEXT, bill TEXT, is_booked INTEGER NOT NULL DEFAULT 0, is_kept INTEGER NOT NULL DEFAULT 0,
  saved INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""


class Replies:
    """The store beside one ledger. Threads may share it, and processes its file.

    Parameters
    ----------
    path : Path
        The file, made where it is missing, for this person alone.
    clock : callable
        The present instant in microseconds UTC.
    has_texts : bool
        Whether texts are written at all, or hashes and bills alone.

    Raises
    ------
    StoreUnusable
    """

    def __init__(self, path: Path, clock: Callable[[], int], *, has_texts: bool = True) -> None:
        self._path, self._clock, self._has_texts = path, clock, has_texts
        self._owners = path.with_name(f"{path.name}.runs")
        self._booked: list[bytes] = []
        self._file = RepliesFile(path, self._prepare)
        with self._file.using():
            pass

    def close(self) -> None:
        """Close the file."""
        with suppress(AskSageError):
            if self._booked:
                with self._writing():
                    pass
        self._file.close()

    # -- claims --------------------------------------------------------------------------------------

    def owner(self) -> Owner:
        """A new run, alive until it is closed."""
        return Owner(self._owners)

    def is_alive(self, owner: str) -> bool:
        """Whether that run goes on, in whichever process."""
        return is_alive(self._owners, owner)

    def claim(self, key: bytes, op: str, owner: Owner, job: str, *, over: int | None = None) -> bool:
        """Take a key before its tokens are held; False where somebody has it.

        Parameters
        ----------
        over : int, optional
            A reply that was kept before this instant is given up for it.
        """
        with self._writing() as run:
            claimed = run(
                "INSERT INTO reply(key, op, owner, job, at) VALUES(?, ?, ?, ?, ?) "
                "ON CONFLICT(key) DO UPDATE SET op=excluded.op, owner=excluded.owner, job=excluded.job, "
                "at=excluded.at, text=NULL, model=NULL, bill=NULL, is_booked=0, is_kept=0 "
                "WHERE is_kept AND (reply.at < ? OR reply.text IS NULL)",
                (key, op, owner.name, job, self._clock(), -1 if over is None else over),
            )
            return claimed.rowcount == 1

    def release(self, key: bytes, op: str) -> None:
        """Give a key back, of which certainly nothing was sent or billed."""
        with self._writing() as run:
            run("DELETE FROM reply WHERE key=? AND op=? AND NOT is_kept", (key, op))

    def keep(self, key: bytes, op: str, text: str, model: str | None, bill: Bill | None) -> None:
        """Put a reply on the disk, before its bill is booked."""
        with self._writing() as run:
            run(
                "UPDATE reply SET is_kept=?, at=?, text=?, model=?, bill=? WHERE key=? AND op=?",
                (
                    _KEPT if self._has_texts else _TEXTLESS,
                    self._clock(),
                    storable(text) if self._has_texts else None,
                    model,
                    written(bill),
                    key,
                    op,
                ),
            )

    def add(self, key: bytes, op: str, text: str, model: str | None, bill: Bill | None) -> None:
        """Put a reply on the disk that nobody claimed, in the place of one that is there; a claim stays."""
        if not self._has_texts:
            return
        with self._writing() as run:
            run(
                "INSERT INTO reply(key, op, owner, job, at, text, model, bill, is_kept) "
                "VALUES(?, ?, '', '', ?, ?, ?, ?, 1) ON CONFLICT(key) DO UPDATE SET op=excluded.op, "
                "at=excluded.at, text=excluded.text, model=excluded.model, bill=excluded.bill, is_booked=0 "
                "WHERE is_kept",
                (key, op, self._clock(), storable(text), model, written(bill)),
            )

    def count_saved(self, keys: Sequence[bytes]) -> None:
        """Count that these replies are shown again for nothing."""
        for each in _batches(keys):
            with self._writing() as run:
                run(
                    "UPDATE reply SET saved=saved + coalesce(json_extract(bill, '$.tokens'), 0) "  # noqa: S608
                    f"WHERE key IN ({','.join('?' * len(each))})",
                    tuple(each),
                )

    def note_booked(self, key: bytes) -> None:
        """Remember that a reply's bill is in the ledger; written with what is written next."""
        self._booked.append(key)  # until then it would only be settled again, which converges

    # -- what is there -------------------------------------------------------------------------------

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Found]:
        """What is known of these keys; those nobody claimed are left out."""
        found: dict[bytes, Found] = {}
        for each in _batches(keys):
            with self._file.using() as run:
                rows = run(
                    f"SELECT {_COLUMNS} FROM reply WHERE key IN ({','.join('?' * len(each))})",  # noqa: S608
                    tuple(each),
                ).fetchall()
            for key, op, owner, at, is_kept, is_booked, text, model, bill in rows:
                found[key] = Found(
                    op, owner, at, bool(is_kept), bool(is_booked), text, model, read(bill),
                    is_textless=is_kept == _TEXTLESS,
                )  # fmt: skip
        return found

    def clear(self, *, before: int | None = None) -> int:
        """Take away the texts of replies, of all or of those older than `before`; how many there were.

        Their keys and bills stay, so that nothing unsettled is forgotten.
        """
        with self._writing() as run:
            changed = run(
                "UPDATE reply SET text=NULL WHERE text IS NOT NULL AND at < ?",
                (2**63 - 1 if before is None else before,),
            ).rowcount
        with self._file.using() as run:
            run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return changed

    def let_go(self, *, before: int) -> None:
        """Take away the texts that are older, if there are any."""
        with self._file.using() as run:
            found = run("SELECT 1 FROM reply WHERE text IS NOT NULL AND at < ? LIMIT 1", (before,)).fetchone()
        if found:
            self.clear(before=before)

    @property
    def kept(self) -> int:
        """How many replies there are."""
        with self._file.using() as run:
            (number,) = run("SELECT count(*) FROM reply WHERE text IS NOT NULL").fetchone()
        return int(number)

    @property
    def saved(self) -> int:
        """Ask Sage tokens that replies had cost which were shown again."""
        with self._file.using() as run:
            (tokens,) = run("SELECT coalesce(sum(saved), 0) FROM reply").fetchone()
        return int(tokens)

    # -- the file ------------------------------------------------------------------------------------

    def _prepare(self, connection: sqlite3.Connection) -> None:
        run = connection.execute
        (version,) = run("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise StoreUnusable(f"{self._path} was written by a newer version of asksage_jupyter: update it")
        if version < _VERSION:
            with connection:
                run("BEGIN IMMEDIATE")
                run(_SCHEMA)
                run("CREATE INDEX IF NOT EXISTS reply_by_time ON reply(at) WHERE text IS NOT NULL")
                run(f"PRAGMA user_version={_VERSION}")

    @contextmanager
    def _writing(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """One durable transaction, and with it the notes that waited for one."""
        with self._file.writing() as run:
            booked = self._booked[:]
            for key in booked:
                run("UPDATE reply SET is_booked=1 WHERE key=?", (key,))
            yield run
        del self._booked[: len(booked)]


def _batches(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (keys[first : first + _AT_ONCE] for first in range(0, len(keys), _AT_ONCE))
