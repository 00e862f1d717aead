"""What the notebook says too: the magic's own commands, with their words and options, in a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple, cast

from ..errors import BadInput
from ..magic import show
from ..magic.help import help_text
from ..magic.line import COMMANDS
from . import machine
from .last_used import balance, follow_last_used

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# What needs a notebook: a panel, and the reply that came last.
NAMES = tuple(name for name in COMMANDS if name not in ("panel", "follow-up", "help"))
# Whose result is figures.
_GIVEN = ("balance", "usage", "statement", "pace", "models", "estimate", "plan", "top-up", "reconcile")
# Those that can be told of the account used last.
_OF_LEDGER = ("usage", "statement", "pace")
_FORMS = """

for programs:
  --json                    all figures
  --csv [FILE]              the same as a table"""
_MONTH = re.compile(r"\d{4}-\d{1,2}")


class Forms(NamedTuple):
    """How what was found is given out: `csv` is a path, empty for stdout."""

    json: bool = False
    csv: str | None = None


def summary(name: str) -> str:
    """What the command does, in a line."""
    return COMMANDS[name].summary


def in_terminal(words: str) -> str:
    """Words that name the magic, as they are said in a terminal."""
    return re.sub(r"(?<!%)%asksage\b(?!_)", "asksage-jupyter", words)


def run(name: str, words: Sequence[str]) -> int:
    """Do what the command's words say.

    Raises
    ------
    SystemExit
        With 2: they are not understood.
    AskSageError
        As of the magic's command.
    """
    if any(word in ("-h", "--help") for word in words):
        print(in_terminal(help_text(name)) + (_FORMS if name in _GIVEN else ""))
        return 0
    forms, rest = _forms(words) if name in _GIVEN else (Forms(), list(words))
    command = COMMANDS[name]
    if command.parser is not None:
        try:
            command.parser().read(_line(rest))
        except BadInput as error:
            usage = f"usage: asksage-jupyter {command.usage}"
            sys.stderr.write(f"{usage}\nasksage-jupyter: {in_terminal(str(error))}\n")
            raise SystemExit(2) from None
    if name in _OF_LEDGER:
        follow_last_used()
    with show.elsewhere(_given_as(forms)):
        if name == "balance" and not rest:
            show.present(balance())
        else:
            nobody = cast("InteractiveShell", SimpleNamespace(user_ns={}, user_ns_hidden={}))
            command.run(nobody, _line(rest))
    return 0


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


def _given_as(forms: Forms) -> Callable[[object], None]:
    """What prints a result, or the words about it; for a program the result alone."""

    def give(thing: object) -> None:
        if isinstance(thing, str):
            print(in_terminal(thing), file=sys.stderr if forms != Forms() else sys.stdout)
        elif forms.json:
            print(machine.as_json(thing))
        elif forms.csv == "":
            print(machine.as_csv(thing).replace("\r\n", "\n"), end="")  # stdout has its own line ends
        else:
            print(in_terminal(str(thing)))
        if forms.csv and not isinstance(thing, str):
            path = _write(machine.as_csv(thing), forms.csv)
            print(f"It is also in {path}.", file=sys.stderr)

    return give


def _write(text: str, wanted: str) -> Path:
    path = Path(wanted).expanduser()
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from None
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
