"""The connections to the service: those of the main thread, which Ctrl-C may strike, and the others'."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import httpx

from .departure import opened


class Lines(httpx.BaseTransport):
    """A transport of httpx's for each of the two kinds of threads, so that no stop harms another thread.

    What Ctrl-C struck counts its connections as busy for ever, and may have left a lock taken. So it is given
    up: it is never asked to do anything again, not even to close.

    Parameters
    ----------
    make : callable
        Makes a transport.
    """

    def __init__(self, make: Callable[[], httpx.BaseTransport]) -> None:
        self._make = make
        self._others, self._main = make(), self._unlocked()
        self._streams: list[Any] = []  # the main thread's
        self._is_struck = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it."""
        if not _is_main():
            request.extensions["trace"] = opened
            return self._others.handle_request(request)
        self._renew()
        request.extensions["trace"] = self._opened
        return self._main.handle_request(request)

    def give_up(self) -> None:
        """After a stop: close what the main thread has open, and begin anew; in other threads, do nothing."""
        if _is_main():
            self._is_struck = True
            self._renew()

    @property
    def is_open(self) -> bool:
        """Whether the main thread has a connection open."""
        return any(map(_is_open, self._streams))

    def close(self) -> None:
        """Close all connections."""
        self._others.close()
        self._main.close()

    def _renew(self) -> None:
        # A stop that strikes here leaves the rest to the next request.
        if self._is_struck:
            for stream in self._streams:
                stream.close()
            self._main, self._streams = self._unlocked(), []
            self._is_struck = False

    def _unlocked(self) -> httpx.BaseTransport:
        """One for a single thread, which must not wait for a lock that it took itself when it was struck."""
        transport = self._make()
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._optional_thread_lock = nullcontext()  # type: ignore[assignment]
        return transport

    def _opened(self, event: str, info: Mapping[str, Any]) -> None:
        if stream := opened(event, info):
            self._streams = [one for one in self._streams if _is_open(one)]
            self._streams.append(stream)


def _is_main() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def _is_open(stream: Any) -> bool:
    return bool(stream.get_extra_info("socket").fileno() >= 0)
