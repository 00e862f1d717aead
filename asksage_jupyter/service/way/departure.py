"""When a request that may cost tokens leaves: until then a stop costs nothing, and from then on it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from ...interrupts import Shield

_Watch = Callable[[bool], None]

_watch: ContextVar[_Watch | None] = ContextVar("asksage_departure", default=None)
_HEADS = b"CONNECT ", b"POST "  # the one goes to a proxy, and of the other alone nothing can be billed
_FIRST = 2**14  # bytes that any connection takes at once: one record of TLS
_OPENED = (".connect_tcp.complete", ".start_tls.complete")


@contextmanager
def departing(on_way: _Watch | None) -> Iterator[None]:
    """Let `on_way` hear of what is sent within; None lets nobody hear, as of what is free.

    It is called with True as the first bytes of the body leave, and with False when a try certainly came to
    nothing and the next has not begun. What it raises with True keeps the request back. It goes with the
    context.
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


def opened(event: str, info: Mapping[str, Any]) -> Any:
    """Hear of the connection's own steps (httpx's extension ``trace``); listen at each new one."""
    if not event.endswith(_OPENED):
        return None
    stream = info["return_value"]
    stream.write = partial(_write, stream, stream.write)
    return stream


def _write(
    stream: Any, write: Callable[[bytes, float | None], None], buffer: bytes, timeout: float | None = None
) -> None:
    """Write, and say so at the last moment.

    A Ctrl-C between the saying and the first bytes would hold tokens for nothing, and one right after OpenSSL
    took them, before it tells how many, would give back what may be billed: it waits for these bytes.
    """
    if not buffer or _watch.get() is None or buffer.startswith(_HEADS):
        return write(buffer, timeout)
    with Shield():
        try:
            depart(True)
        except KeyboardInterrupt:
            depart(False)
            raise
        write(buffer[:_FIRST], timeout)
    return write(buffer[_FIRST:], timeout)
