"""The service's lists of models, personas and datasets, whichever shape a tenant gives them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .wire import Body, member, whole


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model the account may use. What the tenant does not tell is None.

    Attributes
    ----------
    id : str
        The exact id to ask with.
    cui_capable : bool or None
        Whether Controlled Unclassified Information may be sent to it; only True permits it.
    deprecated : str or None
        The service's notice, with the model to use instead; None while the model is current.
    max_context : int or None
        Model tokens of prompt and reply together.
    prompt_rate, completion_rate : float or None
        Ask Sage tokens per model token by the catalog, which is **not** what is billed.
    """

    id: str
    name: str
    vendor: str | None = None
    tier: str | None = None
    cui_capable: bool | None = None
    deprecated: str | None = None
    max_context: int | None = None
    prompt_rate: float | None = None
    completion_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Persona:
    """A ready-made system prompt of the service; its text is billed with every call.

    Attributes
    ----------
    id : int
    name, description : str
    """

    id: int
    name: str
    description: str


def models_in(body: Body) -> list[ModelInfo]:
    """The models of a full list, a plain one, or one of bare ids; the best that is there."""
    listed = body.response
    if not any(isinstance(entry, dict) for entry in _list(listed)):
        listed = body.get("data") or listed
    models = {model.id: model for model in map(_model, _list(listed)) if model is not None}
    return list(models.values())


def personas_in(body: Body) -> list[Persona]:
    """The personas that have an id and a name."""
    found = []
    for entry in _list(body.response):
        number, name = whole(member(entry, "id")), _text(member(entry, "name"))
        if number is not None and name is not None:
            found.append(Persona(number, name, _text(member(entry, "description")) or ""))
    return found


def datasets_in(body: Body) -> list[str]:
    """The names of the datasets."""
    return [entry for entry in _list(body.response) if isinstance(entry, str) and entry]


def _model(entry: object) -> ModelInfo | None:
    if isinstance(entry, str):
        return ModelInfo(entry, entry) if entry else None
    name = _text(member(entry, "id"))
    if name is None:
        return None
    cui = member(entry, "cui_capable")
    rate = member(entry, "token_conversion_rate")
    return ModelInfo(
        id=name,
        name=_text(member(entry, "display_name")) or _text(member(entry, "name")) or name,
        vendor=_text(member(entry, "vendor")) or _text(member(entry, "owned_by")),
        tier=_text(member(entry, "tier")),
        cui_capable=cui if isinstance(cui, bool) else None,
        deprecated=_deprecation(member(entry, "deprecation")),
        max_context=whole(member(member(entry, "limits"), "max_context")),
        prompt_rate=_rate(member(rate, "prompt")),
        completion_rate=_rate(member(rate, "completion")),
    )


def _deprecation(notice: object) -> str | None:
    if not isinstance(notice, dict) or not notice:
        return _text(notice)
    message = _text(notice.get("message")) or _text(notice.get("state")) or "deprecated"
    successor = _text(notice.get("replacement_id"))
    return f"{message} (use {successor})" if successor and successor not in message else message


def _rate(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        rate = float(value)
    except (ValueError, OverflowError):
        return None
    return rate if math.isfinite(rate) and rate >= 0 else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
