"""What a reply says that it cost, wherever a tenant puts it and under whichever names."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .scalars import natural

_NAMES = (
    ("asksage_tokens",),
    ("prompt_tokens", "input_tokens"),
    ("completion_tokens", "output_tokens"),
)


class Usage(NamedTuple):
    """Ask Sage tokens and model tokens; what is not told is None."""

    tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def is_told(self) -> bool:
        """Whether any figure is there."""
        return self != Usage()

    @property
    def is_paid(self) -> bool:
        """Whether a model did anything: of what the service itself says, all figures are 0 or absent."""
        return any(figure for figure in self)


def usage_of(reply: object) -> Usage:
    """The usage of a reply, from its ``usage``, flat or nested, or from beside it."""
    places = _places(reply)
    return Usage(*(_first(places, names) for names in _NAMES))


def _places(reply: object) -> list[dict[str, Any]]:
    """Where figures may stand, the best place first."""
    if not isinstance(reply, dict):
        return []
    usage = _object(reply.get("usage"))
    return [usage, _object(usage.get("model_tokens")), {"asksage_tokens": reply.get("asksage_tokens")}]


def _object(value: object) -> dict[str, Any]:
    """A JSON object, which may be written as a text or stand alone in a list."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else {}


def _first(places: list[dict[str, Any]], names: tuple[str, ...]) -> int | None:
    for place in places:
        for name in names:
            if (figure := natural(place.get(name))) is not None:
                return figure
    return None
