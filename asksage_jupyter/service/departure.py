"""When a request that may cost tokens leaves: until then a stop costs nothing, and from then on it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_watch: ContextVar[Callable[[bool], None] | None] = ContextVar("asksage_departure", default=None)


@contextmanager
def departing(on_way: Callable[[bool], None]) -> Iterator[None]:
    """Let `on_way` hear of what is sent within, but for what is free.

    It is called with True as the first bytes leave, and with False when a try certainly came to nothing and
    the next has not begun. What it raises with True keeps the request back. It goes with the context.
    """
    before = _watch.set(on_way)
    try:
        yield
    finally:
        _watch.reset(before)


def depart(is_on_way: bool) -> None:
    """Say so to whoever watches."""
    if (on_way := _watch.get()) is not None:
        on_way(is_on_way)


def traced(event: str, info: Mapping[str, Any]) -> None:
    """Hear of the connection's own steps: httpx's extension ``trace``."""
    if event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
        depart(True)
