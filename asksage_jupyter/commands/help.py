"""Help, made from the options, commands and settings themselves; and which version this is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from traitlets import Enum

from ..display.page import Code, Listing, Page
from ..display.plain import brief
from ..errors import BadInput
from ..ledger.stores.address import shown
from ..prompting import TRAINING_CELL, cell_parser, training_parser
from ..server.bundle import lack
from ..session.near import did_you_mean
from ..settings import AskSage
from .command import Command, Told

_EXAMPLES = """\
%%asksage
Why is the sky blue?

%%asksage google-claude-45-haiku -o answer --max-tokens 500
Summarise: {report}

%%asksage --compare google-claude-45-haiku,gpt-5-mini
Why is the sky blue?

%asksage estimate "Why is the sky blue?"
%asksage help cell"""

_SETTINGS = (
    ('%config AskSage.model = "google-claude-45-haiku"', "for this notebook"),
    ('c.AskSage.project = "apollo"', "for all, in ipython_config.py"),
)
_KEY = (
    "The key is no setting. It comes from %asksage login, else from ASKSAGE_API_KEY, else from the keyring."
)

_WIDTH = 104
_COLUMN = 44


def topics() -> tuple[str, ...]:
    """All that there is help on."""
    from . import COMMANDS

    return ("cell", "settings", *COMMANDS)


def help_text(topic: str = "") -> Page:
    """Help on everything in brief, or on one topic in full.

    Raises
    ------
    BadInput
        There is no such topic; the message lists them.
    """
    from . import COMMANDS

    topic = topic.strip().lstrip("%").lower()
    if topic in ("", "help"):
        return _overview()
    if topic in ("cell", "asksage"):
        return cell_parser().describe(below=_examples())
    if topic == "settings":
        how = "\n".join(f"{written:<52} {where}" for written, where in _SETTINGS)
        listings = Listing("how they are set", _SETTINGS), Listing("settings", tuple(_meanings()))
        return Page.of(f"{how}\n\n{_settings()}\n\n{_KEY}", *listings, _KEY)
    if topic in COMMANDS:
        return _command(COMMANDS[topic])
    near = did_you_mean(topic, topics())
    raise BadInput(f"there is no help on {brief(topic)!r}; {near}topics are {', '.join(topics())}")


def about() -> dict[str, str]:
    """The version, account, service and ledger; never a key or a password."""
    from importlib.metadata import version

    settings = AskSage.instance()  # no session: a ledger out of reach is when the version is asked for
    settings.follow_environment()
    account = settings.account
    return {
        "asksage_jupyter": version("asksage_jupyter"),
        "account": f"{account.holder} at {account.host}",
        "service": settings.url,
        "ledger": shown(settings.ledger),
        "sidebar": lack() or "installed",
    }


def _overview() -> Page:
    from . import COMMANDS

    said = [
        ("%%asksage [MODEL] [options]", "send the lines below to a model (%asksage help cell)"),
        (TRAINING_CELL, "upload the lines below to a dataset"),
        ("%asksage", "the same as %asksage balance"),
        *((f"%asksage {each.usage}", each.summary) for each in COMMANDS.values()),
    ]
    more = (
        "The figures alone, for a program: --json behind any of them\n"
        "Settings and environment variables: %asksage help settings\n"
        "From Python: help('asksage_jupyter')"
    )
    commands = "\n".join(_beside(*each) for each in said)
    return Page.of(f"{commands}\n\n{more}\n\n{_examples()}", Listing("", tuple(said)), more, _examples())


def _examples() -> Page:
    return Page.of(f"examples:\n{textwrap.indent(_EXAMPLES, '  ')}", Listing("examples", ()), Code(_EXAMPLES))


def _command(command: Command) -> Page:
    """A command with its options."""
    also = training_parser().describe() if command.name == "train" else None
    return command.parser.describe(above=command.summary, below=also)


def _beside(written: str, summary: str) -> str:
    """How something is written, and what it does beside it; below it where there is no room."""
    indent = " " * _COLUMN
    told = textwrap.fill(summary, _WIDTH, initial_indent=indent, subsequent_indent=indent)
    return written + (told[len(written) :] if len(written) < _COLUMN else f"\n{told}")


def _meanings() -> Iterator[tuple[str, str]]:
    """Each trait with its help, which names its environment variable."""
    for name, trait in sorted(AskSage.class_own_traits(config=True).items()):
        allowed = f" One of {', '.join(trait.values or ())}." if isinstance(trait, Enum) else ""
        yield name, f"{trait.help}{allowed}"


def _settings() -> str:
    return "\n".join(
        textwrap.fill(meaning, width=_WIDTH, initial_indent=f"  {name:<18}", subsequent_indent=" " * 20)
        for name, meaning in _meanings()
    )


def _help(words: Sequence[str]) -> Iterator[object]:
    yield help_text(*words)


def _version(_: Sequence[str]) -> Iterator[object]:
    found = about()
    words = "\n".join(f"{name:<15}  {value}" for name, value in found.items())
    yield Told(Page.of(words, Listing("", tuple(found.items()))), **found)


HELP = Command("help", "[TOPIC]", "this, or more of one topic", _help, words=1, needs_notebook=True)
VERSION = Command("version", "", "this package, the ledger and the account", _version)
