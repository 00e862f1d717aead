"""``%asksage``: its subcommands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ..errors import AskSageError, BadInput
from ..session import build_query, current
from . import show
from .braces import expand
from .options import CellOptions, describe, parse

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..session import Session


def run(shell: InteractiveShell, line: str) -> None:
    """Do what the line says; the balance when it says nothing.

    Raises
    ------
    BadInput
        There is no such subcommand; the message lists them.
    AskSageError
        What the subcommand raises.
    """
    name, _, rest = line.strip().partition(" ")
    if name in ("-h", "--help"):
        name = "help"
    command = COMMANDS.get(name or "balance")
    if command is None:
        raise BadInput(_unknown(name))
    command.run(shell, rest.strip())


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), COMMANDS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return (
        f"there is no %asksage {name}; {hint}allowed are {', '.join(COMMANDS)}. "
        f"To ask a model, write the prompt below a line %%asksage."
    )


def _nothing_after(name: str, rest: str) -> None:
    if rest:
        raise BadInput(f"%asksage {name} takes nothing after it, not {rest!r}")


def _balance(shell: InteractiveShell, rest: str) -> None:
    _nothing_after("balance", rest)
    show.present(current().balance())


def _usage(shell: InteractiveShell, rest: str) -> None:
    from ..usage_log import usage

    show.present(usage(rest or None))


def _models(shell: InteractiveShell, rest: str) -> None:
    from .offers import Offers

    models = current().models()
    wanted = [
        model for model in models if rest.lower() in f"{model.id} {model.name} {model.vendor or ''}".lower()
    ]
    if not wanted:
        raise BadInput(
            f"none of the {len(models)} models has {rest!r} in its name; %asksage models lists all"
        )
    show.present(Offers(tuple(wanted), len(models)))


def _estimate(shell: InteractiveShell, rest: str) -> None:
    options, words = parse(rest)
    if options["help"] or not words:
        show.tell(f"%asksage {COMMANDS['estimate'].usage}\n\n{describe()}")
        return
    session = current()
    model = words.pop(0) if len(words) > 1 and _is_model(session, words[0]) else None
    text = expand(" ".join(words), shell.user_ns, shell.user_ns_hidden)
    query = build_query(session, text, model, CellOptions(**options).of_call)
    show.present(session.estimate(query))


def _is_model(session: Session, word: str) -> bool:
    """Whether the first word names a model; the service is asked only about a word that looks like one."""
    if word == session.settings.model:
        return True
    if not re.fullmatch(r"[\w.:/]*[\d-][\w.:/-]*", word):
        return False
    try:
        return any(model.id == word for model in session.models())
    except AskSageError:
        return False  # the estimate itself tells what is wrong


def _login(shell: InteractiveShell, rest: str) -> None:
    from .login import login

    login(rest)


def _panel(shell: InteractiveShell, rest: str) -> None:
    from ..widget import panel

    _nothing_after("panel", rest)
    show.present(panel())


def _help(shell: InteractiveShell, rest: str) -> None:
    from .help import help_text

    show.tell(help_text(rest))


def _version(shell: InteractiveShell, rest: str) -> None:
    from .help import version_text

    _nothing_after("version", rest)
    show.tell(version_text())


class Command(NamedTuple):
    """A subcommand: how it is written, what it does, and what does it."""

    usage: str
    summary: str
    run: Callable[[InteractiveShell, str], None]


COMMANDS = {
    "balance": Command("[balance]", "what is left on both meters", _balance),
    "usage": Command("usage [2026-11]", "what it went to, one call a row, of a month or of all", _usage),
    "models": Command("models [WORD]", "the models you may use, those with WORD in their name", _models),
    "estimate": Command(
        "estimate [MODEL] [options] TEXT", "what a prompt would cost; nothing is sent to a model", _estimate
    ),
    "login": Command("login", "ask for your key without showing it, and keep it", _login),
    "panel": Command("panel", "both meters, following every debit", _panel),
    "help": Command("help [TOPIC]", "this, or more of one topic", _help),
    "version": Command("version", "this package, the ledger and the account", _version),
}
