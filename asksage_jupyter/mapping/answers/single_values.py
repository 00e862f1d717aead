"""Answers of one value: a number, yes or no, one of some choices; each read strictly."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from ...display.plain import shown
from ...errors import BadInput
from ...session import given
from .answer import AnswerSchema, Unreadable, unfenced

_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_DIGITS = re.compile(r"[-+]?[\d,]+")
_YES, _NO = frozenset({"true", "yes"}), frozenset({"false", "no"})
_MOST_CHOICES = 200


def scalar(wanted: type) -> AnswerSchema:
    """A whole number, a number, or yes or no."""
    name, read, dtype, longest = {
        int: ("whole number", _int, "Int64", "-1234567890"),
        float: ("number", _float, "Float64", "-12345.678901"),
        bool: ("true or false", _bool, "boolean", "false"),
    }[wanted]
    wish = f"Answer with {name if wanted is bool else f'one {name}'} and nothing else."
    return AnswerSchema(name, wish, lambda text: read(unfenced(text)), {"": dtype}, longest)


def _figure(text: str) -> str:
    """The one number that the text holds, as it is written."""
    found = _NUMBER.findall(text)
    if len(found) != 1:
        raise Unreadable(f"no number in {shown(text)}" if not found else f"several numbers in {shown(text)}")
    return str(found[0])


def _float(text: str) -> float:
    number = float(_figure(text).replace(",", ""))
    if not math.isfinite(number):
        raise Unreadable(f"{shown(text)} is beyond what a number may be")
    return number


def _int(text: str) -> int:
    figure = _figure(text)
    # Digits as they are: a float has not all of a large number's.
    number = int(figure.replace(",", "")) if _DIGITS.fullmatch(figure) else _float(text)
    if number != int(number) or not -(2**63) <= number < 2**63:
        raise Unreadable(f"{shown(text)} is no whole number")
    return int(number)


def _bool(text: str) -> bool:
    word = text.strip(" .!\"'`*").casefold()
    if word in _YES | _NO:
        return word in _YES
    raise Unreadable(f"{shown(text)} is neither true nor false")


def one_of(wanted: Sequence[Any] | set[Any] | frozenset[Any]) -> AnswerSchema:
    """One of some choices.

    Raises
    ------
    BadInput
        They are not two or more that differ.
    """
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
    name, dtypes = f"one of {len(choices)} choices", {"": _category(choices)}
    return AnswerSchema(name, wish, read, dtypes, longest=max(choices, key=len))


def _category(choices: Sequence[str]) -> Any:
    import pandas

    return pandas.CategoricalDtype(list(choices))
