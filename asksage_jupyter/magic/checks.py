"""Checks of what is written on a line; of values for argparse: each says in its error what is allowed."""

from __future__ import annotations

import builtins
import difflib
import keyword
import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from ..errors import BadInput

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_WHOLE = re.compile(r"([0-9]+(?:\.[0-9]+(?=[kKmM]))?)([kKmM]?)")
_TIMES = {"": 1, "k": 1_000, "m": 1_000_000}
_SHELLS = ("In", "Out", "exit", "quit", "get_ipython", "display")
# Where IPython keeps what was run and what came of it, and Python what a module is.
_KEPT = re.compile(r"_+|_i*|_i?\d+|_[iod]h|_exit_code|__\w+__")


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
        # As people write them: 200,000 or 200_000, 200k, 1.5M; int() would also take other scripts' digits.
        found = _WHOLE.fullmatch(value.replace(",", "").replace("_", ""))
        number = Decimal(found[1]) * _TIMES[found[2].lower()] if found else Decimal("nan")
        if number != number.to_integral_value():
            raise ArgumentTypeError(f"{value!r} is not {meaning}: a whole number, 0 or more")
        return int(number)

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
    """A check that a value can name a variable of the person's."""
    if not value.isidentifier() or keyword.iskeyword(value):
        raise ArgumentTypeError(f"{value!r} cannot name a variable: use letters, digits and _")
    if hasattr(builtins, value) or value in _SHELLS or _KEPT.fullmatch(value):
        raise ArgumentTypeError(f"{value!r} is a name of Python's or IPython's own: take another")
    return value


def not_hidden(shell: InteractiveShell, name: str | None) -> None:
    """Refuse a variable that IPython put into the namespace and the person has not made their own.

    Raises
    ------
    BadInput
    """
    absent = object()
    hidden = shell.user_ns_hidden.get(name, absent)
    if name and hidden is not absent and shell.user_ns.get(name, hidden) is hidden:
        raise BadInput(f"-o/--output: {name!r} is a name of IPython's own: take another. Nothing was sent.")


def nothing_after(name: str, rest: str) -> None:
    """Refuse words behind a subcommand that takes none.

    Raises
    ------
    BadInput
    """
    if rest:
        raise BadInput(f"%asksage {name} takes nothing after it, not {rest!r}")
