"""An endpoint for everybody else's code, beside a kernel's cells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..prompting import option
from .command import Command

if TYPE_CHECKING:
    from ..endpoint import Endpoint

NAME = option("--name", default="", metavar="NAME", help="how the usage log names who asks through it")
KEY_FILE = option("--key-file", metavar="PATH", help="put its key there, for your eyes only")


def _serve(_: Sequence[str], env: bool, stop: bool, name: str, key_file: str | None) -> Iterator[object]:
    from ..endpoint import start_here, stop_here

    if stop:
        yield "The endpoint is stopped." if stop_here() else "There is no endpoint to stop."
        return
    endpoint = start_here(name)
    yield endpoint
    if env:
        os.environ.update(endpoint.environment)
    if key_file is not None:
        endpoint.tell_key(key_file)
    yield " ".join(_told(endpoint, key_file, is_in_environment=env))


def _told(endpoint: Endpoint, key_file: str | None, *, is_in_environment: bool) -> Iterator[str]:
    yield "What is asked through it is debited here. It ends with the kernel, or by %asksage serve --stop."
    if is_in_environment:
        yield f"{' and '.join(endpoint.environment)} are set in this kernel."
    if key_file is not None:
        yield f"Its key is in {key_file}."
    elif not is_in_environment:
        yield "Its key: --env sets it in this kernel, --key-file PATH puts it into a file."


SERVE = Command(
    "serve",
    "[--env] [--key-file PATH] [--name NAME] [--stop]",
    "an OpenAI-compatible endpoint: one meter for all your code",
    _serve,
    (
        option("--env", action="store_true", help="set OPENAI_BASE_URL and OPENAI_API_KEY in this kernel"),
        KEY_FILE,
        NAME,
        option("--stop", action="store_true", help="end it"),
    ),
    needs_notebook=True,
)
