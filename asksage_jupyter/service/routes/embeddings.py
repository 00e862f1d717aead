"""Texts as vectors, of the route in OpenAI's shape: billed on the training meter, and told no bill."""

from __future__ import annotations

import base64
import binascii
from array import array
from collections.abc import Sequence

import httpx

from ...errors import ServiceError
from ..records import Embedded
from ..replies.failures import lost
from ..replies.scalars import member
from ..replies.wire import Body
from ..way.payload import JSON, json_of

MOST = 256  # inputs of one request, by the vendor's specification


def request_for(
    client: httpx.Client, inputs: Sequence[str | list[int]], model: str, dimensions: int | None
) -> httpx.Request:
    """The request for the vectors of `inputs`, each a text or its model tokens."""
    wanted = {} if dimensions is None else {"dimensions": dimensions}
    content = json_of(model=model, input=list(inputs), encoding_format="float", **wanted)
    return client.build_request("POST", "/server/openai/v1/embeddings", content=content, headers=JSON)


def embedded_in(body: Body, inputs: int) -> Embedded | ServiceError:
    """The vectors of so many inputs, in their order."""
    if failure := body.failure():
        return failure
    rows = {member(row, "index"): _vector(member(row, "embedding")) for row in body.get("data") or ()}
    vectors = [rows.get(number) for number in range(inputs)]
    if not all(vectors):
        return lost("Ask Sage's reply does not hold all vectors", body.http)
    answer = body.as_answer("")
    model = body.get("model")
    return Embedded(
        vectors=tuple(vector for vector in vectors if vector is not None),
        model=model if isinstance(model, str) else None,
        tokens=answer.tokens,
        input_tokens=answer.input_tokens,
    )


def _vector(told: object) -> array[float] | None:
    """A vector in the precision in which models tell them, from its figures or from their bytes."""
    try:
        if isinstance(told, list):
            return array("f", told)
        return array("f", base64.b64decode(told, validate=True)) if isinstance(told, str) else None
    except (TypeError, ValueError, OverflowError, binascii.Error):
        return None
