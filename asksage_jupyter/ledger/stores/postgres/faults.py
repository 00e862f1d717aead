"""What PostgreSQL and its driver report, as one line that says what to do and repeats no part of the URL."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError

from ....errors import LedgerError, LedgerRefused, LedgerUnusable

DATABASE = (DBAPIError, psycopg.Error)

# SQLSTATEs: postgresql.org/docs/current/errcodes-appendix.html
_RACED = frozenset(["40001", "40P01", "23505"])
_TAKEN = frozenset(["42P07", "42710"])  # by another who makes the tables now, or by another program
_LATE = frozenset(["55P03", "57014"])
_CLOCK_CODE = "ASK01"  # of `checks`
_LOST_CODES = ("08", "57P", "25P03", "25P04")
_REFUSING = ("22", "23", "42501", "P0001")  # a value, a key or check, a right, a rule's own word
_UNPREPARED = ("26000", "42P05")  # another's server was given by a pooler
_READ_ONLY = "25006"
_NO_TABLES, _NO_RIGHT, _NO_ROOM = ("42P01", "3F000"), ("42501", "3F000"), "53"

_BUSY = "the ledger {title} is busy: others have written to it for too long; try again."
_LOST = (
    "the ledger {title} cannot be reached ({cause}), and nothing is sent while it cannot: check the network, "
    "or ask whoever runs the database."
)
_REFUSED = (
    "the ledger {title} does not let you in ({cause}): correct ASKSAGE_LEDGER, PGPASSWORD or ~/.pgpass."
)
_FORBIDDEN = "the ledger {title} does not let you do that: ask its owner for the right."
_CLOCK = (
    "this machine's clock is more than an hour off that of the ledger {title}: set it right, and nothing is "
    "sent until then."
)
_STANDBY = (
    "the ledger {title} can only be read now: ask whoever runs the database whether it is a standby, or "
    "default_transaction_read_only is on."
)
_FULL = "the server of the ledger {title} has no room or no free connection left: ask whoever runs it."
_THEIRS = (
    "the ledger {title} has tables of another program: set ASKSAGE_LEDGER to a database of its own, or to a "
    "schema with  ?options=-csearch_path%3Dname  at its end."
)
_POOLED = (
    "the ledger {title} stands behind a pooler that keeps no prepared statements: leave prepare_threshold "
    "out of ASKSAGE_LEDGER."
)
_PIECEMEAL = (
    "the ledger {title} stands behind a pooler that lends a connection for one statement: ask whoever runs "
    "it for its pool_mode = transaction, or for a way past it."
)
_OTHER = "the ledger {title} failed ({cause}): ask whoever runs the database."

# What libpq says when it cannot connect, in its words and in ours; it gives no code, and may repeat the URL.
_REASONS = (
    ("no password supplied", "it asks for a password", _REFUSED),
    ("authentication failed", "the password or the name is not accepted", _REFUSED),
    ("no pg_hba.conf entry", "the server does not allow it from here", _REFUSED),
    ("is not permitted to log in", "the name may not log in", _REFUSED),
    ('role "', "there is no such user", _REFUSED),
    ('database "', "there is no such database", _REFUSED),
    ("statement pooling", "", _PIECEMEAL),
    ("startup parameter", "a pooler in between takes no options", _REFUSED),
    ("invalid connection option", "an option in it is not known", _REFUSED),
    ("invalid ", "an option in it has no valid value", _REFUSED),
    ("certificate", "its certificate is not trusted", _REFUSED),
    ("SSL", "no encrypted connection could be made", _REFUSED),
    ("too many ", "it has no free connection", _LOST),
    ("remaining connection slots", "it has no free connection", _LOST),
    ("starting up", "it is starting", _LOST),
    ("in recovery mode", "it is starting again after a crash", _LOST),
    ("not yet accepting", "it is starting", _LOST),
    ("shutting down", "it is shutting down", _LOST),
    ("closed the connection", "the connection was lost", _LOST),
    ("could not translate host name", "there is no such host", _LOST),
    ("failed to resolve host", "there is no such host", _LOST),
    ("Connection refused", "nobody listens there", _LOST),
    ("No such file", "nobody listens there", _LOST),
    ("timeout", "no answer in time", _LOST),
)


class Silent(psycopg.OperationalError):
    """The server sent nothing for longer than is waited."""


class Blocked(Silent):
    """Another program has kept what is read from us for longer than is waited."""


def told(title: str, error: BaseException) -> LedgerError:
    """The error for the person."""
    code = _code_of(error)
    if isinstance(_driver(error), Blocked):
        return LedgerError(_BUSY.format(title=title))
    if is_lost(error):
        cause = "no answer in time" if is_silent(error) else "the connection was lost"
        return LedgerError(_LOST.format(title=title, cause=cause))
    if code in _LATE or code in _RACED:
        return LedgerError(_BUSY.format(title=title))
    line = _FORBIDDEN if code in _NO_RIGHT else _FULL if code.startswith(_NO_ROOM) else _OTHER
    line = _THEIRS if code in _TAKEN else _CLOCK if code == _CLOCK_CODE else line
    line = _POOLED if code in _UNPREPARED else _STANDBY if code == _READ_ONLY else line
    cause = f"{type(_driver(error)).__name__} {code}".rstrip()
    kind = LedgerRefused if code.startswith(_REFUSING) else LedgerUnusable
    return kind(line.format(title=title, cause=cause))


def told_of_connecting(title: str, error: BaseException) -> LedgerError:
    """The error for the person, when no connection came about."""
    text = str(_driver(error))
    for theirs, ours, line in _REASONS:
        if theirs in text:
            kind = LedgerError if line is _LOST else LedgerUnusable
            return kind(line.format(title=title, cause=ours))
    return LedgerError(_LOST.format(title=title, cause="no connection"))


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, and what was under way on it unknown."""
    code = _code_of(error)
    driver = _driver(error)
    if isinstance(driver, (psycopg.OperationalError, psycopg.InterfaceError)) and not code:
        return True
    return code.startswith(_LOST_CODES)


def is_silent(error: BaseException) -> bool:
    """Whether the server was waited for in vain: it would be again."""
    return isinstance(_driver(error), Silent)


def is_crowded(error: BaseException) -> bool:
    """Whether a server that could not be connected to has no room, but is there."""
    return any(words in str(_driver(error)) for words in ("too many ", "remaining connection slots"))


def is_raced(error: BaseException) -> bool:
    """Whether another was faster; the same move again sees what that one did."""
    return _code_of(error) in _RACED | _TAKEN


def has_no_tables(error: BaseException) -> bool:
    """Whether what was asked for is not there yet."""
    return _code_of(error) in _NO_TABLES


def _code_of(error: BaseException) -> str:
    return getattr(_driver(error), "sqlstate", None) or ""


def _driver(error: BaseException) -> object:
    return error.orig if isinstance(error, DBAPIError) else error
