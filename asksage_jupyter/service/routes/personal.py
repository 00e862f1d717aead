"""What a person asks of the account itself: more tokens, a new dataset. Neither is billed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import httpx

from ...account import Meter
from ...errors import BadInput, NoRoute, Refused, ReplyLost, ServiceError
from ..records import TokenRequest
from ..replies.scalars import natural, one_line, text_in
from ..replies.wire import Body
from ..way.payload import JSON, json_of

if TYPE_CHECKING:
    from ..way.connection import Connection

# Characters, by the vendor's specification.
_LONGEST_REASON = 500
_SHORTEST_NAME, _LONGEST_NAME = 4, 99


def add_dataset(connection: Connection, name: str, cui: bool) -> bool:
    """Create an empty dataset; whether it is for CUI, which the service makes of each with "cui" in its name.

    Raises
    ------
    BadInput
        There is no name, or it is too short or too long; nothing was sent.
    Refused
    """
    name = name.strip()
    if not name:
        raise BadInput("name the dataset to create.")
    if not _SHORTEST_NAME <= len(name) <= _LONGEST_NAME:
        raise BadInput(
            f"a dataset's name has {_SHORTEST_NAME} to {_LONGEST_NAME} characters, not {len(name)}: "
            f"nothing was sent."
        )
    is_cui = cui or "cui" in name.lower()
    content = json_of(dataset=name, classification="CUI" if is_cui else "Unclassified")
    try:
        connection.personal("/user/add-dataset", content)
    except NoRoute:
        # Tenants differ in which of the two paths it is under.
        connection.free("/server/add-dataset", content)
    return is_cui


def request_for_tokens(
    client: httpx.Client, amount: int, reason: str, meter: Meter
) -> httpx.Request | BadInput:
    """The request for more tokens, or why there is none: to be raised where no reason is held."""
    reason = reason.strip()
    if amount < 1:
        return BadInput(f"ask for at least 1 token, not {amount:,}: nothing was sent.")
    if len(reason) > _LONGEST_REASON:
        return BadInput(f"give a reason of at most {_LONGEST_REASON} characters: nothing was sent.")
    because = {"reason": reason} if reason else {}
    content = json_of(requested_amount=amount, token_type=str(meter), **because)
    return client.build_request("POST", "/user/request-tokens", content=content, headers=JSON)


def request_tokens(connection: Connection, request: httpx.Request, amount: int, meter: Meter) -> TokenRequest:
    """Ask for more tokens; what the service says to it.

    Raises
    ------
    Refused
    ReplyLost
        The request may have arrived; it is not sent again.
    """
    status: int | None
    try:
        return connection.paid(request, partial(_asked, amount, meter), personal=True)
    except ReplyLost as error:
        status = error.status
    raise ReplyLost(
        "no whole answer to the request for tokens: it may have arrived. See what %asksage request lists "
        "before you ask again.",
        status=status,
    )


def token_requests(connection: Connection) -> list[TokenRequest]:
    """The account's own requests, newest first.

    Raises
    ------
    Refused
    """
    rows = connection.personal("/user/get-my-token-requests", b"{}").rows
    if rows is None:
        raise Refused("Ask Sage's answer is no list of requests. Nothing was billed.")
    found = [_row(row) for row in rows if isinstance(row, dict)]
    return sorted(found, key=lambda each: each.asked_at, reverse=True)


def _asked(amount: int, meter: Meter, body: Body) -> TokenRequest | ServiceError:
    if failure := body.failure():
        return failure
    if not body.is_object:
        return body.unreadable(body.http, what="answer")
    told = body.response if isinstance(body.response, dict) else body.value
    state = _state(told)
    return TokenRequest(
        amount,
        str(meter),
        state,
        natural(told.get("old_tokens")),
        natural(told.get("new_tokens")),
        said="" if body.said == told.get("status") else body.said,
    )


def _row(row: dict[str, object]) -> TokenRequest:
    return TokenRequest(
        natural(row.get("requested_amount")) or 0,
        str(Meter.TRAINING if row.get("token_type") == Meter.TRAINING else Meter.INFERENCE),
        _state(row),
        natural(row.get("allocation_at_request")),
        reason=one_line(text_in(row.get("reason")) or ""),
        asked_at=one_line(text_in(row.get("created_at")) or ""),
    )


def _state(told: dict[str, object]) -> str:
    words = text_in(told.get("status")) or ""
    return "" if words.isdigit() else one_line(words.lower())
