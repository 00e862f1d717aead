"""What SQLite and the system report, as one line that says what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, NoResultFound

from ....errors import LedgerError, LedgerRefused, LedgerUnusable

DATABASE = (DBAPIError, sqlite3.Error)  # SQLAlchemy's, and what `Prepared` lets through
# The last two: damage that SQLite cannot even spell, and a row that another belongs to.
FAULTS = (*DATABASE, OSError, UnicodeDecodeError, NoResultFound)

# SQLite's primary result codes: sqlite.org/rescode.html
PERM, BUSY, LOCKED, READONLY, CORRUPT, FULL, CANTOPEN, CONSTRAINT, NOTADB = 3, 5, 6, 8, 11, 13, 14, 19, 26

_BUSY = "the ledger is busy: another program has {path} open; close it or try again."
_FULL = "the disk of {path} is full: free some space, then run this again."
_DAMAGED = (
    "{path} is damaged, or no ledger at all. `asksage-jupyter doctor --export ledger.jsonl` saves what is "
    "whole of it; then move it away and restore a backup, or set ASKSAGE_LEDGER to another path."
)
_NO_RIGHT = (
    "the ledger {path} cannot be used: correct the permissions of the file and its folder, or set "
    "ASKSAGE_LEDGER to a path of your own."
)
_GONE = "the ledger {path} was moved or deleted in use: put it back or restart the kernel."
_OTHER = "the ledger {path} failed ({cause}): check the disk, or set ASKSAGE_LEDGER to another path."
_LINES = {
    BUSY: _BUSY,
    LOCKED: _BUSY,
    FULL: _FULL,
    CORRUPT: _DAMAGED,
    NOTADB: _DAMAGED,
    PERM: _NO_RIGHT,
    READONLY: _NO_RIGHT,
    CANTOPEN: _NO_RIGHT,
}
_NO_SPACE = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR)


def told(path: Path, error: BaseException) -> LedgerError:
    """The error for the person."""
    code = code_of(error)
    if code in (BUSY, LOCKED):
        return LedgerError(_BUSY.format(path=path))
    line = _GONE if isinstance(error, FileNotFoundError) else _LINES.get(code or 0, _OTHER)
    kind = LedgerRefused if code == CONSTRAINT else LedgerUnusable
    return kind(line.format(path=path, cause=_cause(error)))


def damaged(path: Path) -> LedgerError:
    """The error for the person, of what SQLite itself lets pass."""
    return LedgerUnusable(_DAMAGED.format(path=path))


def code_of(error: BaseException) -> int | None:
    """SQLite's primary result code, or the nearest one for an error of the system."""
    if isinstance(error, OSError):
        return FULL if error.errno in _NO_SPACE else CANTOPEN if error.errno in _NO_ACCESS else None
    if isinstance(error, (UnicodeDecodeError, NoResultFound)):
        return CORRUPT
    code = getattr(_cause(error), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _cause(error: BaseException) -> object:
    """The driver's or the system's own error."""
    if isinstance(error, DBAPIError):
        return error.orig
    return error.strerror if isinstance(error, OSError) else error
