"""A wire between client and PostgreSQL that can be cut, or fall silent, at a chosen word."""

from __future__ import annotations

import select
import socket
import threading
from pathlib import Path


class Wire:
    """Forwards a socket to the server's until it is told otherwise.

    Parameters
    ----------
    server : Path
        The folder of the server's socket.
    folder : Path
        Where this one's is made; what ``host`` is in a URL.

    Attributes
    ----------
    cut_after : bytes
        The connection that says this is cut as soon as the server has answered it, before the client hears.
    silent : bool
        Nothing goes through any more, and nothing is closed.
    cuts : int
        How many connections were cut.
    round_trips : int
        How often the client spoke and the server answered.
    """

    def __init__(self, server: Path, folder: Path) -> None:
        self._server, self.folder = server / ".s.PGSQL.5432", folder
        self.cut_after, self.silent, self.cuts, self.round_trips = b"", False, 0, 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        self._over, self._end = socket.socketpair()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._end.close()
        for thread in self._threads:
            thread.join()
        self._listener.close()
        self._over.close()

    def _accept(self) -> None:
        while self._over not in select.select([self._listener, self._over], [], [])[0]:
            client, _ = self._listener.accept()
            thread = threading.Thread(target=self._carry, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server))
            doomed, last = False, server
            while True:
                ready = select.select([client, server, self._over], [], [])[0]
                if self._over in ready:
                    return
                for end, other in ((client, server), (server, client)):
                    if end not in ready:
                        continue
                    said = end.recv(1 << 16)
                    if not said:
                        return
                    if self.silent:
                        continue
                    self.round_trips += end is server and last is client
                    last = end
                    doomed |= end is client and bool(self.cut_after) and self.cut_after in said
                    if doomed and end is server:
                        self.cuts += 1
                        self.cut_after = b""
                        return
                    other.sendall(said)
