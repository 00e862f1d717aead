"""The store of replies: which prompts are claimed, and what came of them. It holds no prompt."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...account import Bill
from ...errors import AskSageError
from .file import RepliesFile, Run, StoreUnusable, T
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
        self._booked: dict[bytes, None] = {}
        self._file = RepliesFile(path, self._prepare)
        self._file.use(_nothing)

    def close(self) -> None:
        """Close the file."""
        with suppress(AskSageError):
            if self._booked:
                self._write(_nothing)
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
        claimed = self._change(
            "INSERT INTO reply(key, op, owner, job, at) VALUES(?, ?, ?, ?, ?) "
            "ON CONFLICT(key) DO UPDATE SET op=excluded.op, owner=excluded.owner, job=excluded.job, "
            "at=excluded.at, text=NULL, model=NULL, bill=NULL, is_booked=0, is_kept=0 "
            "WHERE is_kept AND (reply.at < ? OR reply.text IS NULL)",
            (key, op, owner.name, job, self._clock(), -1 if over is None else over),
        )
        return claimed == 1

    def release(self, key: bytes, op: str) -> None:
        """Give a key back, of which certainly nothing was sent or billed."""
        self._change("DELETE FROM reply WHERE key=? AND op=? AND NOT is_kept", (key, op))

    def keep(self, key: bytes, op: str, text: str, model: str | None, bill: Bill | None) -> None:
        """Put a reply on the disk, before its bill is booked."""
        self._change(
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
        self._change(
            "INSERT INTO reply(key, op, owner, job, at, text, model, bill, is_kept) "
            "VALUES(?, ?, '', '', ?, ?, ?, ?, 1) ON CONFLICT(key) DO UPDATE SET op=excluded.op, "
            "at=excluded.at, text=excluded.text, model=excluded.model, bill=excluded.bill, is_booked=0 "
            "WHERE is_kept",
            (key, op, self._clock(), storable(text), model, written(bill)),
        )

    def count_saved(self, keys: Sequence[bytes]) -> None:
        """Count that these replies are shown again for nothing."""
        for each in _batches(keys):
            self._change(
                "UPDATE reply SET saved=saved + coalesce(json_extract(bill, '$.tokens'), 0) "  # noqa: S608
                f"WHERE key IN ({','.join('?' * len(each))})",
                tuple(each),
            )

    def note_booked(self, key: bytes) -> None:
        """Remember that a reply's bill is in the ledger; written with what is written next."""
        self._booked[key] = None  # until then it would only be settled again, which converges

    # -- what is there -------------------------------------------------------------------------------

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Found]:
        """What is known of these keys; those nobody claimed are left out."""
        found: dict[bytes, Found] = {}
        for each in _batches(keys):
            rows = self._rows(
                f"SELECT {_COLUMNS} FROM reply WHERE key IN ({','.join('?' * len(each))})",  # noqa: S608
                tuple(each),
            )
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
        changed = self._change(
            "UPDATE reply SET text=NULL WHERE text IS NOT NULL AND at < ?",
            (2**63 - 1 if before is None else before,),
        )
        self._rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return changed

    def let_go(self, *, before: int) -> None:
        """Take away the texts that are older, if there are any."""
        if self._rows("SELECT 1 FROM reply WHERE text IS NOT NULL AND at < ? LIMIT 1", (before,)):
            self.clear(before=before)

    @property
    def kept(self) -> int:
        """How many replies there are."""
        ((number,),) = self._rows("SELECT count(*) FROM reply WHERE text IS NOT NULL")
        return int(number)

    @property
    def saved(self) -> int:
        """Ask Sage tokens that replies had cost which were shown again."""
        ((tokens,),) = self._rows("SELECT coalesce(sum(saved), 0) FROM reply")
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

    def _rows(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        return self._file.use(lambda run: run(statement, values).fetchall())

    def _change(self, statement: str, values: tuple[object, ...]) -> int:
        """How many rows it changed, in a transaction of its own."""
        return self._write(lambda run: run(statement, values).rowcount)

    def _write(self, do: Callable[[Run], T]) -> T:
        """One durable transaction, and with it the notes that waited for one."""
        booked = [*self._booked]

        def noting(run: Run) -> T:
            for key in booked:
                run("UPDATE reply SET is_booked=1 WHERE key=?", (key,))
            return do(run)

        done = self._file.write(noting)
        for key in booked:
            self._booked.pop(key, None)
        return done


def _nothing(_run: Run) -> None:
    """Open the file, or write what waits."""


def _batches(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (keys[first : first + _AT_ONCE] for first in range(0, len(keys), _AT_ONCE))
