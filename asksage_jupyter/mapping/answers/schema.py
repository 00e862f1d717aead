"""What a person says an answer is, as the schema that asks for it and reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, EnumMeta
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from ...display.plain import shown
from ...errors import BadInput
from .answer import AnswerSchema, optional
from .json_values import fields, is_json_schema, of_class, of_json_schema
from .single_values import one_of, scalar


def schema_of(wanted: Any) -> AnswerSchema:
    """The schema that was asked for.

    Parameters
    ----------
    wanted : type, sequence, mapping or class
        str, int, float or bool; a list of choices, also as an Enum or a Literal; one of these or None; a dict
        of these, by column; a JSON Schema; a class with ``model_json_schema``.

    Raises
    ------
    BadInput
        It is none of these.
    """
    if (chosen := _choices(wanted)) is not None:
        return one_of(chosen)
    if (inner := _optional(wanted)) is not None:
        return optional(schema_of(inner))
    if wanted is str:
        return AnswerSchema("text", "", str.strip, {"": "string"})
    if any(wanted is each for each in (int, float, bool)):
        return scalar(wanted)
    if isinstance(wanted, str | bytes):
        raise BadInput(f"schema is a type, a list of choices or a dict, not {shown(wanted)}")
    if hasattr(wanted, "model_json_schema"):
        return of_class(wanted)
    if isinstance(wanted, Mapping):
        return of_json_schema(dict(wanted)) if is_json_schema(wanted) else fields(wanted, schema_of)
    if isinstance(wanted, Sequence | set | frozenset):
        return one_of(wanted)
    raise BadInput(
        f"schema is str, int, float, bool, a list of choices, a dict of these or a JSON Schema, "
        f"not {_told(wanted)}. Nothing was sent."
    )


def _choices(wanted: Any) -> list[Any] | None:
    """What an Enum, a Literal, an array or a categorical dtype allows; None of anything else."""
    if isinstance(wanted, EnumMeta):
        members: Iterable[Enum] = wanted.__members__.values()
        return [each.value for each in members]
    if get_origin(wanted) is Literal:
        return list(get_args(wanted))
    if isinstance(wanted, type):
        return None
    wanted = getattr(wanted, "categories", wanted)
    return list(wanted.tolist()) if hasattr(wanted, "tolist") else None


def _optional(wanted: Any) -> Any:
    """What ``X | None`` may be beside None; None of anything else."""
    inner = [each for each in get_args(wanted) if each is not type(None)]
    is_optional = get_origin(wanted) in (Union, UnionType) and len(inner) == 1
    return inner[0] if is_optional else None


def _told(wanted: Any) -> str:
    if get_origin(wanted) is not None:
        return str(wanted)
    return wanted.__name__ if isinstance(wanted, type) else shown(wanted)
