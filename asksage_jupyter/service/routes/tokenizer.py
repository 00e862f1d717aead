"""The service's one tokenizer: it counts, and it prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import Refused
from ..replies.scalars import natural
from ..way.payload import json_of

if TYPE_CHECKING:
    from ..way.connection import Connection


def ask(
    connection: Connection, content: str, model: str, *, convert: bool = False, completion_estimate: int = 0
) -> int:
    """Model tokens of `content`, or with `convert` the Ask Sage tokens that it and a reply would cost."""
    fields = json_of(
        content=content,
        model=model,
        convert_to_asksage=convert,
        completion_estimate=completion_estimate,
    )
    number = natural(connection.free("/server/tokenizer", fields).response)
    if number is None:
        raise Refused("Ask Sage's tokenizer answered no number. Nothing was billed.")
    return number
