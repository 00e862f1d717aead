"""What a command says, into any code page and any pipe."""

from __future__ import annotations

import codecs
import io
import os
import sys

from ..display.plain import in_letters

_NAME = "asksage-plain"


def make_fit() -> None:
    """Let a character that stdout or stderr cannot carry be replaced, and not end the command."""
    codecs.register_error(_NAME, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_NAME)


def flush() -> None:
    """Write what still waits to be written; OSError where it cannot be."""
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up() -> None:
    """Say no more on stdout: the interpreter would try again at its end, and complain."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, AttributeError):  # no file beneath it
        pass


def complain(words: str) -> None:
    """One line on stderr, where there is one."""
    if sys.stderr is not None:
        sys.stderr.write(f"asksage-jupyter: {words}\n")


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(in_letters(character) for character in wrong), error.end
