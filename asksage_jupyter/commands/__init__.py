"""All that can be said after ``%asksage`` and ``asksage-jupyter``, once for both.

Needs no kernel: a command yields what there is to say, and whoever took the line shows it.
"""

from __future__ import annotations

import re

from ..display.plain import brief
from ..errors import BadInput
from ..prompting import cell_parser, words_at
from ..session.near import did_you_mean
from . import datasets, envelopes, help, machine, plan, replies, services, serving, spending
from .command import Command, Names, Notice, Quiet, Told

__all__ = [
    "COMMANDS",
    "JSON",
    "Command",
    "Names",
    "Notice",
    "Quiet",
    "Told",
    "for_programs",
    "machine",
    "understood",
    "wants_help",
]

COMMANDS = {
    command.name: command
    for command in (
        spending.BALANCE,
        spending.USAGE,
        spending.WHY,
        spending.NOTEBOOK,
        spending.PACE,
        services.MODELS,
        services.ESTIMATE,
        plan.PLAN,
        plan.TOP_UP,
        plan.REQUEST,
        datasets.TRAIN,
        datasets.DATASETS,
        services.PERSONAS,
        services.PLUGINS,
        services.FOLLOW_UP,
        spending.RECONCILE,
        spending.STATEMENT,
        envelopes.ENVELOPE,
        replies.REPLAY,
        plan.LOGIN,
        spending.PANEL,
        serving.SERVE,
        help.HELP,
        help.VERSION,
    )
}
HELP = ("-h", "--help")
JSON = "--json"


def understood(line: str) -> tuple[Command, str]:
    """The command that a line names, the balance where it says nothing; and what follows its name.

    Raises
    ------
    BadInput
        There is no such command; the message says which are.
    """
    name, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if name in HELP:
        name = "help"
    command = COMMANDS.get(name or "balance")
    if command is None and name.rstrip("?") in COMMANDS:
        return COMMANDS["help"], name.rstrip("?")
    if command is None:
        raise BadInput(_unknown(name))
    if rest in HELP or (not command.is_text and wants_help(rest)):
        return COMMANDS["help"], command.name
    return command, rest


def wants_help(rest: str) -> bool:
    """Whether a word asks how something is written; none within quotes does."""
    return any(word in HELP and rest.startswith(word, at) for word, at in words_at(rest))


def for_programs(command: Command, rest: str) -> tuple[str, bool]:
    """What follows a command's name without ``--json``, and whether it was there; a text may name it."""
    places = [at for _, at in words_at(rest) if re.match(rf"{JSON}(?=\s|$)", rest[at:])]
    if command.is_text:
        places = [at for at in places if at == 0]
    for at in reversed(places):
        rest = rest[:at] + rest[at + len(JSON) :].lstrip()
    return rest.rstrip() if places else rest, bool(places)


def _unknown(name: str) -> str:
    option = name.partition("=")[0]
    homes = ["%%asksage"] * (option in cell_parser().names())
    homes += [f"%asksage {each.name}" for each in COMMANDS.values() if option in each.own_options]
    if homes:
        return f"{option} belongs behind {' or '.join(homes)}, not behind %asksage alone"
    return (
        f"there is no %asksage {brief(name)}; {did_you_mean(name, COMMANDS)}"
        f"allowed are {', '.join(COMMANDS)}. To ask a model, write the prompt below a line %%asksage."
    )
