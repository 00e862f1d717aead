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
    from .demo import Demo


def main() -> int:
    """Serve until stdin closes; 2 with one line on stderr when that cannot begin."""
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
        asyncio.run(_serve(settings, ready))
    except AskSageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _serve(settings: dict[str, Any], ready: TextIO) -> None:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets

    from .app import application

    demo = _demo(settings)
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(application(demo, controlled=settings["controlled"])).add_sockets(sockets)
    with ready:
        ready.write(json.dumps({"port": sockets[0].getsockname()[1], "model": demo.model}) + "\n")
    # Reads in a thread, so that it is noticed on every platform when the parent ends.
    await asyncio.to_thread(sys.stdin.read)
    # At once: a generation under way must not keep a stopped service alive.
    os._exit(0)


def _demo(settings: dict[str, Any]) -> Demo:
    """The service as it was told to be."""
    from . import echo
    from .accounting import Counters
    from .controls import Controls
    from .demo import Demo
    from .engine import Model, load, reach
    from .start import ECHO
    from .weights import local_id, model_id

    source = settings["model"]
    named = source == ECHO or "://" in source
    engine: Model = echo.EchoEngine() if source == ECHO else reach(source) if named else load(Path(source))
    controls = Controls()
    counters = Counters(
        Path(settings["folder"]) / "counters.sqlite",
        settings["allotment"],
        clock=controls.now,
        durable=not settings["controlled"],
    )
    return Demo(
        key=settings["key"],
        email=settings["email"],
        model=local_id(engine.name) if named else model_id(Path(source)),
        engine=engine,
        counters=counters,
        output_limit=settings["output_limit"],
        controls=controls,
    )


if __name__ == "__main__":
    sys.exit(main())
