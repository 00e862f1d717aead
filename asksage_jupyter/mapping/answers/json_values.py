"""Answers as JSON: some columns, or whatever a JSON Schema or a class describes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ...display.plain import shown, told
from ...errors import BadInput
from ...session import given
from .answer import OR_NULL, AnswerSchema, Unreadable, unfenced

_DEEPEST = 64  # of nested JSON


def first_json(text: str) -> Any:
    """The first JSON value of a reply.

    Raises
    ------
    Unreadable
        There is none, it holds what JSON has not (NaN), or it is nested too deeply.
    """
    inner = unfenced(text)
    starts = [place for place in map(inner.find, "{[") if place >= 0]
    if not starts:
        raise Unreadable(f"no JSON in {shown(inner)}")
    start = min(starts)
    try:
        value, _ = json.JSONDecoder(parse_constant=_no_constant).raw_decode(inner, start)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its JSON cannot be read ({told(error)})") from None
    if _depth(value) > _DEEPEST:
        raise Unreadable("its JSON is nested too deeply")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level and deepest <= _DEEPEST:
        deepest += 1
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return deepest


def fields(wanted: Mapping[Any, Any], schema_of: Callable[[Any], AnswerSchema]) -> AnswerSchema:
    """An object with a value in each of some columns.

    Raises
    ------
    BadInput
        There is no column, or one has columns of its own.
    """
    if not wanted:
        raise BadInput("a schema of columns names at least one. Nothing was sent.")
    inner = {given.text(name, "a column's name"): schema_of(each) for name, each in wanted.items()}
    if nested := [name for name, each in inner.items() if each.is_table]:
        raise BadInput(
            f"{shown(nested[0])} has columns of its own: use a JSON Schema for that. Nothing was sent."
        )

    def read(text: str) -> dict[str, Any]:
        value = first_json(text)
        if not isinstance(value, dict):
            raise Unreadable("its JSON is no object")
        if missing := [name for name in inner if name not in value]:
            raise Unreadable(f"{shown(missing[0])} is missing")
        return {name: _field(name, each, value[name]) for name, each in inner.items()}

    told_fields = ", ".join(f'"{name}": {_asked(each)}' for name, each in inner.items())
    wish = f"Answer with one JSON object and nothing else: {{{told_fields}}}."
    dtypes = {name: each.dtypes[""] for name, each in inner.items()}
    longest = {name: each.longest for name, each in inner.items()}
    known = None if None in longest.values() else json.dumps(longest, ensure_ascii=False)
    return AnswerSchema(f"{len(inner)} columns", wish, read, dtypes, known)


def _asked(schema: AnswerSchema) -> str:
    if schema.name.startswith("one of"):
        or_null = OR_NULL * schema.name.endswith(OR_NULL)
        return f"one of {json.dumps(list(schema.dtypes[''].categories), ensure_ascii=False)}{or_null}"
    return schema.name


def _field(name: str, schema: AnswerSchema, value: Any) -> Any:
    if value is None:
        return None
    try:
        return schema.read(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    except Unreadable as error:
        raise Unreadable(f"{shown(name)}: {error}") from None


def is_json_schema(wanted: Mapping[Any, Any]) -> bool:
    """Whether a dict is a JSON Schema, and not columns by name."""
    return isinstance(wanted.get("type"), str) or "$schema" in wanted or "anyOf" in wanted or "$ref" in wanted


def of_class(wanted: Any) -> AnswerSchema:
    """What a class with ``model_json_schema`` describes and validates, such as pydantic's.

    Raises
    ------
    BadInput
    """

    def validate(value: Any) -> Any:
        made = wanted.model_validate(value)
        # What was left out has its default then.
        return made.model_dump(mode="json", by_alias=True) if hasattr(made, "model_dump") else value

    try:
        schema = of_json_schema(wanted.model_json_schema(), validate=validate)
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001  somebody else's code
        raise BadInput(f"the schema's class cannot be used: {told(error)}. Nothing was sent.") from None
    return schema


def of_json_schema(wanted: dict[str, Any], validate: Callable[[Any], Any] | None = None) -> AnswerSchema:
    """What a JSON Schema describes.

    Raises
    ------
    BadInput
        It is none, or nothing here validates by one.
    """
    check = validate or _validator(wanted)
    properties = wanted.get("properties")
    columns: dict[str, Any] = properties if isinstance(properties, dict) else {}

    def read(text: str) -> Any:
        value = first_json(text)
        try:
            value = check(value)
        except Exception as error:  # noqa: BLE001  of the library's own kinds
            raise Unreadable(f"it is not as the schema wants it: {_first_line(error)}") from None
        if not columns:
            return value
        if not isinstance(value, dict):
            raise Unreadable("its JSON is no object")
        return {name: value.get(name) for name in columns}

    wish = f"Answer with one JSON value of this JSON Schema and nothing else: {json.dumps(wanted)}"
    dtypes = {name: _dtype(each) for name, each in columns.items()} or {"": "object"}
    return AnswerSchema("JSON", wish, read, dtypes)


def _validator(wanted: dict[str, Any]) -> Callable[[Any], Any]:
    try:
        from jsonschema.validators import validator_for  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise BadInput(
            "a JSON Schema needs jsonschema: pip install 'asksage_jupyter[schema]'. Nothing was sent."
        ) from None
    kind = validator_for(wanted)
    try:
        kind.check_schema(wanted)
    except Exception as error:  # noqa: BLE001  of the library's own kinds
        raise BadInput(f"this is no JSON Schema: {_first_line(error)}. Nothing was sent.") from None
    validator = kind(wanted)

    def validate(value: Any) -> Any:
        validator.validate(value)
        return value

    return validate


def _dtype(described: Any) -> Any:
    kind = described.get("type") if isinstance(described, dict) else None
    kinds = {"string": "string", "integer": "Int64", "number": "Float64", "boolean": "boolean"}
    return kinds.get(kind, "object") if isinstance(kind, str) else "object"


def _first_line(error: Exception) -> str:
    """What is wrong: pydantic tells it below a line that only counts."""
    with suppress(Exception):
        first = error.errors()[0]  # type: ignore[attr-defined]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
    return str(getattr(error, "message", None) or error).strip().partition("\n")[0][:200]
