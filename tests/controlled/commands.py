"""The routes through which a test controls the service: its clock, its faults, another device, the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asksage_jupyter.account import Meter
from asksage_jupyter.errors import BadInput
from asksage_jupyter.local.route import DemoRoute
from controlled.requests import decide


class Command(DemoRoute):
    """One such route; it is no call of the service, and no fault happens to it."""

    def initialize(self, run: Callable[[Any, Mapping[str, Any]], None]) -> None:
        """Take what it does."""
        self._run = run

    def post(self) -> None:
        """Do it, or say in one line why not."""
        try:
            self._run(self.demo, self.fields())
        except BadInput as error:
            self.set_status(400)
            self.finish({"response": str(error), "status": 400})
        else:
            self.finish({"response": "OK", "status": 200})


def _clock(demo: Any, told: Mapping[str, Any]) -> None:
    now_s = told.get("now")
    if now_s is not None and (isinstance(now_s, bool) or not isinstance(now_s, int | float)):
        raise BadInput("now: seconds since 1970 in UTC, or null for the real clock")
    demo.controls.set_clock(None if now_s is None else round(now_s * 1e6))


def _faults(demo: Any, told: Mapping[str, Any]) -> None:
    if told.get("clear"):
        demo.controls.clear()
    else:
        demo.controls.add(told)


def _spend(demo: Any, told: Mapping[str, Any]) -> None:
    """Another device of the account spends."""
    counts = ("input_tokens", "output_tokens", "prompt_length", "response_length")
    try:
        meter = Meter(told.get("meter", Meter.INFERENCE))
        tokens, *rest = (int(told.get(name, 0)) for name in ("tokens", *counts))
    except (TypeError, ValueError):
        raise BadInput("spend: give a meter, and whole numbers of tokens") from None
    model = told.get("model")
    demo.book(meter, tokens, model=model and str(model), **dict(zip(counts, rest, strict=True)))


def _plan(demo: Any, told: Mapping[str, Any]) -> None:
    """An admin changes this month's limits and those of the months after."""
    for name, meter in (("max_tokens", Meter.INFERENCE), ("max_train_tokens", Meter.TRAINING)):
        if (tokens := told.get(name)) is not None:
            if not isinstance(tokens, int):
                raise BadInput(f"{name}: a whole number of tokens a month")
            demo.counters.set_limit(meter, tokens, lasts=True)
    for name in ("requests_last", "requests_wait"):
        if name in told:
            setattr(demo.controls, name, bool(told[name]))
    if isinstance(pool := told.get("pool"), int):
        demo.controls.pool = None if pool < 0 else pool


def _decide(demo: Any, told: Mapping[str, Any]) -> None:
    decide(demo, bool(told.get("approved")))


COMMANDS: dict[str, Callable[[Any, Mapping[str, Any]], None]] = {
    "/demo/clock": _clock,
    "/demo/faults": _faults,
    "/demo/spend": _spend,
    "/demo/plan": _plan,
    "/demo/decide": _decide,
}
