"""``%asksage pace``: how long the tokens last."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ..account import Meter
from ..errors import BadInput
from . import show
from .checks import one_of
from .parser import Parser

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

LINE = "pace [--meter training]"
_METERS = tuple(str(meter) for meter in Meter)


@cache
def pace_parser() -> Parser:
    """The parser of ``%asksage pace``."""
    parser = Parser(f"%asksage {LINE}", {"meter": _METERS})
    parser.add_argument(
        "--meter", type=one_of(_METERS), default=_METERS[0], help="inference (the default) or training"
    )
    return parser


def pace(shell: InteractiveShell, rest: str) -> None:
    """Show the pace of a meter."""
    from ..pacing import pace

    options, words = pace_parser().read(rest)
    if words:
        raise BadInput(f"%asksage pace takes options only, not {words[0]!r}: --meter inference or training")
    show.present(pace(options["meter"]))
