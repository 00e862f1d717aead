"""Connections, never so many that the process has no files left for its ledger."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from tornado.httpserver import HTTPServer

from .caller import Caller

if TYPE_CHECKING:
    import socket

_MOST = 1024
_FULL_S = 0.1  # until another look, where the process itself has no files left


def most_open() -> int:
    """How many connections may be open: half of the files that this process may have."""
    with suppress(ImportError):  # Windows knows no such limit
        import resource

        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if files != resource.RLIM_INFINITY:
            return max(1, min(_MOST, files // 2))
    return _MOST


class Listening(HTTPServer):
    """A server whose further callers wait in line, as anybody on the machine can call without a key."""

    _room: asyncio.Semaphore

    async def listen_on(self, listener: socket.socket) -> None:
        """Take whoever comes, until it is cancelled."""
        loop, self._room = asyncio.get_running_loop(), asyncio.Semaphore(most_open())
        while True:
            await self._room.acquire()
            while True:
                try:
                    caller, address = await loop.sock_accept(listener)
                    break
                except OSError:  # they are gone already, or no file is left
                    await asyncio.sleep(_FULL_S)
            self.handle_stream(Caller(caller), address)

    def on_close(self, server_conn: object) -> None:
        """Let the next one in."""
        super().on_close(server_conn)
        self._room.release()
