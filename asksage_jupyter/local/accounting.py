"""What the local service bills and remembers: its own file, knowing nothing of our ledger.

Like Ask Sage it keeps two meters by the UTC month and a log with the exact bill of every call. Unlike it,
the log keeps no prompt, reply or address: only their lengths.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..account import Meter
from ..month import now, period_at, to_datetime

ALLOTMENT = 200_000

# Ask Sage tokens per model token, in ten-thousandths: the rates of claude-45-haiku, exact in integers.
_PROMPT, _COMPLETION, _CALL, _ONE = 715, 3_575, 30_000, 10_000
CATALOG_RATE = {"prompt": 0.055, "completion": 0.275}  # times the usual factor of 1.3 is the bill

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
CREATE INDEX IF NOT EXISTS bill_month ON bill (period, meter, tokens);
"""


def converted(input_tokens: int, output_tokens: int) -> int:
    """Model tokens in Ask Sage tokens, as the tokenizer route tells it: without what every call adds."""
    return round((_PROMPT * input_tokens + _COMPLETION * output_tokens) / _ONE)


def billed(input_tokens: int, output_tokens: int) -> int:
    """The debit of one query, in Ask Sage tokens: ``ceil(0.0715 in + 0.3575 out + 3)``."""
    return -(-(_PROMPT * input_tokens + _COMPLETION * output_tokens + _CALL) // _ONE)


def taught(count: int) -> int:
    """The training debit of content of `count` cl100k tokens: ``ceil(1.3 count)``."""
    return -(-13 * count // 10)


class Counters:
    """The bills of this folder, as counters and as a log.

    Parameters
    ----------
    path : pathlib.Path
        The SQLite file; created when absent.
    allotment : int
        Tokens a month, of each meter.
    clock : callable
        Microseconds UTC.
    """

    def __init__(self, path: Path, allotment: int = ALLOTMENT, *, clock: Callable[[], int] = now) -> None:
        self.allotment, self._clock = allotment, clock
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
    ) -> None:
        """Record one debit of `tokens` now."""
        t = self._clock()
        row = (
            t,
            period_at(t),
            meter,
            model,
            input_tokens,
            output_tokens,
            tokens,
            prompt_length,
            response_length,
        )
        self._db.execute(
            "INSERT INTO bill (t, period, meter, model, input_tokens, output_tokens, tokens, prompt_length,"
            " response_length) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )

    def used(self, meter: Meter) -> int:
        """Tokens debited this UTC month."""
        row = self._db.execute(
            "SELECT coalesce(sum(tokens), 0) FROM bill WHERE period = ? AND meter = ?",
            (period_at(self._clock()), meter),
        ).fetchone()
        return int(row[0])

    def left(self, meter: Meter) -> int:
        """Tokens of this month's allotment not yet debited; below zero when the last call went over."""
        return self.allotment - self.used(meter)

    def log(self, limit: int, before_id: int | None = None) -> list[dict[str, Any]]:
        """At most `limit` rows in the prompt log's shape, newest first, of ids below `before_id`."""
        rows = self._db.execute(
            "SELECT id, t, meter, model, input_tokens, output_tokens, tokens, prompt_length, response_length"
            " FROM bill WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?",
            (before_id, before_id, limit),
        )
        return [_logged(*row) for row in rows]


def _logged(
    id_: int,
    t: int,
    meter: str,
    model: str,
    input_tokens: int,
    output_tokens: int,
    tokens: int,
    asked: int,
    told: int,
) -> dict[str, Any]:
    return {
        "id": id_,
        "date_time": to_datetime(t).isoformat(),
        "model": model,
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": tokens,
        "prompt": "(not kept by the local demo)",
        "response": "(not kept by the local demo)",
        "prompt_length": asked,
        "response_length": told,
        "teach": meter == Meter.TRAINING,
        "ip": "127.0.0.1",
        "user_id": 1,
    }
