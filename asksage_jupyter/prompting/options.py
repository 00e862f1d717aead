"""The line of ``%%asksage`` as a frozen record; what is wrong with it is told in one line."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING

from ..errors import BadInput
from ..session.asking.query import LIVE, REASONING
from ..settings import FORMATS, AskSage
from .checks import OneOf, billing_code, number, tokens, variable, whole
from .parser import Parser
from .tables import add_map, check_map

if TYPE_CHECKING:
    from ..session import Options

_USAGE = "%%asksage [MODEL] [options]\n       the prompt, on the lines below"
_NAME = re.compile(r"[\w-]+=")


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
    otherwise : str or None
        The model to ask instead where the first is refused before it is sent.
    stream : bool
        Show the reply while it arrives.
    help : bool
        Show the options, send nothing.
    plugin : str or None
        Name of a plugin to run instead of asking a model alone.
    given : tuple of (str, str)
        The plugin's values, by their names.
    project : str or None
        Book it under this project.
    tag : tuple of (str, str)
        Billing codes, by their names.
    compare : tuple of str
        Models to ask side by side instead of one.
    replay : bool or None
        Show a kept reply again instead of asking anew, and keep this one; None for the setting.
    map : str or None
        Name of the variable whose rows are asked, each by itself.
    into, schema, budget, sample, when, fresh
        As of `asksage_jupyter.map`; the schema by its name.
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
    otherwise: str | None = None
    stream: bool = True
    help: bool = False
    plugin: str | None = None
    given: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    project: str | None = None
    tag: tuple[tuple[str, str], ...] = ()
    compare: tuple[str, ...] = ()
    replay: bool | None = None
    map: str | None = None
    into: str | None = None
    schema: str | None = None
    budget: int | None = None
    sample: int | None = None
    when: str | None = None
    fresh: bool = False

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
    options, words = cell_parser().read(line)
    given: list[str] = []
    if options["plugin"] is not None:
        given = [word for word in words if _NAME.match(word)]
        words = [word for word in words if not _NAME.match(word)]
    if len(words) > 1:
        raise BadInput(
            f"after the model only options may follow, not {' '.join(words[1:])!r}: the prompt goes on the "
            f"lines below %%asksage"
        )
    values = tuple((name, value) for name, _, value in (word.partition("=") for word in given))
    options["tag"] = tuple(options["tag"])
    found = CellOptions(**options, model=words[0] if words else None, given=values)
    if found.otherwise and (wrong := [name for name in ("compare", "plugin", "map") if getattr(found, name)]):
        raise BadInput(f"with --{wrong[0]} there is no --else: it is another model for one prompt")
    if found.compare:
        _only_of_one_model(found)
    if found.plugin is not None:
        _only_of_plugins(found)
    check_map(found)
    return found


def _only_of_one_model(options: CellOptions) -> None:
    if options.model is not None:
        raise BadInput(
            f"with --compare all models stand behind it, joined by commas without blanks; {options.model!r} "
            f"stands alone"
        )
    wrong = [f"--{name}" for name in ("format", "plugin", "replay") if getattr(options, name) is not None]
    if wrong:
        raise BadInput(
            f"with --compare there is no {', '.join(wrong)}: replies are shown side by side as text"
        )


def _only_of_plugins(options: CellOptions) -> None:
    usual = {each.name: each.default for each in fields(CellOptions)}
    said = {**options.of_call, "replay": options.replay}
    if wrong := [f"--{name}" for name, value in said.items() if value != usual[name]]:
        raise BadInput(f"with --plugin there is no {', '.join(wrong)}: a plugin takes values as name=value")


def _models(value: str) -> tuple[str, ...]:
    return tuple(value.split(","))


@cache
def cell_parser(usage: str = _USAGE) -> Parser:
    """The parser of a cell's line, or of another line with the same options."""
    parser = Parser(usage)
    _add_display(parser.add_argument_group("what becomes of the reply"))
    _add_call(parser.add_argument_group("how it is asked"))
    _add_price(parser.add_argument_group("what it may cost"))
    add_map(parser.add_argument_group("over the rows of a table"))
    _add_booking(parser.add_argument_group("what it is booked under"))
    return parser


def _add_display(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-f", "--format", type=OneOf(FORMATS), metavar="FORMAT",
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
    usual = str(AskSage.system.default_value)
    group.add_argument(
        "-s", "--system", metavar="TEXT",
        help=f"system prompt, in quotes (default: AskSage.system, which is {usual!r} unless you set it)",
    )  # fmt: skip
    group.add_argument(
        "-p", "--persona", type=whole("the id of a persona"), metavar="ID", help="id of an Ask Sage persona"
    )
    group.add_argument(
        "-d", "--dataset", default="none", metavar="NAME",
        help="dataset to look things up in, whose text is billed (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--live", type=OneOf(LIVE), default=0, metavar="0|1|2",
        help="1 or 2 search the web, at about 1,400 model tokens (default: 0)",
    )  # fmt: skip
    group.add_argument("-t", "--temperature", type=number, metavar="X", help="0 to 1; higher is more varied")
    group.add_argument("--reasoning", type=OneOf(REASONING), metavar="LEVEL", help="low, medium or high")
    group.add_argument(
        "--history", type=whole("how many exchanges to re-send"), default=0, metavar="N",
        help="re-send the last N exchanges of this notebook, which are billed again (default: 0)",
    )  # fmt: skip
    group.add_argument("--file", metavar="PATH", help="file to send along")
    group.add_argument(
        "--compare", type=_models, default=(), metavar="MODEL,MODEL",
        help="ask these models at once and show their replies side by side; -o takes the Comparison",
    )  # fmt: skip
    group.add_argument(
        "--plugin", metavar="NAME",
        help="run this plugin with name=value ...; the lines below are the value that is not given",
    )  # fmt: skip


def _add_price(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--estimate", action="store_true", help="say what it would cost, and send nothing")
    group.add_argument(
        "--max-tokens", type=tokens, metavar="N",
        help="refuse when the estimate is above N Ask Sage tokens",
    )  # fmt: skip
    group.add_argument(
        "--replay", action="store_const", const=True,
        help="show the reply again, for 0 tokens, that the same cell had before (default: AskSage.replay)",
    )  # fmt: skip
    group.add_argument(
        "--fresh", action="store_true", help="ask again, and pay again, what was answered before"
    )
    group.add_argument(
        "--else", dest="otherwise", metavar="MODEL",
        help="ask this model instead where the first is refused before it is sent; the receipt tells",
    )  # fmt: skip


def _add_booking(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--project", metavar="NAME", help="this project instead of AskSage.project")
    group.add_argument(
        "--tag", type=billing_code, action="append", default=[], metavar="NAME=CODE",
        help="a billing code, like wbs=1234.5; once for each, in addition to AskSage.tags",
    )  # fmt: skip
