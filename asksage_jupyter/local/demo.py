"""What one running service consists of, and how its account is read through its controls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from ..account import Meter
from ..month import to_datetime
from .accounting import Counters, Row
from .controls import Controls, FaultKind
from .engine import Model

if TYPE_CHECKING:
    from .jobs import Job


@dataclass(frozen=True, slots=True)
class Demo:
    """The parts of one service.

    Attributes
    ----------
    model : str
        The id of the one model it lists.
    output_limit : int
        Model tokens of one reply, at most.
    jobs : dict
        The uploads that go on in the background, by their id.
    """

    key: str = field(repr=False)
    email: str
    model: str
    engine: Model
    counters: Counters
    output_limit: int
    controls: Controls = field(default_factory=Controls)
    jobs: dict[str, Job] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one generation at a time

    def book(self, meter: Meter, tokens: int, *, model: str | None = None, **counts: int) -> None:
        """Record one debit now; `counts` are the log's other figures."""
        self.controls.note(self.counters.book(meter, tokens, model=model or self.model, **counts))

    def used(self, meter: Meter) -> int:
        """What the meter's counter shows."""
        return self.counters.used(meter, lag=self._lag())

    def left(self, meter: Meter) -> int:
        """What the counter of the tokens left shows."""
        own, pool = self.counters.left(meter, lag=self._lag()), self.controls.pool
        return own if pool is None else min(own, pool)

    def log(self, limit: int, before_id: int | None) -> list[dict[str, Any]]:
        """At most `limit` rows in the prompt log's shape, newest first."""
        gmt = self.controls.take(FaultKind.GMT_DATES) is not None
        rows = self.controls.shown(self.counters.rows(limit + self.controls.late, before_id))
        return [_logged(row, gmt) for row in rows[:limit]]

    def _lag(self) -> int:
        fault = self.controls.take(FaultKind.LAGGING_COUNTERS)
        return fault.lag if fault else 0


def _logged(row: Row, gmt: bool) -> dict[str, Any]:
    sent = to_datetime(row.t)
    return {
        "id": row.id,
        "date_time": format_datetime(sent, usegmt=True) if gmt else sent.isoformat(),
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
