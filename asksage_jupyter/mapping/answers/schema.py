"""What a person says an answer is, as the schema that asks for it and reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...display.plain import shown
from ...errors import BadInput
from .answer import AnswerSchema
from .json_values import fields, is_json_schema, of_class, of_json_schema
from .single_values import one_of, scalar


def schema_of(wanted: Any) -> AnswerSchema:
    """The schema that was asked for.

    Parameters
    ----------
    wanted : type, sequence, mapping or class
        str, int, float or bool; a list of choices; a dict of these, by column; a JSON Schema; a class with
        ``model_json_schema``.

    Raises
    ------
    BadInput
        It is none of these.
    """
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
        f"not {shown(wanted)}. Nothing was sent."
    )
