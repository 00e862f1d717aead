"""The endpoint itself: a socket on loopback, a key of this run, and a thread that serves."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from contextlib import ExitStack, suppress
from copy import copy
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..display.markup import TEXT, line
from ..errors import BadInput, ConfigurationError
from ..interrupts import begin
from ..session import Session
from ..session.endpoints import Announcement
from ..settings import AskSage
from . import guard, key_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from markupsafe import Markup

_AT_ONCE = 32
_SLOW_S = 30.0  # for a whole request to arrive
_LOOK_S = 0.5  # how often others hear of it, and it of them
_IDLE_S = 30.0  # a connection without one


class Endpoint:
    """An OpenAI-compatible endpoint on 127.0.0.1, for one account, until it is closed.

    It has a session of its own, with the settings as they are when it starts: what others ask through it is
    no part of a notebook's history, and a setting that is changed later does not change whose tokens it is.

    Parameters
    ----------
    name : str
        How the log names who asks; each program's own name when empty.
    port : int
        0 for any that is free.
    on_end : callable
        Called in its own thread at its end, whoever asked for it.

    Attributes
    ----------
    url : str
        What clients call their base URL.
    key : str
        Of this run; no other opens it.
    is_stopped : bool
        Whether somebody asked it to end, from a panel perhaps.

    Raises
    ------
    NoKey, BadKey, NotReached
        The account cannot be asked for, and so nothing be asked; nothing is left running.
    BadInput
        The port is taken.
    ConfigurationError
        Tornado is missing.
    """

    def __init__(self, *, name: str = "", port: int = 0, on_end: Callable[[], None] = lambda: None) -> None:
        if find_spec("tornado") is None:
            raise ConfigurationError("the endpoint needs Tornado: pip install tornado")
        settings = AskSage.instance()
        settings.follow_environment()
        self.key = guard.new_key()
        self._name = name
        self._session = Session(copy(settings))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._is_up, self._is_over = threading.Event(), threading.Event()
        self._key_file: Path | None = None
        self._on_end = on_end
        self.is_stopped = False
        try:
            self._meet()
            self._socket = _bound(port)
        except BaseException:
            self._session.close()
            raise
        self._port: int = self._socket.getsockname()[1]
        self.url = f"http://{guard.ADDRESS}:{self._port}/v1"
        session = self._session
        self._announcement = Announcement(session.ledger.folder, session.account, self.url, session.clock())
        begin(threading.Thread(target=self._run, name="asksage-endpoint", daemon=True))
        self._is_up.wait()

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"

    def _repr_html_(self) -> Markup:
        return line(f"OpenAI-compatible endpoint at {self.url}", TEXT)

    @property
    def environment(self) -> dict[str, str]:
        """The variables under which OpenAI's clients find it."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": self.key}

    @property
    def whose(self) -> str:
        """Whose tokens it spends, in words."""
        account = self._session.account
        return f"{account.holder} at {account.host}"

    def tell_key(self, path: str) -> None:
        """Put the key into a file for this person's eyes only, until it ends.

        Raises
        ------
        BadInput
            It cannot be written.
        """
        self._key_file = key_file.write(path, self.key)

    def wait(self, seconds: float) -> bool:
        """Whether it has come to its end after so long."""
        # Not by joining: a thread whose join a Ctrl-C struck counts as ended in Python 3.11 and 3.12.
        return self._is_over.wait(seconds)

    def close(self) -> None:
        """Answer nobody any more. Streams under way are stopped; what comes whole is still booked."""
        if self._loop is not None and self._end is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._end.set)
            self._is_over.wait()

    def let_go(self) -> None:
        """In a forked child: the parent's sockets are not its own."""
        self._socket.close()

    def _meet(self) -> None:
        """Open all that the threads then share, while there is only one."""
        session = self._session
        session.balance()
        _ = session.service, session.pricing

    def _run(self) -> None:
        with ExitStack() as after:
            after.callback(self._is_over.set)
            after.callback(self._on_end)
            after.callback(self._take_key_away)
            after.callback(self._announcement.close)
            after.callback(self._is_up.set)  # nobody waits for what did not begin
            asyncio.run(self._serve())

    def _take_key_away(self) -> None:
        if self._key_file is not None:
            key_file.remove(self._key_file, self.key)

    async def _serve(self) -> None:
        from .listening import Listening
        from .routes import application
        from .workers import Workers

        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        workers = Workers(_AT_ONCE)
        answers = application(self._session, workers, self._announcement, self.key, self._port, self._name)
        server = Listening(
            answers,
            max_body_size=guard.LARGEST,
            body_timeout=_SLOW_S,
            idle_connection_timeout=_IDLE_S,
        )
        listening = asyncio.ensure_future(server.listen_on(self._socket))
        self._is_up.set()
        await self._until_the_end(self._end)
        listening.cancel()
        self._socket.close()
        await server.close_all_connections()
        workers.close(self._session.close)

    async def _until_the_end(self, end: asyncio.Event) -> None:
        """Tell now and then what came of it, until it is to end."""
        while not end.is_set():
            if self._announcement.asks_to_stop:
                self.is_stopped = True
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(end.wait(), _LOOK_S)
            self._announcement.write()
        self.is_stopped = True


def _bound(port: int) -> socket.socket:
    """A socket of its own on loopback, that hears already."""
    bound = socket.socket()
    try:
        if os.name == "posix":  # elsewhere it would let another program take the port as well
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((guard.ADDRESS, port))
        bound.listen(128)
        bound.setblocking(False)
    except (OSError, OverflowError) as error:
        bound.close()
        why = getattr(error, "strerror", None) or "it is no port"
        raise BadInput(f"port {port} cannot be had ({why}): take another, or none") from None
    return bound
