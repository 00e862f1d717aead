"""``%asksage``: what its command says, shown; ``x = %asksage ...``: what it found, as data."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...commands import for_programs, machine, understood
from ...errors import Interrupted
from ..showing import show
from .scope import scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell


def run(shell: InteractiveShell, line: str) -> None:
    """Do what the line says and show what comes of it; the balance when it says nothing.

    With ``--json``, the figures alone as a program reads them.

    Raises
    ------
    BadInput
        There is no such command; the message lists them.
    AskSageError
        What the command raises.
    """
    with _stoppable(line):
        command, rest = understood(line)
        rest, wants_json = for_programs(command, rest)
        for part in command.run(rest, scope(shell)):
            if not wants_json:
                show.part(part)
            elif machine.is_figures(part):
                sys.stdout.write(machine.as_json(part) + "\n")


def result(shell: InteractiveShell, line: str) -> object:
    """Do what the line says and return what it found: a table as a DataFrame, else the record or the words.

    Words about a record are shown.

    Raises
    ------
    BadInput, AskSageError
        As of `run`.
    """
    with _stoppable(line):
        parts = list(_said(shell, line))
        records = [part for part in parts if not isinstance(part, str)]
        if not records:
            return "\n".join(map(str, parts))
        for part in parts:
            if isinstance(part, str):
                show.part(part)
    found = records[-1]
    return found.to_frame() if hasattr(found, "to_frame") else found


def _said(shell: InteractiveShell, line: str) -> Iterator[object]:
    command, rest = understood(line)
    yield from command.run(rest, scope(shell))


@contextmanager
def _stoppable(line: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        name = line.split(maxsplit=1)[0] if line.strip() else "balance"
        raise Interrupted(None, f"stopped: %asksage {name} did not come to its end.") from None
