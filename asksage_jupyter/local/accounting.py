"""What the local service remembers of its account: its own file, knowing nothing of our ledger.

Like Ask Sage it keeps two meters by the UTC month, a limit of each that may change within a month, and a log
with the exact bill of every call. Unlike it, the log keeps no prompt, reply or address: only their lengths.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..account import Meter
from ..month import now, period_at
from .tariff import ALLOTMENT

_SCHEMA = """
CREATE TABLE IF NOT EXISTS bill (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    t INTEGER NOT NULL,                 -- microseconds UTC
    period TEXT NOT NULL,
    meter TEXT NOT NULL,
    model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    prompt_length INTEGER NOT NULL,     -- characters
    response_length INTEGER NOT NULL
);
DROP INDEX IF EXISTS bill_month;        -- without t, in older files
CREATE INDEX IF NOT EXISTS bill_period ON bill (period, meter, t, tokens);
CREATE TABLE IF NOT EXISTS plan (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    period TEXT NOT NULL,
    meter TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    lasts INTEGER NOT NULL              -- whether it holds for the months after, too
);
CREATE TABLE IF NOT EXISTS dataset (name TEXT PRIMARY KEY, classification TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One bill.

    Attributes
    ----------
    id : int
        Rises with every bill.
    t : int
        Microseconds UTC.
    tokens : int
        Ask Sage tokens; `input_tokens` and `output_tokens` are model tokens.
    prompt_length, response_length : int
        Characters.
    """

    id: int
    t: int
    meter: Meter
    model: str
    input_tokens: int
    output_tokens: int
    tokens: int
    prompt_length: int
    response_length: int


class Counters:
    """The bills, limits and datasets of this folder, as counters and as a log.

    Parameters
    ----------
    path : pathlib.Path
        The SQLite file; created when absent.
    allotment : int
        Tokens a month, of each meter, until a limit is changed.
    clock : callable
        Microseconds UTC.
    """

    def __init__(
        self,
        path: Path,
        allotment: int = ALLOTMENT,
        *,
        clock: Callable[[], int] = now,
    ) -> None:
        self._allotment, self._clock = allotment, clock
        # Autocommit: a bill is one INSERT, and two services on one folder may take turns.
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._db.executescript(_SCHEMA)

    def book(
        self,
        meter: Meter,
        tokens: int,
        *,
        model: str,
        input_tokens: int = 0,
        output_tokens: int = 0,
        prompt_length: int = 0,
        response_length: int = 0,
    ) -> int:
        """Record one debit of `tokens` now; its id."""
        t = self._clock()
        counts = (input_tokens, output_tokens, tokens, prompt_length, response_length)
        done = self._db.execute(
            "INSERT INTO bill (t, period, meter, model, input_tokens, output_tokens, tokens, prompt_length,"
            " response_length) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (t, period_at(t), meter, model, *counts),
        )
        return done.lastrowid or 0

    def used(self, meter: Meter) -> int:
        """Tokens debited this UTC month."""
        row = self._db.execute(
            "SELECT coalesce(sum(tokens), 0) FROM bill WHERE period = ? AND meter = ?",
            (period_at(self._clock()), meter),
        ).fetchone()
        return int(row[0])

    def limit(self, meter: Meter) -> int:
        """Tokens this UTC month may cost: what was last set for it, or for good."""
        period = period_at(self._clock())
        row = self._db.execute(
            "SELECT tokens FROM plan WHERE meter = ? AND (period = ? OR (lasts AND period < ?))"
            " ORDER BY id DESC LIMIT 1",
            (meter, period, period),
        ).fetchone()
        return int(row[0]) if row else self._allotment

    def left(self, meter: Meter) -> int:
        """Tokens of this month's limit not yet debited; below zero when the last call went over."""
        return self.limit(meter) - self.used(meter)

    def set_limit(self, meter: Meter, tokens: int, *, lasts: bool) -> None:
        """Change this month's limit, and when it `lasts` that of the months after."""
        self._db.execute(
            "INSERT INTO plan (period, meter, tokens, lasts) VALUES (?, ?, ?, ?)",
            (period_at(self._clock()), meter, tokens, lasts),
        )

    def rows(self, limit: int, before_id: int | None = None) -> list[Row]:
        """At most `limit` bills, newest first, of ids below `before_id`."""
        found = self._db.execute(
            "SELECT id, t, meter, model, input_tokens, output_tokens, tokens, prompt_length, response_length"
            " FROM bill WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?",
            (before_id, before_id, limit),
        )
        return [Row(id_, t, Meter(meter), *rest) for id_, t, meter, *rest in found]

    def add_dataset(self, name: str, classification: str = "Unclassified") -> bool:
        """Remember a dataset's name; False when there is one of that name."""
        done = self._db.execute("INSERT OR IGNORE INTO dataset VALUES (?, ?)", (name, classification))
        return done.rowcount == 1

    def datasets(self) -> list[str]:
        """The names of the datasets, by the alphabet."""
        return [name for (name,) in self._db.execute("SELECT name FROM dataset ORDER BY name")]
