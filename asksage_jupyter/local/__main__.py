"""The child process of the local demo: ``python -m asksage_jupyter.local``, started by ``start.start``.

Its settings, the key among them, come as one JSON line on stdin, so that no list of processes shows them. It
answers with one JSON line on stdout and ends when stdin closes: when its parent stops it, or is no more.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import AskSageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tornado.web import Application


def serve(application: Callable[[dict[str, Any]], Application]) -> int:
    """Serve what `application` makes of the settings until stdin closes.

    Returns
    -------
    int
        2, with one line on stderr, when that cannot begin.
    """
    # Ctrl-C is for the parent, which then closes our stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Its counters and log are the person's alone, whatever the parent's mask.
    os.umask(0o077)
    settings = json.loads(sys.stdin.readline() or "null")
    if settings is None:
        return 0
    # Native code may print: only the ready line may reach the parent's pipe.
    ready = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        asyncio.run(_serve(application(settings), ready))
    except AskSageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _serve(application: Application, ready: TextIO) -> None:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(application).add_sockets(sockets)
    with ready:
        told = {"port": sockets[0].getsockname()[1], "model": application.settings["demo"].model}
        ready.write(json.dumps(told) + "\n")
    # Reads in a thread, so that it is noticed on every platform when the parent ends.
    await asyncio.to_thread(sys.stdin.read)
    # At once: a generation under way must not keep a stopped service alive.
    os._exit(0)


def _demo(settings: dict[str, Any]) -> Application:
    """The service as it was told to be."""
    from .accounting import Counters
    from .app import application
    from .demo import Demo
    from .engine import load, reach
    from .weights import local_id, model_id

    source = settings["model"]
    is_url = "://" in source
    engine = reach(source) if is_url else load(Path(source))
    demo = Demo(
        key=settings["key"],
        email=settings["email"],
        model=local_id(engine.name) if is_url else model_id(Path(source)),
        engine=engine,
        counters=Counters(Path(settings["folder"]) / "counters.sqlite", settings["allotment"]),
        output_limit=settings["output_limit"],
    )
    return application(demo)


if __name__ == "__main__":
    sys.exit(serve(_demo))
