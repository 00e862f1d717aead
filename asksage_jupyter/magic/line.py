"""``%asksage``: its subcommands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ..errors import AskSageError, BadInput, Interrupted
from ..session import build_query, current
from ..session.pricing import AUTO
from . import datasets, pace, plan, plugins, show, usage
from .braces import expand, unfilled
from .checks import nothing_after
from .options import CellOptions, describe, parser
from .parser import Parser, words_at
from .scope import scope

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..session import Session

HELP = ("-h", "--help")


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
    if name in HELP:
        name = "help"
    command = COMMANDS.get(name or "balance")
    if command is None and name.rstrip("?") in COMMANDS:
        command, rest = COMMANDS["help"], name.rstrip("?")
    if command is None:
        raise BadInput(_unknown(name))
    # An estimate's text may speak of any option.
    if name != "estimate" and wants_help(rest):
        command, rest = COMMANDS["help"], "" if name == "help" else name
    try:
        command.run(shell, rest.strip())
    except KeyboardInterrupt:
        stopped = f"stopped: %asksage {name or 'balance'} did not come to its end."
        raise Interrupted(None, stopped) from None


def run_train_cell(line: str, cell: str) -> None:
    """Do what ``%%asksage_train`` says."""
    if wants_help(line):
        show.tell(datasets.cell_parser().describe())
    else:
        datasets.train_cell(line, cell)


def wants_help(rest: str) -> bool:
    """Whether a word asks how something is written; none within quotes does."""
    return any(word in HELP and rest.startswith(word, at) for word, at in words_at(rest))


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), COMMANDS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return (
        f"there is no %asksage {name}; {hint}allowed are {', '.join(COMMANDS)}. "
        f"To ask a model, write the prompt below a line %%asksage."
    )


def _balance(shell: InteractiveShell, rest: str) -> None:
    nothing_after("balance", rest)
    show.present(current().balance())


def _models(shell: InteractiveShell, rest: str) -> None:
    from .offers import Offers

    models = current().models()
    wanted = [
        model
        for model in models
        if rest.lower() in " ".join((model.id, model.name, model.vendor or "", *model.aliases)).lower()
    ]
    if not wanted:
        raise BadInput(
            f"none of the {len(models)} models has {rest!r} in its name; %asksage models lists all"
        )
    show.present(Offers(tuple(wanted), len(models)))


def _estimate(shell: InteractiveShell, rest: str) -> None:
    options, leading, text = parser().read_before_text(rest, lambda word: _is_model(current(), word))
    if options["plugin"] is not None:
        raise BadInput("a plugin is priced in its cell: %%asksage --plugin NAME name=value ... --estimate")
    if options["compare"]:
        raise BadInput("a comparison is priced in its cell: %%asksage --compare MODEL,MODEL --estimate")
    if options["help"] or not text:
        show.tell(f"%asksage {COMMANDS['estimate'].usage}\n\n{describe()}")
        return
    session = current()
    names = scope(shell)
    model = leading[0] if leading else None
    query = build_query(session, expand(text, *names), model, CellOptions(**options).of_call)
    show.present(session.estimate(query))
    if notice := unfilled(text, *names):
        show.notify(notice)


def _is_model(session: Session, word: str) -> bool:
    """Whether the first word names a model; the service is asked only about one that may, as no "Why" may."""
    if word == session.settings.model:
        return True
    if not re.fullmatch(r"[\w.:/-]+", word) or (word.isalpha() and word[0].isupper()):
        return False
    try:
        return any(word in (model.id, *model.aliases) for model in session.models()) or word == AUTO
    except AskSageError:
        return False  # the estimate itself tells what is wrong


def _login(shell: InteractiveShell, rest: str) -> None:
    from .login import login

    login(rest)


def _panel(shell: InteractiveShell, rest: str) -> None:
    from ..widget import panel

    nothing_after("panel", rest)
    show.present(panel())


def _reconcile(shell: InteractiveShell, rest: str) -> None:
    from ..reconciling import reconcile

    nothing_after("reconcile", rest)
    show.present(reconcile())


@cache
def statement_parser() -> Parser:
    """The parser of ``%asksage statement``."""
    parser = Parser("%asksage statement [2026-10] [--csv PATH]")
    parser.add_argument("--csv", metavar="PATH", help="write it to this file as well")
    return parser


def _statement(shell: InteractiveShell, rest: str) -> None:
    from ..statements import statement

    options, words = statement_parser().read(rest)
    if len(words) > 1:
        raise BadInput(f"%asksage statement takes one month, not {' '.join(words)!r}")
    stated = statement(words[0] if words else None)
    show.present(stated)
    if path := options["csv"]:
        stated.to_csv(path)
        show.tell(f"It is also in {path}.")


def _help(shell: InteractiveShell, rest: str) -> None:
    from .help import help_text

    show.tell(help_text(rest))


def _version(shell: InteractiveShell, rest: str) -> None:
    from .help import version_text

    nothing_after("version", rest)
    show.tell(version_text())


class Command(NamedTuple):
    """A subcommand: how it is written, what it does, what does it, and what reads its options, if any."""

    usage: str
    summary: str
    run: Callable[[InteractiveShell, str], None]
    parser: Callable[[], Parser] | None = None


COMMANDS = {
    "balance": Command("[balance]", "what is left on both meters", _balance),
    "usage": Command(usage.LINE, "what it went to: this month, by model", usage.usage, usage.usage_parser),
    "pace": Command(pace.LINE, "how long the tokens last as you spend them", pace.pace, pace.pace_parser),
    "models": Command("models [WORD]", "the models you may use, those with WORD in their name", _models),
    "estimate": Command(
        "estimate [MODEL] [options] TEXT",
        "what a prompt would cost; nothing is sent to a model",
        _estimate,
        parser,
    ),
    "plan": Command(
        "plan [options]", "the tokens of a month, or set them from this month on", plan.plan, plan.plan_parser
    ),
    "top-up": Command(
        plan.TOP_UP, "book tokens that were bought, once a receipt", plan.top_up, plan.top_up_parser
    ),
    "request": Command(plan.REQUEST, "ask your admins for more tokens", plan.request, plan.request_parser),
    "train": Command(
        datasets.LINE,
        "upload files to a dataset, debited from the training meter",
        datasets.train_files,
        datasets.train_parser,
    ),
    "datasets": Command(
        "datasets [--create NAME]",
        "the datasets there are, or a new one",
        datasets.datasets,
        datasets.datasets_parser,
    ),
    "personas": Command("personas [WORD]", "the personas, those with WORD in their name", plugins.personas),
    "plugins": Command("plugins", "what %%asksage --plugin NAME may run", plugins.plugins),
    "follow-up": Command(
        "follow-up", "questions suggested after this notebook's last reply", plugins.follow_up
    ),
    "reconcile": Command("reconcile", "compare with the service, and book what was missing", _reconcile),
    "statement": Command(
        "statement [2026-10] [--csv PATH]", "the month on one page", _statement, statement_parser
    ),
    "login": Command("login", "ask for your key without showing it, and keep it", _login),
    "panel": Command("panel", "both meters, following every debit", _panel),
    "help": Command("help [TOPIC]", "this, or more of one topic", _help),
    "version": Command("version", "this package, the ledger and the account", _version),
}
