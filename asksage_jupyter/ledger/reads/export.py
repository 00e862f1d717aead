"""What is whole of a ledger, as CSV or JSON lines: one entry a line, with its grant, its call and its bill.

Whole is an entry whose hash is that of its fields, of what was written with it, and of the entry before it.
A damaged file is read around its damage: what cannot be read, or does not fit its hash, is left out and
counted.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, Row, Select, Table, select

from ...account import Kind
from ...display.plain import no_formula
from ...errors import BadInput, LedgerUnusable
from ..stores.sqlite.faults import FAULTS
from ..stores.sqlite.readonly import ReadOnly
from ..tables.chain import OF_CALL, OF_SOME_CALLS, bound, digest
from ..tables.schema import account, bill, call, entry, grant
from .audit import any_text, is_bound

_AT_ONCE = 200
_GIVE_UP = 4_000  # numbers in a row under which nothing can be read
_GRANTS = 200  # tried one by one where their table cannot be read
_PATIENCE = 4_000  # reads that fail, in all

# In the order in which an entry's hash binds them.
_OF_GRANT = ("host", "holder", "meter", "source", "starts", "ends")
_OF_CALL = (*OF_CALL, *OF_SOME_CALLS)
_OF_BILL = (
    "tokens", "source", "status", "input_tokens", "output_tokens", "duration_ms", "request_id", "model",
)  # fmt: skip

EXPORT_COLUMNS: tuple[str, ...] = (
    *_OF_GRANT, *entry.c.keys(), *_OF_CALL, *(f"bill_{name}" for name in _OF_BILL)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export` wrote.

    Attributes
    ----------
    whole : int
        Entries written.
    left_out : int
        Entries that are damaged, or missing among the others; what was cut off at the end leaves no trace.
    """

    whole: int
    left_out: int


def export(path: Path, target: Path) -> Exported:
    """Write every entry of the ledger at `path` that is whole; the ledger itself is only read.

    Parameters
    ----------
    target : Path
        A new file ending in ``.csv`` or ``.jsonl``; mode 0600.

    Raises
    ------
    BadInput
        `target` has another ending, is there already, or cannot be made.
    LedgerError
        Not even the names of its tables can be read, or it is no ledger.
    """
    if target.suffix not in (".csv", ".jsonl"):
        raise BadInput(f"{target} must end in .csv or .jsonl")
    with ReadOnly(path).connect() as connection, any_text(connection):
        _refuse_without_tables(connection, path)
        try:
            file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise BadInput(f"{target} cannot be made: {error.strerror}") from None
        with os.fdopen(file, "w", encoding="utf-8", newline="") as opened:
            salvage = _Salvage(connection)
            _write(salvage.records(), opened, as_csv=target.suffix == ".csv")
    return Exported(salvage.whole, salvage.left_out)


def _refuse_without_tables(connection: Connection, path: Path) -> None:
    try:
        connection.execute(select(entry).limit(0))
    except FAULTS:
        raise LedgerUnusable(f"nothing of {path} can be read: move it away, or restore a backup.") from None


def _write(records: Iterator[dict[str, Any]], file: TextIO, *, as_csv: bool) -> None:
    if not as_csv:
        file.writelines(f"{json.dumps(record)}\n" for record in records)
        return
    table = csv.DictWriter(file, EXPORT_COLUMNS)
    table.writeheader()
    for record in records:
        table.writerow(
            {name: no_formula(told) if isinstance(told, str) else told for name, told in record.items()}
        )


