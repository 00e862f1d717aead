"""What a row's answer is to be, the line that asks for it, and the strict reading of what came."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..display.plain import shown, told
from ..errors import BadInput
from ..session import given

_FENCE = re.compile(r"\A\s*```[\w+-]*[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_YES, _NO = frozenset({"true", "yes"}), frozenset({"false", "no"})
_DEEPEST = 64  # of nested JSON
_MOST_CHOICES = 200


class Unreadable(Exception):
    """A reply that is not what the schema asks for; the message says why."""


@dataclass(frozen=True, slots=True)
class AnswerSchema:
    """How an answer is asked for, read and stored.

    Attributes
    ----------
    name : str
        In a few words, such as ``one of 3 choices``.
    wish : str
        The line that is put below each prompt; empty for a text.
    read : callable
        A reply's text as a value; raises `Unreadable`.
    dtypes : mapping of str to str
        The columns and their pandas dtypes; the single one of a plain value is called ``""``.
    """

    name: str
    wish: str
    read: Callable[[str], Any]
    dtypes: Mapping[str, Any]

    @property
    def is_table(self) -> bool:
        """Whether an answer has several columns."""
        return "" not in self.dtypes


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
    if wanted in (int, float, bool):
        return _scalar(wanted)
    if isinstance(wanted, str | bytes):
        raise BadInput(f"schema is a type, a list of choices or a dict, not {shown(wanted)}")
    if hasattr(wanted, "model_json_schema"):
        return _of_class(wanted)
    if isinstance(wanted, Mapping):
        return _of_json_schema(dict(wanted)) if _is_json_schema(wanted) else _fields(wanted)
    if isinstance(wanted, Sequence | set | frozenset):
        return _choices(wanted)
    raise BadInput(
        f"schema is str, int, float, bool, a list of choices, a dict of these or a JSON Schema, "
        f"not {shown(wanted)}. Nothing was sent."
    )


def unfenced(text: str) -> str:
    """The reply without the fence of a code block around it."""
    found = _FENCE.match(text)
    return (found[1] if found else text).strip()


# -- single values ----------------------------------------------------------------------------------------


def _scalar(wanted: type) -> AnswerSchema:
    name, wish, read, dtype = {
        int: ("whole number", "Answer with one whole number and nothing else.", _int, "Int64"),
        float: ("number", "Answer with one number and nothing else.", _float, "Float64"),
        bool: ("true or false", "Answer with true or false and nothing else.", _bool, "boolean"),
    }[wanted]
    return AnswerSchema(name, wish, lambda text: read(unfenced(text)), {"": dtype})


def _float(text: str) -> float:
    found = _NUMBER.findall(text)
    if len(found) != 1:
        raise Unreadable(f"no number in {shown(text)}" if not found else f"several numbers in {shown(text)}")
    number = float(found[0].replace(",", ""))
    if not math.isfinite(number):
        raise Unreadable(f"{shown(found[0])} is beyond what a number may be")
    return number


def _int(text: str) -> int:
    number = _float(text)
    if number != int(number) or not -(2**63) <= number < 2**63:
        raise Unreadable(f"{shown(text)} is no whole number")
    return int(number)


def _bool(text: str) -> bool:
    word = text.strip(" .!\"'`*").casefold()
    if word in _YES | _NO:
        return word in _YES
    raise Unreadable(f"{shown(text)} is neither true nor false")


def _choices(wanted: Sequence[Any] | set[Any] | frozenset[Any]) -> AnswerSchema:
    choices = [given.text(each, "a choice").strip() for each in wanted]
    if not 2 <= len(choices) <= _MOST_CHOICES or not all(choices):
        raise BadInput(f"choices are 2 to {_MOST_CHOICES} texts, not {len(choices)}. Nothing was sent.")
    by_word = {choice.casefold(): choice for choice in choices}
    if len(by_word) < len(choices):
        raise BadInput("two choices differ at most in their case. Nothing was sent.")
    patterns = {choice: re.compile(rf"(?<!\w){re.escape(choice)}(?!\w)", re.IGNORECASE) for choice in choices}

    def read(text: str) -> str:
        inner = unfenced(text)
        if (whole := by_word.get(inner.strip(" .!\"'`*").casefold())) is not None:
            return whole
        found = [choice for choice, pattern in patterns.items() if pattern.search(inner)]
        # A choice within another one, "bug" in "no bug", is not meant beside it.
        found = [each for each in found if not any(each != o and patterns[each].search(o) for o in found)]
        if len(found) != 1:
            what = "none" if not found else "several"
            raise Unreadable(f"{what} of the choices in {shown(inner)}")
        return found[0]

    listed = ", ".join(choices)
    wish = f"Answer with exactly one of these and nothing else: {listed}."
    return AnswerSchema(f"one of {len(choices)} choices", wish, read, {"": _category(choices)})


def _category(choices: Sequence[str]) -> Any:
    import pandas

    return pandas.CategoricalDtype(list(choices))


# -- several columns --------------------------------------------------------------------------------------


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


def _fields(wanted: Mapping[Any, Any]) -> AnswerSchema:
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
    return AnswerSchema(
        f"{len(inner)} columns", wish, read, {name: each.dtypes[""] for name, each in inner.items()}
    )


def _asked(schema: AnswerSchema) -> str:
    if schema.name.startswith("one of"):
        return f"one of {json.dumps(list(schema.dtypes[''].categories), ensure_ascii=False)}"
    return schema.name


def _field(name: str, schema: AnswerSchema, value: Any) -> Any:
    if value is None:
        return None
    try:
        return schema.read(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    except Unreadable as error:
        raise Unreadable(f"{shown(name)}: {error}") from None


# -- JSON Schema ------------------------------------------------------------------------------------------


def _is_json_schema(wanted: Mapping[Any, Any]) -> bool:
    return isinstance(wanted.get("type"), str) or "$schema" in wanted or "anyOf" in wanted or "$ref" in wanted


def _of_class(wanted: Any) -> AnswerSchema:
    try:
        schema = _of_json_schema(wanted.model_json_schema(), validate=wanted.model_validate)
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001  somebody else's code
        raise BadInput(f"the schema's class cannot be used: {told(error)}. Nothing was sent.") from None
    return schema


def _of_json_schema(wanted: dict[str, Any], validate: Callable[[Any], Any] | None = None) -> AnswerSchema:
    check = validate or _validator(wanted)
    properties = wanted.get("properties")
    columns: dict[str, Any] = properties if isinstance(properties, dict) else {}

    def read(text: str) -> Any:
        value = first_json(text)
        try:
            check(value)
        except Exception as error:  # noqa: BLE001  of the library's own kinds
            raise Unreadable(f"it is not as the schema wants it: {_first_line(error)}") from None
        return {name: value.get(name) for name in columns} if columns else value

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
    return kind(wanted).validate  # type: ignore[no-any-return]


def _dtype(described: Any) -> Any:
    kind = described.get("type") if isinstance(described, dict) else None
    kinds = {"string": "string", "integer": "Int64", "number": "Float64", "boolean": "boolean"}
    return kinds.get(kind, "object") if isinstance(kind, str) else "object"


def _first_line(error: Exception) -> str:
    return str(getattr(error, "message", None) or error).strip().partition("\n")[0][:200]
