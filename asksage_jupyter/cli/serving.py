"""``asksage-jupyter serve`` and ``local``: the endpoint, or the demo's service, alone until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
from typing import Any

from ..commands.serving import SERVE
from ..errors import AskSageError, ConfigurationError
from .demo import say

_LOOK_S = 0.5  # on Windows a Ctrl-C is seen between two looks


def add_to(commands: Any) -> argparse.ArgumentParser:
    """The command's parser."""
    parser: argparse.ArgumentParser = commands.add_parser("serve", help=f"{SERVE.summary}, until Ctrl-C")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="any that is free when absent")
    parser.add_argument("--key-file", metavar="PATH", help="put its key there, and do not print it")
    parser.add_argument(
        "--name", default="", metavar="NAME", help="how the usage log names who asks; else each says itself"
    )
    return parser


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or the end of the process."""
    from ..endpoint import Endpoint

    _end_as_by_ctrl_c("SIGTERM", "SIGHUP")
    with contextlib.closing(Endpoint(name=options.name, port=options.port)) as endpoint:
        told = endpoint.environment
        if options.key_file is not None:
            endpoint.tell_key(options.key_file)
            del told["OPENAI_API_KEY"]
        for name, value in told.items():
            print(assignment(name, value, os.name), flush=True)
        say(f"{endpoint.whose}: it runs until Ctrl-C, and debits all that is asked through it")
        try:
            while not endpoint.wait(_LOOK_S):
                pass
        except KeyboardInterrupt:
            return 0
        if endpoint.is_stopped:
            say("it was stopped from a panel")
            return 0
    raise AskSageError("the endpoint ended by itself")


def _end_as_by_ctrl_c(*names: str) -> None:
    """Let the key's file go with the process, also where its terminal is closed."""
    for name in names:
        number = getattr(signal, name, None)  # Windows has but one of them
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
            with contextlib.suppress(ValueError):  # only the main thread may ask for it
                signal.signal(number, signal.default_int_handler)


def local(_: argparse.Namespace) -> int:
    """Run the local demo service until Ctrl-C."""
    from .. import local
    from .demo import found_weights

    with local.start(weights=found_weights()) as service:
        for name, value in service.environment.items():
            print(assignment(name, value, os.name), flush=True)
        say("the local demo runs until Ctrl-C; put the lines above into another terminal")
        try:
            code = service.process.wait()
        except KeyboardInterrupt:
            return 0
    raise ConfigurationError(f"the local demo ended by itself (exit code {code})")


def assignment(name: str, value: str, system: str) -> str:
    """The line that sets a variable in the usual shell of `system`, which is called as `os.name` calls it."""
    # In cmd a quote around the value alone would be part of it.
    return f'set "{name}={value}"' if system == "nt" else f"export {name}={shlex.quote(value)}"
