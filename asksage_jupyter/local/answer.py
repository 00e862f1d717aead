"""One query: read it, let the model answer, bill what was generated, and say so in Ask Sage's shape."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..account import Meter
from ..errors import BadInput, Unavailable
from ..month import to_datetime
from .catalog import ALIASES
from .demo import Demo
from .engine import Delta
from .tariff import billed
from .wire import flag, whole

# The persona is billed with every call that brings no system prompt of its own, as at Ask Sage; much
# shorter than the ~780 tokens there, because a small model on one thread reads slowly.
PERSONAS = {
    1: (
        "Ask Sage",
        "You are a helpful assistant. Answer briefly, plainly and correctly. Say so when you do not know.",
    ),
    2: (
        "Coder",
        "You are a careful programmer. Answer with one short block of code and one sentence about it.",
    ),
}
_ROLES = {"me": "user", "gpt": "assistant"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A query as the model gets it."""

    messages: list[dict[str, str]] = field(repr=False)
    temperature: float
    persona: int
    dataset: str
    wants_usage: bool

    @property
    def length(self) -> int:
        """Characters in all messages."""
        return sum(len(message["content"]) for message in self.messages)


def question(read: Mapping[str, Any]) -> Prompt:
    """Read the fields of a query.

    Raises
    ------
    BadInput
        There is no message, or its file is not text.
    """
    turns = _turns(read.get("message"))
    if "file" in read:
        turns[-1]["content"] += "\n\n" + _text(read["file"])
    persona = whole(read, "persona", 1)
    if persona not in PERSONAS:
        persona = 1  # silently, as the real service does
    system = str(read.get("system_prompt") or PERSONAS[persona][1])
    return Prompt(
        messages=[{"role": "system", "content": system}, *turns],
        temperature=_temperature(read.get("temperature")),
        persona=persona,
        dataset=str(read.get("dataset") or "none"),
        wants_usage=flag(read.get("usage")),
    )


async def replies(demo: Demo, read: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """Answer a query: chunks with more of the message, and last the whole reply.

    Closing the iterator stops the model; what it had generated is billed.
    """
    model = read.get("model")
    if model and model not in (demo.model, *ALIASES):
        yield {"response": f"Model {model} is not available", "status": 400}
        return
    try:
        asked = question(read)
    except BadInput as error:
        yield sorry(str(error))
        return
    async with demo.turn:
        if demo.counters.left(Meter.INFERENCE) <= 0:
            yield sorry("you have used all of your inference tokens for this month")
            return
        # Leading blank lines, as the real service sends them.
        text, last, failure = "\n\n", Delta("", 0, 0), None
        try:
            pieces = demo.engine.generate(
                asked.messages, temperature=asked.temperature, limit=demo.output_limit
            )
            async with contextlib.aclosing(pieces):
                async for last in pieces:
                    if last.text:
                        # A delta; the first one carries the blank lines too.
                        yield _frame(last.text if text.strip() else text + last.text)
                        text += last.text
        except BadInput as error:
            failure = sorry(str(error))
        except Unavailable as error:
            failure = {"response": "Internal error", "status": 400, "error": str(error)}
        finally:
            # Also when the client has gone: what was generated is billed, here and nowhere else.
            tokens = _bill(demo, asked, last, len(text) - 2)
        yield failure or _reply(demo, asked, text, last, tokens)


def _bill(demo: Demo, asked: Prompt, last: Delta, length: int) -> int:
    """Book what `last` has come to; nothing generated costs nothing."""
    if not last.output_tokens:
        return 0
    tokens = billed(last.input_tokens, last.output_tokens)
    demo.book(
        Meter.INFERENCE,
        tokens,
        input_tokens=last.input_tokens,
        output_tokens=last.output_tokens,
        prompt_length=asked.length,
        response_length=length,
    )
    return tokens


def _reply(demo: Demo, asked: Prompt, text: str, last: Delta, tokens: int) -> dict[str, Any]:
    counts = {"completion_tokens": last.output_tokens, "prompt_tokens": last.input_tokens}
    usage = {
        "model_tokens": {**counts, "total_tokens": last.input_tokens + last.output_tokens},
        "asksage_tokens": tokens,
    }
    provenance = {
        "model": demo.model,
        "datasets": asked.dataset,
        "persona": {"id": asked.persona, "version": None},
        "agents": [],
        "timestamp": to_datetime(demo.clock()).isoformat(),
    }
    return _envelope(text) | {
        "uuid": str(uuid.uuid4()),
        "usage": usage if asked.wants_usage else None,
        "provenance": provenance,
    }


def sorry(why: str) -> dict[str, Any]:
    """A soft error, dressed as an answer with no usage, as the real service does."""
    return _envelope(f"Sorry, {why}.") | {"uuid": str(uuid.uuid4())}


def _frame(delta: str) -> dict[str, Any]:
    """A part of the message on its way: all keys of a reply, and nothing in them."""
    return _envelope(delta) | {"type": "yield"}


def _envelope(message: str) -> dict[str, Any]:
    return {
        "response": "OK",
        "message": message,
        "status": 200,
        "type": "completion",
        "uuid": None,
        "references": "",
        "embedding_down": False,
        "vectors_down": False,
        "added_obj": None,
        "tool_calls": None,
        "tool_calls_unified": None,
        "tool_responses": [],
        "citations": [],
        "sources": [],
        "error": None,
        "usage": None,
        "provenance": None,
    }


def _turns(message: object) -> list[dict[str, str]]:
    """The conversation so far; a list may also come as JSON within a form's string."""
    history = message
    if isinstance(message, str):
        with contextlib.suppress(ValueError, RecursionError):
            history = json.loads(message)
    if isinstance(history, list) and all(
        isinstance(turn, dict) and turn.get("user") in _ROLES for turn in history
    ):
        turns = [{"role": _ROLES[turn["user"]], "content": str(turn.get("message", ""))} for turn in history]
    else:
        # Also a prompt that merely looks like JSON.
        turns = [{"role": "user", "content": message if isinstance(message, str) else ""}]
    if not turns or not turns[-1]["content"].strip():
        raise BadInput("there was no message")
    return turns


def _text(file: object) -> str:
    match file:
        case (str(name), bytes(body)):
            with contextlib.suppress(UnicodeDecodeError):
                return f"{name}:\n{body.decode()}"
    raise BadInput("the local demo reads only text files (UTF-8)")


def _temperature(value: object) -> float:
    """0 (always the same reply) unless told otherwise."""
    try:
        return min(max(float(str(value)), 0.0), 1.0)
    except ValueError:
        return 0.0
