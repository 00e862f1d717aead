"""Checks of an option's value for argparse: each says in its error what is allowed."""

from __future__ import annotations

import builtins
import keyword
import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Generic, TypeVar

from ..account import tags
from ..display.plain import shown
from ..errors import BadInput
from ..session.near import did_you_mean

_T = TypeVar("_T")

_WHOLE = re.compile(r"([0-9]+(?:\.[0-9]+(?=[kKmM]))?)([kKmM]?)")
_TIMES = {"": 1, "k": 1_000, "m": 1_000_000}
_SHELLS = ("In", "Out", "exit", "quit", "get_ipython", "display")
# Where IPython keeps what was run and what came of it, and Python what a module is.
_KEPT = re.compile(r"_+|_i*|_i?\d+|_[iod]h|_exit_code|__\w+__")


class OneOf(Generic[_T]):
    """A check that a value is one of a few; `allowed` tells how they are written."""

    def __init__(self, values: Iterable[_T]) -> None:
        self._values = {str(value): value for value in values}
        self.allowed = tuple(self._values)

    def __call__(self, value: str) -> _T:
        if value in self._values:
            return self._values[value]
        near = did_you_mean(value, self.allowed).strip()
        raise ArgumentTypeError(
            f"{shown(value)} is not one of {', '.join(self.allowed)}{near and f'; {near}'}"
        )


class Names(OneOf[str]):
    """A check that a value is one of a few, or begins with a prefix; or several such, joined by commas."""

    def __init__(self, values: Iterable[str], prefix: str) -> None:
        super().__init__(values)
        self._prefix = prefix

    def __call__(self, value: str) -> str:
        for name in value.split(","):
            if not name.removeprefix(self._prefix) or not name.startswith(self._prefix):
                super().__call__(name)
        return value


def whole(meaning: str) -> Callable[[str], int]:
    """A check that a value is a whole number, 0 or more."""

    def check(value: str) -> int:
        # As people write them: 200,000 or 200_000, 200k, 1.5M; int() would also take other scripts' digits.
        found = _WHOLE.fullmatch(value.replace(",", "").replace("_", ""))
        number = Decimal(found[1]) * _TIMES[found[2].lower()] if found else Decimal("nan")
        if number != number.to_integral_value():
            raise ArgumentTypeError(f"{shown(value)} is not {meaning}: write a whole number, 0 or more")
        return int(number)

    return check


tokens = whole("a number of Ask Sage tokens")


def number(value: str) -> float:
    """A check that a value lies between 0 and 1."""
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ArgumentTypeError(f"{shown(value)} is not a number from 0 to 1")
    return found


def variable(value: str) -> str:
    """A check that a value can name a variable of the person's."""
    if not value.isidentifier() or keyword.iskeyword(value):
        raise ArgumentTypeError(f"{shown(value)} cannot name a variable: use letters, digits and _")
    if hasattr(builtins, value) or value in _SHELLS or _KEPT.fullmatch(value):
        raise ArgumentTypeError(f"{shown(value)} is a name of Python's or IPython's own: take another")
    return value


def billing_code(value: str) -> tuple[str, str]:
    """A check that a value is a name and its code."""
    name, told, code = value.partition("=")
    try:
        if told:
            return next(iter(tags.checked({name: code}, "--tag").items()))
    except BadInput as error:
        raise ArgumentTypeError(str(error)) from None
    raise ArgumentTypeError(f"{shown(value)} is no NAME=CODE, like wbs=1234.5")


def read(check: Callable[[str], _T], value: str) -> _T:
    """A word as the check makes it, where it stands without an option.

    Raises
    ------
    BadInput
        The check does not allow it.
    """
    try:
        return check(value)
    except ArgumentTypeError as error:
        raise BadInput(str(error)) from None
