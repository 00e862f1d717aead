"""What a person gives: taken as what it is, also NumPy's, or refused in a line before anything is held."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

from ..display.plain import shown, told
from ..errors import AskSageError, BadInput

T = TypeVar("T")


def text(value: object, name: str) -> str:
    """A text.

    Raises
    ------
    BadInput
    """
    if isinstance(value, str):
        return str.__str__(value)  # whatever a class of its own says of itself
    how = ": decode them first, like value.decode()" if isinstance(value, bytes | bytearray) else ""
    raise BadInput(f"{name} is a text, not {shown(value)}{how}", name)


def whole(value: object, name: str, *, least: int = 0) -> int:
    """A whole number, at least 0 or `least`.

    Raises
    ------
    BadInput
    """
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001  of whatever kind, it is none
        number = -1
    if not least <= number < 2**63:
        raise BadInput(f"{name} is a whole number, {least} or more, not {shown(value)}", name)
    return number


def yes(value: object, name: str) -> bool:
    """Yes or no, also NumPy's.

    Raises
    ------
    BadInput
    """
    kind = type(value)
    if kind is bool or (kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")):  # of 2, of 1
        return bool(value)
    raise BadInput(f"{name} is True or False, not {shown(value)}", name)


def one_of(value: object, allowed: Collection[str], name: str) -> str:
    """One of the words.

    Raises
    ------
    BadInput
    """
    if isinstance(value, str) and (word := str.__str__(value)) in allowed:
        return word
    raise BadInput(f"{name}: {shown(value)} is not one of {', '.join(allowed)}", name)


def ours(value: object, kind: type[T], name: str) -> T:
    """An object of one of our classes.

    Raises
    ------
    BadInput
    """
    if issubclass(type(value), kind):  # never asking a class of somebody else's what it says it is
        return value  # type: ignore[return-value]
    raise BadInput(f"{name} is a {kind.__name__} of asksage_jupyter, not {shown(value)}")


def function(value: Callable[..., T], name: str) -> Callable[..., T]:
    """What can be called.

    Raises
    ------
    BadInput
    """
    if callable(value):
        return value
    raise BadInput(f"{name} is a function, not {shown(value)}")


def by_name(value: object, name: str) -> Mapping[str, Any]:
    """Values by their names; none of None.

    Raises
    ------
    BadInput
    """
    if value is None or isinstance(value, Mapping):
        return value or {}
    raise BadInput(f"{name} are values by name, like {{'tone': 'short'}}, not {shown(value)}", name)


def listed(values: Iterable[Any], name: str) -> list[Any]:
    """All there is, of whatever is gone through one by one.

    Raises
    ------
    BadInput
        It fails on the way.
    """
    try:
        return list(values)
    except AskSageError:
        raise
    except Exception as error:  # somebody else's code
        raise BadInput(f"{name} cannot be read: {told(error)}", name) from error


def real(value: object, name: str) -> float:
    """A number that is one.

    Raises
    ------
    BadInput
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        with suppress(OverflowError):
            if math.isfinite(number := float(value)):
                return number
    raise BadInput(f"{name} is a number, not {shown(value)}", name)


def file(value: object, name: str) -> Path:
    """A file that is there.

    Raises
    ------
    BadInput
    """
    found = path(value, name)
    with suppress(OSError, RuntimeError, ValueError):  # no such home, too long, not to be looked at
        found = found.expanduser()
        if found.is_file():
            return found
    raise BadInput(f"no file {shown(str(found), at_most=200)}", name)


def path(value: object, name: str) -> Path:
    """A path, there or not; ``~`` is the home folder.

    Raises
    ------
    BadInput
    """
    if isinstance(value, str | os.PathLike):
        text = ""
        with suppress(Exception):  # somebody else's code
            text = os.fsdecode(value)
        if text and "\0" not in text:
            return _at_home(Path(text))
    raise BadInput(f"{name} is a path, not {shown(value)}", name)


def _at_home(found: Path) -> Path:
    try:
        return found.expanduser()
    except RuntimeError:
        raise BadInput(
            f"{shown(str(found), at_most=200)} begins with a home that is not here: write it whole"
        ) from None


def figure(written: str) -> int:
    """The whole number that a setting writes, which may set its thousands apart by ``,`` or ``_``."""
    return int(written.replace(",", "").replace("_", ""))
