"""What a row's answer is to be: the line that asks for it, and what reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

OR_NULL = " or null"
_NULL = frozenset({"null", "none"})
_FENCE = re.compile(r"\A\s*```[\w+-]*[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)


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
    longest : str or None
        A reply that is an answer and no more, at its longest; None where it may be of any length.
    """

    name: str
    wish: str
    read: Callable[[str], Any]
    dtypes: Mapping[str, Any]
    longest: str | None = None

    @property
    def is_table(self) -> bool:
        """Whether an answer has several columns."""
        return "" not in self.dtypes


def optional(schema: AnswerSchema) -> AnswerSchema:
    """The same, or nothing where there is none."""
    asked = f"{schema.wish.removesuffix('.')}, or with null" if schema.wish else "Answer with null"

    def read(text: str) -> Any:
        is_null = unfenced(text).strip(" .!\"'`*").casefold() in _NULL
        if is_null and not schema.wish:
            return None
        try:
            return schema.read(text)
        except Unreadable:
            if is_null:
                return None
            raise

    wish = f"{asked} where there is none."
    return replace(schema, name=f"{schema.name}{OR_NULL}", wish=wish, read=read)


def unfenced(text: str) -> str:
    """The reply without the fence of a code block around it."""
    found = _FENCE.match(text)
    return (found[1] if found else text).strip()
