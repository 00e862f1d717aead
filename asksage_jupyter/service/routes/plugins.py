"""Running a plugin: the request, and its reply in whichever form a tenant gives it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from ...errors import ServiceError
from ..records import Answer
from ..replies.failures import lost
from ..replies.wire import Body
from ..way.connection import Connection
from ..way.payload import encodable
from . import stream


def request_for(client: httpx.Client, name: str, values: Mapping[str, str], model: str) -> httpx.Request:
    """The request that runs a plugin."""
    form = {
        "plugin_name": name,
        "plugin_values": json.dumps(dict(values), ensure_ascii=False),
        "model": model,
        "live": "0",
        # As for a query: a bill that is told at all is told only if it is asked for.
        "usage": "true",
    }
    # Parts without a file name are plain fields of a multipart form, the one form that this route takes.
    parts = {field: (None, encodable(value)) for field, value in form.items()}
    return client.build_request("POST", "/server/execute-plugin", files=parts)


def execute(connection: Connection, request: httpx.Request) -> Answer:
    """Run it once.

    Raises
    ------
    Refused, ReplyLost
    """
    credentials = connection.credentials
    response = connection.send(request, credentials)
    if stream.SEPARATOR in response.content:
        return stream.read(response, lambda text: None, credentials.hide)
    outcome = _answer(connection.body(response), response)
    if isinstance(outcome, ServiceError):
        raise outcome
    return outcome


def _answer(body: Body, response: httpx.Response) -> Answer | ServiceError:
    """The reply in whichever form a tenant gives it: an envelope, or the bare text."""
    if failure := body.failure():
        return failure
    if isinstance(body.get("message"), str):
        return body.answer()
    if body.is_object:
        text = body.response if isinstance(body.response, str) else ""
        is_reply = text or body.usage.is_told
        return body.as_answer(text) if is_reply else lost("Ask Sage's reply holds no text", 200)
    if isinstance(body.value, str):
        return Answer(body.value)
    text = response.text
    if not stream.is_framed(response):
        return lost("the plugin's reply ended, perhaps before its end", 200, text)
    if not response.headers.get("content-type", "").startswith("text/plain") or not text.strip():
        return body.unreadable(200)
    return body.as_answer(text)
