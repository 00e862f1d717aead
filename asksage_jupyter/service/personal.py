"""What a person asks of the account itself: more tokens, a new dataset. Neither is billed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from ..errors import BadInput, NoRoute, ReplyLost, ServiceError
from .payload import JSON, json_of
from .wire import Body, lost

if TYPE_CHECKING:
    from .connection import Connection

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


def request_for_tokens(client: httpx.Client, amount: int, reason: str) -> httpx.Request | BadInput:
    """The request for more tokens, or why there is none: to be raised where no reason is held."""
    if amount < 1:
        return BadInput(f"ask for at least 1 token, not {amount:,}: nothing was sent.")
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        return BadInput(f"give a reason of 1 to {_LONGEST_REASON} characters: nothing was sent.")
    content = json_of(requested_amount=amount, reason=reason.strip())
    return client.build_request("POST", "/user/request-tokens", content=content, headers=JSON)


def request_tokens(connection: Connection, request: httpx.Request) -> str:
    """Ask for more tokens; what the service says to it.

    Raises
    ------
    Refused
    ReplyLost
        The request may have arrived; it is not sent again.
    """
    status: int | None
    try:
        return connection.paid(request, _said, personal=True)
    except ReplyLost as error:
        status = error.status
    raise ReplyLost(
        "no whole answer to the request for tokens: it may have arrived. See whether your limit rises "
        "before you ask again.",
        status=status,
    )


def _said(body: Body) -> str | ServiceError:
    if failure := body.failure():
        return failure
    return body.said if body.is_object else lost("Ask Sage's answer could not be read", body.http)
