"""``%asksage usage``: what the tokens went to."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ..errors import BadInput
from . import show
from .checks import one_of
from .parser import Parser

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

LINE = "usage [2026-11] [--by NAME]"
BY = ("model", "notebook", "cell", "project", "user", "source", "status", "day", "hour")


@cache
def usage_parser() -> Parser:
    """The parser of ``%asksage usage``."""
    parser = Parser("%asksage usage [2026-11] [options]", {"by": BY})
    parser.add_argument("--by", metavar="NAME", type=one_of(BY), default="model", help=", ".join(BY))
    parser.add_argument("--period", metavar="2026-11", help="a month; this one when no time is given")
    parser.add_argument("--since", metavar="DATE", help="instead: from this day or time on")
    parser.add_argument("--until", metavar="DATE", help="through this day, or until this time")
    return parser


def usage(shell: InteractiveShell, rest: str) -> None:
    """Show what was used, divided."""
    from ..usage_log import report

    options, words = usage_parser().read(rest)
    if len(words) + (options["period"] is not None) > 1:
        raise BadInput(f"%asksage usage takes one month, not {' '.join(words)!r}")
    if words:
        options["period"] = words[0]
    show.present(report(**options))
