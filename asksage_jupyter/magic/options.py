"""The line of ``%%asksage`` as a frozen record; what is wrong with it is told in one line."""

from __future__ import annotations

import argparse
import difflib
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import BadInput
from ..session.query import LIVE, REASONING
from ..settings import FORMATS
from .checks import number, one_of, variable, whole

if TYPE_CHECKING:
    from ..session import Options

# A quote opens at a word's beginning or after --option=, and closes before white space: a backslash or an
# apostrophe within a word is just itself, so Windows paths and "don't" need no care, on any platform.
_WORD = re.compile(r"""(--[\w-]+=)?(["'])(.*?)\2(?=\s|$)|\S+""")
_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?")


@dataclass(frozen=True, slots=True)
class CellOptions:
    """What the line of ``%%asksage`` says; None where it says nothing.

    Attributes
    ----------
    model : str or None
    format : str or None
        One of `FORMATS`.
    output : str or None
        Name of the variable that the reply goes into.
    system, persona, dataset, live, temperature, reasoning, history, file
        As of `session.Options`.
    estimate : bool
        Price it, send nothing.
    max_tokens : int or None
        Refuse when the estimate is above this many Ask Sage tokens.
    stream : bool
        Show the reply while it arrives.
    help : bool
        Show the options, send nothing.
    """

    model: str | None = None
    format: str | None = None
    output: str | None = None
    system: str | None = field(default=None, repr=False)
    persona: int | None = None
    dataset: str = "none"
    live: int = 0
    temperature: float | None = None
    reasoning: str | None = None
    history: int = 0
    file: str | None = None
    estimate: bool = False
    max_tokens: int | None = None
    stream: bool = True
    help: bool = False

    @property
    def of_call(self) -> Options:
        """Those that describe the call itself."""
        return {
            "system": self.system,
            "persona": self.persona,
            "dataset": self.dataset,
            "live": self.live,
            "temperature": self.temperature,
            "reasoning": self.reasoning,
            "history": self.history,
            "file": self.file,
        }


def parse_cell(line: str) -> CellOptions:
    """The options of a ``%%asksage`` line.

    Raises
    ------
    BadInput
        An option or value that is not allowed; the message says which are.
    """
    options, words = parse(line)
    if len(words) > 1:
        raise BadInput(
            f"after the model only options may follow, not {' '.join(words[1:])!r}: the prompt goes on the "
            f"lines below %%asksage"
        )
    return CellOptions(**options, model=words[0] if words else None)


def parse(line: str) -> tuple[dict[str, Any], list[str]]:
    """The options of a line by their names in `CellOptions`, and the words that are not options.

    Raises
    ------
    BadInput
        As of `parse_cell`.
    """
    known, rest = _parser().parse_known_args(split(line))
    for word in rest:
        if _OPTION.fullmatch(word):
            raise BadInput(_unknown(word.partition("=")[0]))
    return vars(known), rest


def split(line: str) -> list[str]:
    """The words of a line; quotes hold words together, a backslash is an ordinary character.

    Raises
    ------
    BadInput
        A quote is not closed.
    """
    words = []
    for found in _WORD.finditer(line):
        before, quote, inside = found.groups()
        word = found[0] if quote is None else (before or "") + inside
        if quote is None and re.match(r"(--[\w-]+=)?[\"']", word):
            raise BadInput(f"the quote before {word[:20]!r} is not closed on the %%asksage line")
        words.append(word)
    return words


def values(option: str) -> tuple[str, ...] | None:
    """The values that `option` may have: empty if there are too many to list, None if it takes none.

    Raises
    ------
    KeyError
        There is no such option.
    """
    action = _actions()[option]
    return None if action.nargs == 0 else _VALUES.get(action.dest, ())


def names() -> list[str]:
    """All options, short and long, in the order of the help."""
    return list(_actions())


def describe() -> str:
    """The options and what they mean, for people."""
    return _parser().format_help().strip()


class _Parser(argparse.ArgumentParser):
    """argparse, with errors of one line instead of an exit."""

    def error(self, message: str) -> NoReturn:
        told = message.removeprefix("argument ")
        raise BadInput(told.replace("expected one argument", "its value is missing"))


_VALUES = {"format": FORMATS, "reasoning": REASONING, "live": tuple(str(value) for value in LIVE)}


def _live(value: str) -> int:
    return int(one_of(_VALUES["live"])(value))


@cache
def _parser() -> _Parser:
    parser = _Parser(
        prog="%%asksage",
        usage="%%%%asksage [MODEL] [options]\n       the prompt, on the lines below",
        add_help=False,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=28, width=104),
    )
    _add_display(parser.add_argument_group("what becomes of the reply"))
    _add_call(parser.add_argument_group("how it is asked"))
    _add_price(parser.add_argument_group("what it may cost"))
    return parser


def _add_display(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-f", "--format", type=one_of(FORMATS), metavar="FORMAT",
        help="markdown, code (the first code block as a new cell), json, html or text",
    )  # fmt: skip
    group.add_argument(
        "-o", "--output", type=variable, metavar="NAME",
        help="put the reply's text into this variable; with -f json, the parsed value",
    )  # fmt: skip
    group.add_argument(
        "--no-stream", dest="stream", action="store_false", help="show the reply when it is whole"
    )
    group.add_argument("-h", "--help", action="store_true", help="show this, and send nothing")


def _add_call(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-s", "--system", metavar="TEXT", help="system prompt, in quotes")
    group.add_argument(
        "-p", "--persona", type=whole("the id of a persona"), metavar="ID", help="id of an Ask Sage persona"
    )
    group.add_argument(
        "-d", "--dataset", default="none", metavar="NAME",
        help="dataset to look things up in, whose text is billed (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--live", type=_live, default=0, metavar="0|1|2",
        help="1 or 2 search the web, at about 1,400 model tokens (default: 0)",
    )  # fmt: skip
    group.add_argument("-t", "--temperature", type=number, metavar="X", help="0 to 1; higher is more varied")
    group.add_argument("--reasoning", type=one_of(REASONING), metavar="LEVEL", help="low, medium or high")
    group.add_argument(
        "--history", type=whole("how many exchanges to re-send"), default=0, metavar="N",
        help="re-send the last N exchanges of this notebook, which are billed again (default: 0)",
    )  # fmt: skip
    group.add_argument("--file", metavar="PATH", help="file to send along")


def _add_price(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--estimate", action="store_true", help="say what it would cost, and send nothing")
    group.add_argument(
        "--max-tokens", type=whole("a number of Ask Sage tokens"), metavar="N",
        help="refuse when the estimate is above N Ask Sage tokens",
    )  # fmt: skip


@cache
def _actions() -> dict[str, argparse.Action]:
    return {name: action for action in _parser()._actions for name in action.option_strings}


def _unknown(option: str) -> str:
    """One line on an option that does not exist."""
    long = [name for name in names() if name.startswith("--")]
    near = difflib.get_close_matches(option.lower(), long, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"there is no option {option}; {hint}allowed are {', '.join(long)}"
