"""Values of a reply, however a tenant writes them."""

from __future__ import annotations

import math
import re
from typing import Any

from ...display.plain import plain

_LONGEST_TOLD = 240
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d*)?")


def whole(value: object) -> int | None:
    """An integer, however it is written: ``411``, ``" 411 "``, ``62.4``; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        words = value.strip()
        if not _NUMBER.fullmatch(words):
            return None
        number, _, part = words.partition(".")
        value = float(words) if part.strip("0") else int(number)
    if isinstance(value, float):
        # A part of a token is booked as a whole one.
        return math.ceil(value) if math.isfinite(value) and abs(value) < 1e18 else None
    return value if isinstance(value, int) and abs(value) < 10**18 else None


def natural(value: object) -> int | None:
    """An integer that is not below zero, however it is written; None for anything else."""
    number = whole(value)
    return number if number is not None and number >= 0 else None


def seconds(value: object) -> float | None:
    """A number of seconds that is not below zero, however it is written; None for anything else."""
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < math.inf else None


def flag(value: object) -> bool:
    """Whether a value means yes, however it is written: ``true``, ``1``, ``"True"``."""
    return str(value).strip().lower() in ("true", "1", "yes")


def text_in(value: object) -> str | None:
    """A text without blanks around it; None for an empty one and anything else."""
    return value.strip() or None if isinstance(value, str) else None


def member(value: object, key: str) -> Any:
    """``value[key]`` of a JSON object; None of anything else."""
    return value.get(key) if isinstance(value, dict) else None


def one_line(text: str) -> str:
    """The service's own words on one line, shortened."""
    words = " ".join(plain(text).split())
    return words if len(words) <= _LONGEST_TOLD else f"{words[:_LONGEST_TOLD]}…"


def list_in(value: object, depth: int) -> list[Any] | None:
    """The list itself, or the one that is the least deep in an object."""
    if isinstance(value, list):
        return value
    within = list(value.values()) if isinstance(value, dict) else []
    for deep in range(depth):
        if found := [each for inner in within if (each := list_in(inner, deep)) is not None]:
            return found[0]
    return None


def text_of(value: object) -> str | None:
    """A text, whole or in the parts of a provider's content."""
    if isinstance(value, list):
        parts = [text for part in value if isinstance(text := member(part, "text"), str)]
        return "".join(parts) if parts else None
    return value if isinstance(value, str) else None


def is_said(error: object) -> bool:
    """Whether an error tells one: members that are all empty tell none."""
    if isinstance(error, dict):
        return any(map(is_said, error.values()))
    if isinstance(error, str):
        return error.strip().lower() not in ("", "none", "null", "false")
    return any(map(is_said, error)) if isinstance(error, list) else bool(error)


def is_code(text: str) -> bool:
    """Whether a text is for machines, such as ``content_filter``."""
    return " " not in text and ("_" in text or text.isdigit() or text.isupper())


def label(value: object) -> str | None:
    """A name as it can be shown and stored; None of anything else."""
    return one_line(value) or None if isinstance(value, str) else None


def is_sorry(message: str) -> bool:
    """Whether a message begins like the service's soft errors."""
    return message.lstrip().startswith("Sorry,")


def without_blank_lines(text: str) -> str:
    """The text from its first line that is not blank; that line's indentation stays."""
    start = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, start) + 1 :]
