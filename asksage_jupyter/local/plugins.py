"""Plugins and follow-up questions: a prompt around the person's words, answered and billed like a query."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ..errors import BadInput
from .answer import replies
from .demo import Demo

_FOLLOW_UP = "Write three short questions that somebody may ask next, one on each line:\n\n{message}"
_SYSTEM = "Do exactly what is asked, briefly."
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])?\s*")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A prompt with gaps, which are its parameters."""

    description: str
    parameters: tuple[str, ...]
    template: str


PLUGINS = {
    "Summarize": Plugin(
        "Sums a text up in two sentences.", ("text",), "Sum up this text in two sentences:\n\n{text}"
    ),
    "Translate": Plugin(
        "Translates a text.", ("language", "text"), "Translate this text into {language}:\n\n{text}"
    ),
}


def listed() -> list[dict[str, Any]]:
    """The plugins in the shape of the route that lists them."""
    return [
        {"name": name, "description": plugin.description, "parameters": list(plugin.parameters)}
        for name, plugin in PLUGINS.items()
    ]


async def execute_plugin(demo: Demo, read: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """Answer a plugin's prompt; the text is the response as well as the message."""
    try:
        prompt = _prompt(str(read.get("plugin_name") or ""), read.get("plugin_values"))
    except BadInput as error:
        yield {"response": str(error), "status": 400}
        return
    async with aclosing(_asked(demo, read, prompt)) as chunks:
        async for last in chunks:
            yield last | {"response": last["message"].strip()} if last.get("provenance") else last


async def follow_up(demo: Demo, read: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """Answer with a list of up to three questions."""
    message = str(read.get("message") or "")
    if not message.strip():
        yield {"response": "There was no message.", "status": 400}
        return
    async with aclosing(_asked(demo, {}, _FOLLOW_UP.format(message=message))) as chunks:
        async for last in chunks:
            if last.get("provenance"):
                lines = [_BULLET.sub("", line).strip() for line in last["message"].splitlines()]
                yield {"response": [line for line in lines if line][:3], "status": 200}
            else:
                yield {"response": last["message"], "status": last["status"]}


async def _asked(demo: Demo, read: Mapping[str, Any], prompt: str) -> AsyncGenerator[dict[str, Any], None]:
    """The whole reply to `prompt`, alone."""
    query = {"message": prompt, "system_prompt": _SYSTEM, "dataset": "none", "usage": read.get("usage")}
    async with aclosing(replies(demo, query)) as chunks:
        async for chunk in chunks:
            last = chunk
    yield {"message": last.get("error") or ""} | last


def _prompt(name: str, values: object) -> str:
    """The plugin's prompt with its gaps filled.

    Raises
    ------
    BadInput
        There is no such plugin, or a value is missing.
    """
    plugin = PLUGINS.get(name)
    if plugin is None:
        raise BadInput(f"There is no plugin {name!r}.")
    if isinstance(values, str):
        try:
            values = json.loads(values)
        except ValueError:
            values = None
    given = values if isinstance(values, dict) else {}
    if missing := [each for each in plugin.parameters if not str(given.get(each) or "").strip()]:
        raise BadInput(f"The plugin {name} needs a value for {' and '.join(missing)}.")
    return plugin.template.format(**{each: str(given[each]) for each in plugin.parameters})
