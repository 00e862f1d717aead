"""A chat request in OpenAI's words; what Ask Sage cannot do is refused, never ignored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

from ..display.plain import shown
from ..errors import BadInput
from ..session import Options, given
from ..session.asking.query import REASONING

_OPTIONS = ("temperature", "persona", "dataset", "live")  # but the first what a client sends in `extra_body`
_REASONING = "reasoning_effort"
_TAKEN = ("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens")
LABELS = ("user", "metadata", "safety_identifier", "prompt_cache_key")  # they change no reply
# What asks for nothing that would not be done anyway.
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "n": (1,),
    "top_p": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "logit_bias": ({},),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "stop": ([], ""),
    "store": (False,),
    "service_tier": ("auto", "default"),
}
_SYSTEM, _QUESTION, _ANSWER = ("system", "developer"), "user", "assistant"


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat request.

    Attributes
    ----------
    options : Options
        Not checked yet.
    history : tuple of (str, str)
        The questions before the prompt, each with its answer.
    max_tokens : int or None
        Model tokens after which the reply is cut.
    wants_usage : bool
        Whether a stream is to end with its usage.
    """

    model: str
    prompt: str = field(repr=False)
    history: tuple[tuple[str, str], ...] = field(repr=False)
    options: Options = field(repr=False)
    max_tokens: int | None
    is_streamed: bool
    wants_usage: bool


def read_body(body: bytes) -> dict[str, Any]:
    """What a request says beside nulls.

    Raises
    ------
    BadInput
        It is no JSON object.
    """
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise BadInput("the body is not a JSON object")
    return {name: value for name, value in read.items() if value is not None}


def read_chat(body: bytes) -> Chat:
    """The chat request in a body.

    Raises
    ------
    BadInput
        It asks for what Ask Sage cannot do.
    """
    read = read_body(body)
    _refuse_what_is_not_done(read)
    system, turns = _conversation(read.get("messages"))
    options: dict[str, Any] = {name: read[name] for name in _OPTIONS if name in read}
    if _REASONING in read:
        options["reasoning"] = given.one_of(read[_REASONING], REASONING, _REASONING)
    if system:
        options["system"] = "\n\n".join(system)
    limits = [
        given.whole(read[name], name, least=1)
        for name in ("max_tokens", "max_completion_tokens")
        if name in read
    ]
    return Chat(
        model=given.text(read.get("model", ""), "model"),
        prompt=turns[-1][0],
        history=tuple(turns[:-1]),
        options=cast("Options", options),
        max_tokens=min(limits, default=None),
        is_streamed=given.yes(read.get("stream", False), "stream"),
        wants_usage=_wants_usage(read.get("stream_options", {})),
    )


def _refuse_what_is_not_done(read: dict[str, Any]) -> None:
    known = {*_TAKEN, *_OPTIONS, _REASONING, *LABELS}
    for name, value in read.items():
        if name not in known and not any(value == nothing for nothing in _NEUTRAL.get(name, ())):
            raise BadInput(f"{shown(name)} cannot be done through Ask Sage here: leave it out", name)


def _wants_usage(options: object) -> bool:
    if not isinstance(options, dict):
        raise BadInput(f"stream_options is an object, not {shown(options)}", "stream_options")
    for name, value in options.items():
        if name != "include_usage" and value:
            raise BadInput(f"stream_options: {shown(name)} cannot be done: leave it out", "stream_options")
    return given.yes(options.get("include_usage") or False, "stream_options.include_usage")


def _conversation(messages: object) -> tuple[list[str], list[tuple[str, str]]]:
    """The system prompts, and the questions with their answers; the last one is still to be answered."""
    if not isinstance(messages, list):
        raise BadInput("messages is a list of messages", "messages")
    system: list[str] = []
    turns: list[tuple[str, str]] = []
    last = ""
    for number, message in enumerate(messages):
        role, text = _role_and_text(message, f"messages[{number}]")
        if role in _SYSTEM:
            system.append(text)
            continue
        # What one side says in several messages is one turn of theirs.
        if role == _QUESTION:
            before = f"{turns.pop()[0]}\n\n" if last == _QUESTION else ""
            turns.append((before + text, ""))
        elif turns:
            question, before = turns.pop()
            turns.append((question, f"{before}\n\n{text}" if last == _ANSWER else text))
        else:
            raise BadInput("a conversation begins with the user's message, not the assistant's", "messages")
        last = role
    if last != _QUESTION or not turns[-1][0].strip():
        raise BadInput("the last message is to be the user's, with a text", "messages")
    return system, turns


def _role_and_text(message: object, where: str) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise BadInput(f"{where} is not a JSON object", where)
    role = message.get("role")
    if role not in (*_SYSTEM, _QUESTION, _ANSWER):
        raise BadInput(f"{where}: the role is system, user or assistant, not {shown(role)}", f"{where}.role")
    for name, value in message.items():
        if name not in ("role", "content") and value not in (None, [], {}):
            raise BadInput(f"{where}: {shown(name)} cannot be sent through Ask Sage here", f"{where}.{name}")
    return role, _text(message.get("content"), f"{where}.content")


def _text(content: object, where: str) -> str:
    """A message's text, whole or in parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadInput(f"{where} is a text, not {shown(content)}", where)
    texts = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get("text") if isinstance(part, dict) and kind == "text" else None
        if not isinstance(text, str):
            raise BadInput(f"{where}: only text can be sent through Ask Sage here, not {shown(kind)}", where)
        texts.append(text)
    return "\n".join(texts)
