"""The service's lists of models, personas, datasets and plugins, whichever shape a tenant gives them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from .scalars import member, text_in, whole
from .wire import Body


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
    aliases : tuple of str
        Other names that the service takes for it.
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
    aliases: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that the account may use.

    Attributes
    ----------
    name : str
        What it is called by.
    description : str
    parameters : tuple of str
        Names of the values that it takes, as far as the tenant tells them.
    """

    name: str
    description: str = ""
    parameters: tuple[str, ...] = ()


def models_in(body: Body) -> list[ModelInfo]:
    """The models of a full list, a plain one, or one of bare ids; the best that is there."""
    listed = body.rows
    if not any(isinstance(entry, dict) for entry in _list(listed)):
        listed = _list(body.get("data")) or listed
    models = {model.id: model for model in map(_model, _list(listed)) if model is not None}
    return list(models.values())


def personas_in(body: Body) -> list[Persona]:
    """The personas that have an id and a name."""
    found = []
    for entry in _list(body.rows):
        number, name = whole(member(entry, "id")), text_in(member(entry, "name"))
        if number is not None and name is not None:
            found.append(Persona(number, name, text_in(member(entry, "description")) or ""))
    return found


def datasets_in(body: Body) -> list[str]:
    """The names of the datasets."""
    named = (
        entry if isinstance(entry, str) else member(entry, "dataset") or member(entry, "name")
        for entry in _list(body.rows)
    )
    return [name for name in map(text_in, named) if name is not None]


def plugins_in(body: Body) -> list[Plugin]:
    """The plugins that have a name."""
    return [plugin for plugin in map(_plugin, _list(body.rows)) if plugin is not None]


def _model(entry: object) -> ModelInfo | None:
    if isinstance(entry, str):
        return ModelInfo(entry, entry) if entry else None
    name = text_in(member(entry, "id"))
    if name is None:
        return None
    cui = member(entry, "cui_capable")
    rate = member(entry, "token_conversion_rate")
    return ModelInfo(
        id=name,
        name=text_in(member(entry, "display_name")) or text_in(member(entry, "name")) or name,
        vendor=text_in(member(entry, "vendor")) or text_in(member(entry, "owned_by")),
        tier=text_in(member(entry, "tier")),
        cui_capable=cui if isinstance(cui, bool) else None,
        deprecated=_deprecation(member(entry, "deprecation")),
        max_context=whole(member(member(entry, "limits"), "max_context")),
        prompt_rate=_rate(member(rate, "prompt")),
        completion_rate=_rate(member(rate, "completion")),
        aliases=tuple(filter(None, map(text_in, _list(member(entry, "aliases"))))),
    )


def _deprecation(notice: object) -> str | None:
    """What is told of a model that is not current; of one that is, tenants say "active"."""
    if not isinstance(notice, dict):
        return _unless_active(text_in(notice))
    state = text_in(notice.get("state"))
    if state is not None and _unless_active(state) is None:
        return None
    message, successor = text_in(notice.get("message")), text_in(notice.get("replacement_id"))
    if not any((state, message, successor, text_in(notice.get("sunset_at")))):
        return None
    message = message or state or "deprecated"
    return f"{message} (use {successor})" if successor and successor not in message else message


def _unless_active(state: str | None) -> str | None:
    return None if state is None or state.strip().lower() == "active" else state


def _rate(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        rate = float(value)
    except (ValueError, OverflowError):
        return None
    return rate if math.isfinite(rate) and rate >= 0 else None


def _plugin(entry: object) -> Plugin | None:
    if isinstance(entry, str):
        return Plugin(entry) if entry.strip() else None
    name = text_in(member(entry, "plugin_name")) or text_in(member(entry, "name"))
    if name is None:
        return None
    description = text_in(member(entry, "description")) or text_in(member(entry, "title")) or ""
    fields = member(entry, "fields") or member(entry, "parameters")
    return Plugin(name, description, tuple(dict.fromkeys(_names(fields))))


def _names(fields: Any) -> list[str]:
    """Names of values, from a list, a schema, or either as JSON text."""
    if isinstance(fields, str):
        try:
            fields = json.loads(fields)
        except (ValueError, RecursionError):
            return []
    if isinstance(fields, dict):
        properties = fields.get("properties")
        fields = list(properties if isinstance(properties, dict) else fields)
    if not isinstance(fields, list):
        return []
    named = (entry if isinstance(entry, str) else _first_name(entry) for entry in fields)
    return [name for name in map(text_in, named) if name is not None]


def _first_name(entry: object) -> str | None:
    names = (text_in(member(entry, key)) for key in ("name", "id", "key", "field", "label"))
    return next((name for name in names if name is not None), None)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
