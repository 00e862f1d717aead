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
class DemoPlugin:
    """A prompt with gaps, which are its parameters."""

    description: str
    parameters: tuple[str, ...]
    template: str


PLUGINS = {
    "Summarize": DemoPlugin(
        "Sums a text up in two sentences.", ("text",), "Sum up this text in two sentences:\n\n{text}"
    ),
    "Translate": DemoPlugin(
        "Translates a text.", ("language", "text"), "Translate this text into {language}:\n\n{text}"
    ),
}


def listed() -> list[dict[str, Any]]:
    """The plugins in the shape of the route that lists them."""
    return [
        {
            "id": number,
            "plugin_name": name,
            "title": name,
            "description": plugin.description,
            "category": "text",
            "file_mode": "none",
            "paid_only": False,
            "regex": None,
            "prompt_template": plugin.template,
            "fields": list(plugin.parameters),
        }
        for number, (name, plugin) in enumerate(PLUGINS.items(), start=1)
    ]


async def execute_plugin(demo: Demo, read: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """Answer a plugin's prompt, in frames; no bill is told."""
    try:
        prompt = _prompt(str(read.get("plugin_name") or ""), read.get("plugin_values"))
    except BadInput as error:
        yield {"response": str(error), "status": 400}
        return
    async with aclosing(replies(demo, _query(prompt, read))) as chunks:
        async for chunk in chunks:
            yield chunk


async def follow_up(demo: Demo, read: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """Answer with up to three questions, one a line; no bill is told."""
    message = str(read.get("message") or "")
    if not message.strip():
        yield {"response": "There was no message.", "status": 400}
        return
    async with aclosing(replies(demo, _query(_FOLLOW_UP.format(message=message), read))) as chunks:
        *_, last = [chunk async for chunk in chunks]
    if last.get("provenance"):
        lines = [_BULLET.sub("", line).strip() for line in last["message"].splitlines()]
        last["message"] = "\n".join([line for line in lines if line][:3])
    yield last


def _query(prompt: str, read: Mapping[str, Any]) -> dict[str, Any]:
    """The query around the person's words; neither route tells what it was billed."""
    return {"message": prompt, "system_prompt": _SYSTEM, "dataset": "none", "model": read.get("model")}


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
