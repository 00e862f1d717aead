"""The child process: the demo's own service, with a clock that is set, and with what goes wrong."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from tornado.web import Application

from asksage_jupyter.account import Meter
from asksage_jupyter.local.__main__ import serve
from asksage_jupyter.local.accounting import Counters
from asksage_jupyter.local.app import routes, served
from asksage_jupyter.local.demo import Demo, logged
from asksage_jupyter.month import bounds, period_at, to_datetime
from controlled.commands import COMMANDS, Command
from controlled.controls import Controls, FaultKind
from controlled.echo import EchoEngine
from controlled.faults import faulty
from controlled.jobs import Job


@dataclass(frozen=True, slots=True)
class ControlledDemo(Demo):
    """A demo whose counters and log do what faults tell them to.

    Attributes
    ----------
    jobs : dict
        The uploads that go on in the background, by their id.
    """

    controls: Controls = field(default_factory=Controls)
    jobs: dict[str, Job] = field(default_factory=dict)

    def book(self, meter: Meter, tokens: int, *, model: str | None = None, **counts: int) -> None:
        tokens //= self.controls.divisor
        self.controls.note(self.counters.book(meter, tokens, model=model or self.model, **counts))

    def used(self, meter: Meter) -> int:
        fault = self.controls.take(FaultKind.LAGGING_COUNTERS)
        return self._used_at(meter, self.clock() - fault.lag) if fault else self.counters.used(meter)

    def left(self, meter: Meter) -> int:
        own, pool = self.counters.limit(meter) - self.used(meter), self.controls.pool
        return own if pool is None else min(own, pool)

    def log(self, limit: int, before_id: int | None) -> list[dict[str, Any]]:
        gmt = self.controls.take(FaultKind.GMT_DATES) is not None
        rows = self.controls.shown(self.counters.rows(limit + self.controls.late, before_id))[:limit]
        if not gmt:
            return [logged(row) for row in rows]
        return [logged(row) | {"date_time": format_datetime(to_datetime(row.t), usegmt=True)} for row in rows]

    def _used_at(self, meter: Meter, t: int) -> int:
        """What the counter showed at an instant."""
        starts, _ = bounds(period_at(t))
        return sum(
            row.tokens for row in self.counters.rows(-1) if row.meter is meter and starts <= row.t <= t
        )


def controlled(settings: dict[str, Any]) -> Application:
    """The service as it was told to be."""
    controls = Controls()
    file = Path(settings["folder"]) / "counters.sqlite"
    counters = Counters(file, settings["allotment"], clock=controls.now)
    # Thousands of calls need not wait for the disk.
    counters._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;")
    demo = ControlledDemo(
        key=settings["key"],
        email=settings["email"],
        model="local-echo",
        engine=EchoEngine(),
        counters=counters,
        output_limit=settings["output_limit"],
        clock=controls.now,
        controls=controls,
    )
    commands = [(path, Command, {"run": run}) for path, run in COMMANDS.items()]
    return served(demo, [*map(faulty, routes()), *commands])


def main() -> None:
    sys.exit(serve(controlled))
