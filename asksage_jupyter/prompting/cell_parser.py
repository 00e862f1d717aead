"""What may stand on the line of ``%%asksage``, with its help."""

from __future__ import annotations

import argparse
from functools import cache

from ..session.asking.query import LIVE, REASONING
from ..settings import FORMATS, AskSage
from .checks import OneOf, billing_code, number, tokens, variable, whole
from .parser import Parser
from .tables import add_map

_USAGE = "%%asksage [MODEL] [options]\n       the prompt, on the lines below"


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


def _models(value: str) -> tuple[str, ...]:
    return tuple(value.split(","))
