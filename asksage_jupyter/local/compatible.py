"""What routes of OpenAI's shape have in common, and the chat: billed like a query, and told no bill."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from .route import DemoRoute, Generated

PATHS = ("/server/openai/v1/chat/completions",)


class Provider(DemoRoute):
    """Answers in the provider's shape, errors too; the credential is a Bearer's."""

    @property
    def credential(self) -> str:
        """What stands in the header that these clients send."""
        return self.request.headers.get("Authorization", "").removeprefix("Bearer ")

    def prepare(self) -> None:
        """Refuse in the provider's shape."""
        if not self.is_accepted():
            self.refuse(401, "Token is invalid", "invalid_request_error")

    def refuse(self, status: int, why: str, kind: str) -> None:
        """Say why in OpenAI's error shape."""
        self.set_status(status)
        self.finish({"error": {"message": why, "type": kind, "code": kind}})


class Compatible(Provider, Generated):
    """A chat."""

    async def _answer(self, read: Mapping[str, Any]) -> None:
        async with aclosing(self._chunks(self.demo, _query(read))) as chunks:
            *_, last = [chunk async for chunk in chunks]
        if not last.get("usage"):
            self.refuse(400, str(last.get("message") or last["response"]), "invalid_request_error")
        elif read.get("stream"):
            self._stream_whole(last)
        else:
            usage = last["usage"]["model_tokens"]
            self.finish(_completion("chat.completion", "message", last) | {"usage": usage})

    def _stream_whole(self, last: Mapping[str, Any]) -> None:
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        chunk = json.dumps(_completion("chat.completion.chunk", "delta", last))
        self.finish(f"data: {chunk}\n\ndata: [DONE]\n\n")


def _query(read: Mapping[str, Any]) -> dict[str, Any]:
    """The conversation as a query has it."""
    told = [each for each in read.get("messages") or [] if isinstance(each, dict)]
    system = [str(each.get("content", "")) for each in told if each.get("role") == "system"]
    turns = [
        {"user": "gpt" if each.get("role") == "assistant" else "me", "message": str(each.get("content", ""))}
        for each in told
        if each.get("role") != "system"
    ]
    query = {"message": turns, "model": read.get("model"), "usage": True}
    return query | ({"system_prompt": "\n".join(system)} if system else {})


def _completion(kind: str, part: str, last: Mapping[str, Any]) -> dict[str, Any]:
    text = {"role": "assistant", "content": str(last["message"]).strip()}
    return {
        "id": last["uuid"],
        "object": kind,
        "created": int(time.time()),
        "model": last["provenance"]["model"],
        "choices": [{"index": 0, part: text, "finish_reason": "stop"}],
    }