class _Salvage:
    """Reads around what cannot be read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._patience = _PATIENCE
        self.whole = self.left_out = 0

    def records(self) -> Iterator[dict[str, Any]]:
        """The whole entries, chain by chain."""
        known = self._rows(select(grant.c.id).order_by(grant.c.id))
        for grant_id in range(1, _GRANTS) if known is None else [row.id for row in known]:
            yield from self._chain(grant_id)

    def _chain(self, grant_id: int) -> Iterator[dict[str, Any]]:
        of_grant = self._grant(grant_id)
        last, ahead = 0, [b""]  # what the hash ahead may be: as stored, or as it must have been
        for row in self._entries(grant_id):
            about = self._about(row, of_grant)
            missing = row.seq - last - 1
            fits = not missing and any(is_bound(row.hash, hashed, tuple(row)[:-1], about) for hashed in ahead)
            self.whole += fits
            self.left_out += missing + (not fits)
            if fits:
                yield _record(row, of_grant, about)
            ahead = [row.hash] if missing else [row.hash, *_rehashed(ahead, row, about)]
            last = row.seq

    def _entries(self, grant_id: int) -> Iterator[Row[Any]]:
        statement = select(entry).where(entry.c.grant_id == grant_id).order_by(entry.c.seq)
        last = empty = 0
        while empty < _GIVE_UP:
            rows = self._rows(statement.where(entry.c.seq > last, entry.c.seq <= last + _AT_ONCE))
            if rows is None:  # a damaged page is in the way: around it, one by one
                one_by_one = (
                    self._rows(statement.where(entry.c.seq == last + number + 1))
                    for number in range(_AT_ONCE)
                )
                rows = [row for found in one_by_one for row in found or ()]
            yield from (row for row in rows if isinstance(row.hash, bytes))
            last += _AT_ONCE
            empty = 0 if rows else empty + _AT_ONCE

    def _grant(self, grant_id: int) -> tuple[Any, ...]:
        found = self._one(grant, grant.c.id == grant_id)
        holder = None if found is None else self._one(account, account.c.id == found.account_id)
        if found is None or holder is None:
            return (None,) * len(_OF_GRANT)
        return (holder.host, holder.holder, holder.meter, found.source, found.starts, found.ends)

    def _about(self, row: Row[Any], of_grant: tuple[Any, ...]) -> tuple[Any, ...]:
        """The fields that were written with the entry, as `chain` binds them."""
        if row.kind == Kind.GRANT:
            return of_grant if row.seq == 1 else ()
        if row.kind == Kind.HOLD:
            asked = None if _is_anothers(of_grant) else self._one(call, call.c.op == row.op)
            return () if asked is None else bound([getattr(asked, name) for name in _OF_CALL])
        billed = self._one(bill, (bill.c.grant_id == row.grant_id) & (bill.c.seq == row.seq))
        return () if billed is None else tuple(getattr(billed, name) for name in _OF_BILL)

    def _one(self, table: Table, where: Any) -> Row[Any] | None:
        rows = self._rows(select(table).where(where).limit(1))
        return rows[0] if rows else None

    def _rows(self, statement: Select[Any]) -> list[Row[Any]] | None:
        """All rows, or None when the database cannot read them."""
        if not self._patience:
            return []
        try:
            return list(self._connection.execute(statement))
        except FAULTS:
            self._patience -= 1
            return None


def _is_anothers(of_grant: tuple[Any, ...]) -> bool:
    """Whether the grant is no person's, and its holds bind no call: it is bound by the caller's."""
    return str(of_grant[1]).startswith(("pool:", "envelope:"))


def _rehashed(ahead: list[bytes], row: Row[Any], about: tuple[Any, ...]) -> list[bytes]:
    """What the hash must have been, where only the hash itself was damaged."""
    try:
        return [digest(hashed, tuple(row)[:-1], about) for hashed in ahead]
    except TypeError:
        return []


def _record(row: Row[Any], of_grant: tuple[Any, ...], about: tuple[Any, ...]) -> dict[str, Any]:
    record = dict.fromkeys(EXPORT_COLUMNS)
    record |= zip(_OF_GRANT, of_grant, strict=True)
    record |= row._mapping
    record["hash"] = row.hash.hex()
    if row.kind == Kind.HOLD:
        always, named = about[: len(OF_CALL)], dict(*about[len(OF_CALL) :])
        record |= dict(zip(OF_CALL, always)) | named  # noqa: B905  a pool's holds have none
    elif row.kind != Kind.GRANT and about:
        record |= zip((f"bill_{name}" for name in _OF_BILL), about, strict=True)
    return record
