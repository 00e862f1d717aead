"""A connection whose other side may end what it sends, and wait for its answer all the same (half-closed).

Such an end looks like that of a program that is gone. What tells them apart is something sent to them: the
machine of one that is gone says so at once.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

_SOON_S = 0.05  # on loopback it has been said by then


class Caller(IOStream):
    """A connection that is closed once nobody listens, and not yet when nobody speaks."""

    _is_ended = False
    _probe: Callable[[], None] | None = None

    def probe_at_end(self, probe: Callable[[], None] | None) -> None:
        """While a request is answered: call `probe` when they end their side, to send them something."""
        self._probe = probe
        if self._is_ended and probe is not None:
            probe()

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """What there is to read; the end is heard once, and again when they were sent something."""
        read = super().read_from_fd(buf)
        if read != 0 or self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return read
        self.io_loop.update_handler(self.fileno(), IOLoop.WRITE if self.writing() else 0)
        self.io_loop.add_callback(self._end)
        return None

    def write(self, data: Any) -> Any:
        """Send something; to whom speaks no more, listen then whether they are there."""
        written = super().write(data)
        if self._is_ended:
            self.io_loop.call_later(_SOON_S, self._look)
        return written

    def _end(self) -> None:
        if self.closed():
            return
        if self.reading():  # no request, or a part of one
            self.close()
        elif not self._is_ended:
            self._is_ended = True
            self.probe_at_end(self._probe)

    def _look(self) -> None:
        if not self.closed():
            self.io_loop.update_handler(self.fileno(), IOLoop.READ | (IOLoop.WRITE if self.writing() else 0))
