"""``%asksage help`` and ``%asksage version``; made from the options, subcommands and settings themselves."""

from __future__ import annotations

import difflib
import textwrap

from traitlets import Enum

from ..errors import BadInput
from ..ledger.stores.address import shown
from ..server.bundle import lack
from ..settings import AskSage
from .datasets import CELL, cell_parser
from .line import COMMANDS
from .options import describe

_EXAMPLES = """\
%%asksage
Why is the sky blue?

%%asksage google-claude-45-haiku -o answer --max-tokens 500
Summarise: {report}

%%asksage --compare google-claude-45-haiku,gpt-5-mini
Why is the sky blue?

%asksage estimate "Why is the sky blue?"
%asksage help cell"""

_SETTINGS = """\
%config AskSage.model = "google-claude-45-haiku"     for this notebook
c.AskSage.project = "apollo"                         for all, in ipython_config.py
"""

_KEY = """\
The key is no setting. It comes from %asksage login, else from ASKSAGE_API_KEY, else from the keyring.
"""

_WIDTH = 104
_COLUMN = 44
TOPICS = ("cell", "settings", *COMMANDS)


def help_text(topic: str = "") -> str:
    """Help on everything in brief, or on one topic in full.

    Raises
    ------
    BadInput
        There is no such topic; the message lists them.
    """
    topic = topic.strip().lstrip("%").lower()
    if topic in ("", "help"):
        return _overview()
    if topic in ("cell", "asksage"):
        return f"{describe()}\n\nexamples:\n{textwrap.indent(_EXAMPLES, '  ')}"
    if topic == "settings":
        return f"{_SETTINGS}\n{_settings()}\n\n{_KEY}"
    if topic in COMMANDS:
        return _command(topic)
    near = difflib.get_close_matches(topic, TOPICS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise BadInput(f"there is no help on {topic!r}; {hint}topics are {', '.join(TOPICS)}")


def version_text() -> str:
    """The version, account, service and ledger; never a key or a password."""
    from importlib.metadata import version

    settings = AskSage.instance()  # no session: a ledger out of reach is when the version is asked for
    settings.follow_environment()
    account = settings.account
    return "\n".join(
        [
            f"asksage_jupyter {version('asksage_jupyter')}",
            f"account  {account.holder} at {account.host}",
            f"service  {settings.url}",
            f"ledger   {shown(settings.ledger)}",
            f"sidebar  {lack() or 'installed'}",
        ]
    )


def _overview() -> str:
    commands = "\n".join(_line(name) for name in COMMANDS)
    return (
        f"{_beside('%%asksage [MODEL] [options]', 'send the lines below to a model (%asksage help cell)')}\n"
        f"{_beside(CELL, 'upload the lines below to a dataset')}\n"
        f"{commands}\n\n"
        f"Settings and environment variables: %asksage help settings\n"
        f"From Python: help('asksage_jupyter')\n\n"
        f"examples:\n{textwrap.indent(_EXAMPLES, '  ')}"
    )


def _command(name: str) -> str:
    """A subcommand with its options."""
    parser = COMMANDS[name].parser
    if parser is None:
        return _line(name)
    if name == "estimate":
        return f"{_line(name)}\n\nThe options are those of a cell.\n\n{describe()}"
    also = f"\n\n{cell_parser().describe()}" if name == "train" else ""
    return f"{COMMANDS[name].summary}\n\n{parser().describe()}{also}"


def _line(name: str) -> str:
    command = COMMANDS[name]
    return _beside(f"%asksage {command.usage}", command.summary)


def _beside(written: str, summary: str) -> str:
    """How something is written, and what it does beside it; below it where there is no room."""
    room = f"{written:<{_COLUMN}}" if len(written) < _COLUMN else f"{written}\n{'':<{_COLUMN}}"
    return room + summary


def _settings() -> str:
    """Each trait with its help, which names its environment variable."""
    lines = []
    for name, trait in sorted(AskSage.class_own_traits(config=True).items()):
        allowed = f" One of {', '.join(trait.values or ())}." if isinstance(trait, Enum) else ""
        lines.append(
            textwrap.fill(
                f"{trait.help}{allowed}",
                width=_WIDTH,
                initial_indent=f"  {name:<18}",
                subsequent_indent=" " * 20,
            )
        )
    return "\n".join(lines)
