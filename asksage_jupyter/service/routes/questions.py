"""Questions that the service suggests to ask next."""

from __future__ import annotations

import json
import re

import httpx

from ...errors import ServiceError
from ..records import Answer
from ..replies.failures import lost
from ..replies.scalars import text_in
from ..replies.wire import Body
from ..way.payload import JSON, json_of

_MARK = re.compile(r"^(?:[-*•]|\(?\d{1,2}[.):])\s+")


def request_for(client: httpx.Client, message: str, model: str) -> httpx.Request:
    """The request for questions that follow `message`; no dataset, as its text would be billed."""
    content = json_of(message=message, model=model, dataset="none", usage=True)
    return client.build_request("POST", "/server/follow-up-questions", content=content, headers=JSON)


def questions_in(body: Body) -> Answer | ServiceError:
    """The questions, one a line, from a list, a list as JSON text, or one a line."""
    if failure := body.failure() or body.soft_failure():
        return failure
    message, response = body.get("message"), body.response
    told = message if isinstance(message, str | list) and message else response
    if isinstance(told, str):
        told = _listed(told)
    if not isinstance(told, list):
        return lost("Ask Sage's reply holds no questions", body.http)
    questions = [" ".join(question.split()) for question in map(text_in, told) if question is not None]
    return body.as_answer("\n".join(questions))


def _listed(text: str) -> list[object]:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        listed = None
    if isinstance(listed, list):
        return listed
    lines = [_MARK.sub("", line.strip()).strip("\"' ") for line in text.splitlines()]
    questions: list[object] = [line for line in lines if line.endswith("?")]
    return questions or [line for line in lines if line and line != "OK"]
