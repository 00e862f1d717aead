"""A query as the request that carries it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from ...errors import BadInput
from ..records import Query

JSON = {"content-type": "application/json"}


@lru_cache(maxsize=8)
def route(url: str, path: str) -> httpx.URL:
    """The address of a route of the service at `url`: httpx would put it together anew for each request."""
    return httpx.URL(url + path)


def request_for(client: httpx.Client, address: httpx.URL, query: Query) -> httpx.Request:
    """The request to send; its repr shows nothing of the prompt, and it may be sent again.

    Raises
    ------
    BadInput
        The file cannot be read; nothing was sent.
    """
    if query.file is None:
        return client.build_request("POST", address, content=json_of(**_fields(query)), headers=JSON)
    part = file_part(query.file)
    return client.build_request("POST", address, data=_form(query), files={"file": part})


def file_part(path: Path) -> tuple[str, bytes]:
    """A file's name and content, as part of a form.

    Raises
    ------
    BadInput
        The file cannot be read.
    """
    reason = ""
    try:
        # Read now: a file that fails half-way through would leave half a request.
        return encodable(path.name), path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise BadInput(f"cannot read {path} ({reason}): give the path of a file.")


def json_of(**fields: object) -> bytes:
    """The fields as a JSON object; surrogates are joined to pairs, and lone ones become U+FFFD."""
    text = json.dumps(fields, ensure_ascii=False)
    return encodable(text).encode()


def _fields(query: Query) -> dict[str, Any]:
    """The service's own names. What costs tokens is always said: its defaults are the dear ones."""
    fields = {
        "message": _message(query),
        "model": query.model,
        "dataset": query.dataset,
        "live": query.live,
        # None where references are what was asked for: with 0 the dataset or the web would be left out.
        "limit_references": 0 if query.dataset == "none" and not query.live else None,
        "usage": True,
        "system_prompt": query.system,
        "persona": query.persona,
        "temperature": query.temperature,
        "reasoning_effort": query.reasoning,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _form(query: Query) -> dict[str, str]:
    """The same as a form, where everything is text.

    The message is JSON there too, by the vendor's specification: a prompt such as ``42`` or ``[1, 2]`` would
    be read as something else.
    """
    return {
        name: encodable(
            value if isinstance(value, str) and name != "message" else json.dumps(value, ensure_ascii=False)
        )
        for name, value in _fields(query).items()
    }


def _message(query: Query) -> str | list[dict[str, str]]:
    if not query.history:
        return query.prompt
    turns = []
    for question, answer in query.history:
        turns += [{"user": "me", "message": question}, {"user": "gpt", "message": answer}]
    return [*turns, {"user": "me", "message": query.prompt}]


def encodable(text: str) -> str:
    """The text with surrogates joined to pairs, and lone ones as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
