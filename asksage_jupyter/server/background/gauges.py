"""What is left as gauges of Prometheus, among those that Jupyter Server tells at its own ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, TimeoutError
from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ...errors import AskSageError
from .worker import Busy

if TYPE_CHECKING:
    from ...account import MeterBalance

_WAIT_S = 0.5  # the whole server waits meanwhile
_MEANING = {
    "remaining": "Ask Sage tokens that can still be spent before the month ends; below 0 they are overage.",
    "held": "Ask Sage tokens set aside for calls that have no bill yet.",
    "used": "Ask Sage tokens debited this month.",
}


class Gauges(Collector):
    """Reads the ledger anew each time that it is asked; tells nothing where that takes long or fails.

    Parameters
    ----------
    read : callable
        Begins to read both meters elsewhere.
    """

    def __init__(self, read: Callable[[], Future[tuple[MeterBalance, ...]]]) -> None:
        self._read = read
        self._reading: Future[tuple[MeterBalance, ...]] | None = None

    def start(self) -> None:
        """Be asked from now on."""
        REGISTRY.register(self)

    def stop(self) -> None:
        """Be asked no more."""
        with suppress(KeyError):
            REGISTRY.unregister(self)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The gauges without their figures."""
        for name, meaning in _MEANING.items():
            yield GaugeMetricFamily(f"asksage_tokens_{name}", meaning, labels=["meter"])

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, each with a figure for each meter that has it."""
        meters = self._meters()
        for name, gauge in zip(_MEANING, self.describe(), strict=True):
            for meter in meters:
                if (tokens := getattr(meter, name)) is not None:
                    gauge.add_metric([str(meter.meter)], tokens)
            yield gauge

    def _meters(self) -> tuple[MeterBalance, ...]:
        with suppress(AskSageError, Busy, TimeoutError):
            if self._reading is None:  # else the last reading is not through yet
                self._reading = self._read()
            try:
                meters = self._reading.result(_WAIT_S)
            finally:
                if self._reading.done():
                    self._reading = None
            return meters
        return ()
