"""Checks of what is written on a line; of values for argparse: each says in its error what is allowed."""

from __future__ import annotations

import difflib
import keyword
import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable

from ..errors import BadInput


def one_of(allowed: Iterable[str]) -> Callable[[str], str]:
    """A check that a value is one of a few."""
    allowed = tuple(allowed)

    def check(value: str) -> str:
        if value in allowed:
            return value
        near = difflib.get_close_matches(value.lower(), allowed, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ArgumentTypeError(f"{value!r} is not one of {', '.join(allowed)}.{hint}")

    return check


def whole(meaning: str) -> Callable[[str], int]:
    """A check that a value is a whole number, 0 or more."""

    def check(value: str) -> int:
        # Of the number's own characters only: int() would also take 1_000 and digits of other scripts.
        if not re.fullmatch(r"[0-9]+", plain := value.replace(",", "")):
            raise ArgumentTypeError(f"{value!r} is not {meaning}: a whole number, 0 or more")
        return int(plain)

    return check


def number(value: str) -> float:
    """A check that a value lies between 0 and 1."""
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ArgumentTypeError(f"{value!r} is not a number from 0 to 1")
    return found


def variable(value: str) -> str:
    """A check that a value can name a variable."""
    if not value.isidentifier() or keyword.iskeyword(value):
        raise ArgumentTypeError(f"{value!r} cannot name a variable: use letters, digits and _")
    return value


def nothing_after(name: str, rest: str) -> None:
    """Refuse words behind a subcommand that takes none.

    Raises
    ------
    BadInput
    """
    if rest:
        raise BadInput(f"%asksage {name} takes nothing after it, not {rest!r}")
