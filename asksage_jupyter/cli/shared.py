"""What the notebook says too: the same commands, with their words and options, in a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..commands import COMMANDS, Command, Notice, machine, understood
from ..display.plain import in_terminal, plain
from ..errors import BadInput
from ..files import writing
from ..session import given
from .last_used import balance, follow_last_used

NAMES = tuple(name for name, command in COMMANDS.items() if not command.needs_notebook)
# Those that can be told of the account used last.
_OF_LEDGER = ("usage", "why", "notebook", "statement", "pace")
_FORMS = """
for programs:
  --json                    all figures
  --csv [FILE]              the same as a table"""
_MONTH = re.compile(r"\d{4}-\d{1,2}")


class Forms(NamedTuple):
    """How what was found is given out: `csv` is a path, empty for stdout."""

    json: bool = False
    csv: str | None = None


def run(name: str, words: Sequence[str]) -> int:
    """Do what the command's words say.

    Raises
    ------
    SystemExit
        With 2: they are not understood.
    AskSageError
        As of the command.
    """
    command = COMMANDS[name]
    forms, rest = _forms(words)
    try:
        said, line = understood(f"{name} {_line(rest)}")
        parts = said.run(line)
    except BadInput as error:
        usage = f"usage: asksage-jupyter {command.usage}"
        sys.stderr.write(f"{usage}\nasksage-jupyter: {in_terminal(str(error))}\n")
        raise SystemExit(2) from None
    has_figures = False
    for part in _of_last_used(said, parts):
        _give(part, forms)
        has_figures |= machine.is_figures(part)
    if forms != Forms():
        return 0 if has_figures else 2  # a program was told how to ask
    if said is not command:
        print(_FORMS)
    return 0


def _of_last_used(command: Command, parts: Iterator[object]) -> Iterator[object]:
    """What the command says; of the account used last, where a terminal is told of nobody."""
    if command.name == "balance":
        yield balance()
        return
    if command.name in _OF_LEDGER:
        follow_last_used()
    yield from parts


def _forms(words: Sequence[str]) -> tuple[Forms, list[str]]:
    """``--json`` and ``--csv [FILE]`` among the words, and the other words."""
    forms, rest, coming = Forms(), [], list(words)
    while coming:
        word = coming.pop(0)
        if word == "--json":
            forms = forms._replace(json=True)
        elif word.startswith("--csv="):
            forms = forms._replace(csv=word.removeprefix("--csv="))
        elif word == "--csv":
            has_file = bool(coming) and not coming[0].startswith("-") and not _MONTH.fullmatch(coming[0])
            forms = forms._replace(csv=coming.pop(0) if has_file else "")
        else:
            rest.append(word)
    return forms, rest


def _give(part: object, forms: Forms) -> None:
    """Print a record, or the words about it; for a program the record alone."""
    if not machine.is_figures(part) or (isinstance(part, str) and forms == Forms()):
        words = in_terminal(plain(f"[{part}]" if isinstance(part, Notice) else str(part)))
        print(words, file=sys.stderr if forms != Forms() else sys.stdout)
    elif forms.json:
        print(machine.as_json(part))
    elif forms.csv == "":
        print(machine.as_csv(part).replace("\r\n", "\n"), end="")  # stdout has its own line ends
    else:
        print(in_terminal(str(part)))
    if forms.csv and machine.is_figures(part):
        path = _write(machine.as_csv(part), forms.csv)
        print(f"It is also in {path}.", file=sys.stderr)


def _write(text: str, wanted: str) -> Path:
    path = given.path(wanted, "FILE")
    with writing(path):
        path.write_text(text, encoding="utf-8", newline="")
    return path


def _line(words: Sequence[str]) -> str:
    """The words as a line of the magic, which takes a quote around what has blanks."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word and not re.search(r"\s", word) and word[0] not in "\"'":
        return word
    option, _, value = word.partition("=") if re.match(r"--[\w-]+=", word) else ("", "", word)
    for quote in ('"', "'"):
        if not re.search(rf"{quote}(\s|$)", value):
            return f"{option}={quote}{value}{quote}" if option else f"{quote}{value}{quote}"
    return word
