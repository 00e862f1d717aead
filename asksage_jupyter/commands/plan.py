"""What the account has, and how it gets more; the key that opens it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..account import Meter
from ..errors import BadInput
from ..prompting import option
from ..prompting.checks import read, tokens, whole
from ..session import current, overdrawn, set_plan, top_up
from .command import Command, Names, Notice, Told
from .spending import METER

if TYPE_CHECKING:
    from ..account import Balance
    from ..session.managing.requests import Requested

_NONE_ASKED = "No tokens were asked for yet; %asksage request N --reason TEXT asks your admins for N more."
_UNTIL = (
    "They count until the month ends, as unused tokens do not carry over; the service does not say whether "
    "bought ones do."
)


def _plan(_: Sequence[str], **monthly: int | None) -> Iterator[object]:
    is_told = any(number is not None for number in monthly.values())
    yield from _shown(set_plan(**monthly) if is_told else current().balance())


def _top_up(words: Sequence[str], receipt: str | None, meter: Meter, expires: str | None) -> Iterator[object]:
    if not words or not receipt:
        raise BadInput(f"say how many and by which receipt: %asksage {TOP_UP.usage}")
    yield from _shown(top_up(read(tokens, words[0]), meter, receipt=receipt, expires=expires))
    if expires is None:
        yield _UNTIL


def _request(words: Sequence[str], meter: Meter, reason: str) -> Iterator[object]:
    from ..session.managing.requests import request_tokens, token_requests

    session = current()
    if not words and not reason:
        there = token_requests(session)
        yield Told("\n".join(map(str, there)) or _NONE_ASKED, requests=_requests(there))
        return
    if not words:
        raise BadInput(f"say how many: %asksage {REQUEST.usage}")
    asked = request_tokens(session, read(tokens, words[0]), reason, meter)
    yield Told(str(asked), requests=_requests([asked]))
    if asked.plan is not None:
        yield from _shown(session.balance())


def _requests(asked: Sequence[Requested]) -> list[dict[str, object]]:
    return [{**asdict(each.request), "plan": each.plan} for each in asked]


def _login(text: str, _: Names) -> Iterator[object]:
    from ..session.managing.login import log_in

    if text:
        raise BadInput(
            "a key is never an argument: it now stands in this cell and in IPython's history. Delete the "
            "cell, have the key replaced if others can see either, and run %asksage login alone."
        )
    yield log_in()
    yield current().balance()


def _shown(balance: Balance) -> Iterator[object]:
    yield balance
    yield from map(Notice, overdrawn(balance))


PLAN = Command(
    "plan",
    "[--inference N] [--training N]",
    "the tokens of a month, or set them from this month on",
    _plan,
    tuple(
        option(
            f"--{meter}",
            type=whole(f"the {meter} tokens of a month"),
            metavar="N",
            help=f"{meter} tokens a month, from this month on",
        )
        for meter in Meter
    ),
)
TOP_UP = Command(
    "top-up",
    "TOKENS --receipt TEXT [options]",
    "book tokens that were bought, once a receipt",
    _top_up,
    (
        option("--receipt", metavar="TEXT", help="names the purchase, which is booked once"),
        METER,
        option(
            "--expires", metavar="DATE", help="the last day they can be spent (default: the month's last)"
        ),
    ),
    words=1,
)
REQUEST = Command(
    "request",
    "[TOKENS] [--meter METER] [--reason TEXT]",
    "ask your admins for more tokens",
    _request,
    (
        METER,
        option(
            "--reason", default="", metavar="TEXT", help="what they are for, in quotes; your admins read it"
        ),
    ),
    words=1,
)
LOGIN = Command(
    "login",
    "",
    "ask for your key without showing it, and keep it",
    _login,
    is_text=True,
)
