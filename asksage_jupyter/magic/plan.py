"""``%asksage plan``, ``top-up`` and ``request``: what the account has, and how it gets more."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ..account import Balance, Meter
from ..errors import BadInput
from ..session import current, overdrawn, set_plan
from ..session import top_up as book
from . import show
from .checks import one_of, whole
from .parser import Parser

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

TOP_UP = "top-up TOKENS --receipt TEXT [options]"
REQUEST = "request [TOKENS] [--meter METER] [--reason TEXT]"
_METERS = tuple(str(meter) for meter in Meter)


@cache
def plan_parser() -> Parser:
    """The parser of ``%asksage plan``."""
    parser = Parser("%asksage plan [--inference N] [--training N]")
    for meter in _METERS:
        parser.add_argument(
            f"--{meter}", type=whole(f"the {meter} tokens of a month"), metavar="N",
            help=f"{meter} tokens a month, from this month on",
        )  # fmt: skip
    return parser


@cache
def top_up_parser() -> Parser:
    """The parser of ``%asksage top-up``."""
    parser = Parser(f"%asksage {TOP_UP}", {"meter": _METERS})
    parser.add_argument("--receipt", metavar="TEXT", help="names the purchase, which is booked once")
    parser.add_argument(
        "--meter", type=one_of(_METERS), default=_METERS[0], help="inference (the default) or training"
    )
    parser.add_argument(
        "--expires", metavar="DATE", help="the last day they can be spent (default: the month's last)"
    )
    return parser


@cache
def request_parser() -> Parser:
    """The parser of ``%asksage request``."""
    parser = Parser(f"%asksage {REQUEST}", {"meter": _METERS})
    parser.add_argument(
        "--meter", type=one_of(_METERS), default=_METERS[0], help="inference (the default) or training"
    )
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="what they are for, in quotes; your admins read it"
    )
    return parser


def plan(shell: InteractiveShell, rest: str) -> None:
    """Show what the account has a month, or set it."""
    options, words = plan_parser().read(rest)
    if words:
        raise BadInput(f"%asksage plan takes options only, not {words[0]!r}: --inference N or --training N")
    told = any(options[meter] is not None for meter in _METERS)
    _show(set_plan(**options) if told else current().balance())


def top_up(shell: InteractiveShell, rest: str) -> None:
    """Book tokens that were bought."""
    options, words = top_up_parser().read(rest)
    if len(words) != 1 or not options["receipt"]:
        raise BadInput(f"say how many and by which receipt: %asksage {TOP_UP}")
    tokens, expires = _tokens(words[0]), options["expires"]
    _show(book(tokens, options["meter"], receipt=options["receipt"], expires=expires))
    if expires is None:
        show.tell(
            "They count until the month ends, as unused tokens do not carry over; the service does not say "
            "whether bought ones do."
        )


def request(shell: InteractiveShell, rest: str) -> None:
    """Ask the account's admins for more tokens; or, without a number, list what was asked for."""
    from ..session.requests import request_tokens, token_requests

    options, words = request_parser().read(rest)
    session = current()
    if not words and not options["reason"]:
        show.tell("\n".join(map(str, token_requests(session))) or "no tokens were asked for yet")
        return
    if len(words) != 1:
        raise BadInput(f"say how many: %asksage {REQUEST}")
    asked = request_tokens(session, _tokens(words[0]), options["reason"], Meter(options["meter"]))
    show.tell(str(asked))
    if asked.plan is not None:
        _show(session.balance())


def _tokens(word: str) -> int:
    from argparse import ArgumentTypeError

    try:
        return whole("a number of Ask Sage tokens")(word)
    except ArgumentTypeError as error:
        raise BadInput(str(error)) from None


def _show(balance: Balance) -> None:
    show.present(balance)
    for line in overdrawn(balance):
        show.notify(line)
