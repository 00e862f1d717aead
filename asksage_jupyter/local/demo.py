"""What one running service consists of, and how its account is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..account import Meter
from ..month import now, to_datetime
from .accounting import Counters, Row
from .engine import Model


@dataclass(frozen=True, slots=True)
class Demo:
    """The parts of one service.

    Attributes
    ----------
    model : str
        The id of the one model it lists.
    output_limit : int
        Model tokens of one reply, at most.
    clock : callable
        Microseconds UTC.
    requests : list of dict
        The requests for more tokens so far, newest first, as the service lists them.
    """

    key: str = field(repr=False)
    email: str
    model: str
    engine: Model
    counters: Counters
    output_limit: int
    clock: Callable[[], int] = now
    requests: list[dict[str, Any]] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one generation at a time

    def book(self, meter: Meter, tokens: int, *, model: str | None = None, **counts: int) -> None:
        """Record one debit now; `counts` are the log's other figures."""
        self.counters.book(meter, tokens, model=model or self.model, **counts)

    def used(self, meter: Meter) -> int:
        """What the meter's counter shows."""
        return self.counters.used(meter)

    def left(self, meter: Meter) -> int:
        """What the counter of the tokens left shows."""
        return self.counters.left(meter)

    def log(self, limit: int, before_id: int | None) -> list[dict[str, Any]]:
        """At most `limit` rows in the prompt log's shape, newest first."""
        return [logged(row) for row in self.counters.rows(limit, before_id)]


def logged(row: Row) -> dict[str, Any]:
    """The row in the prompt log's shape."""
    return {
        "id": row.id,
        "date_time": to_datetime(row.t).isoformat(),
        "model": row.model,
        "status": "200",
        "prompt_tokens": row.input_tokens,
        "completion_tokens": row.output_tokens,
        "total_tokens": row.tokens,
        "prompt": "(not kept by the local demo)",
        "response": "(not kept by the local demo)",
        "prompt_truncated": False,
        "response_truncated": False,
        "prompt_length": row.prompt_length,
        "response_length": row.response_length,
        "teach": str(row.meter is Meter.TRAINING),
        "ip": "127.0.0.1",
        "user_id": 1,
    }
