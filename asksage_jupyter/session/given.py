"""What a person gives: taken as what it is, also NumPy's, or refused in a line before anything is held."""

from __future__ import annotations

import math
import operator
import os
from contextlib import suppress
from numbers import Real
from pathlib import Path

from ..errors import BadInput


def text(value: object, name: str) -> str:
    """A text.

    Raises
    ------
    BadInput
    """
    if isinstance(value, str):
        return str.__str__(value)  # whatever a class of its own says of itself
    how = ": decode them first, like value.decode()" if isinstance(value, bytes | bytearray) else ""
    raise BadInput(f"{name} is a text, not {_shown(value)}{how}")


def whole(value: object, name: str) -> int:
    """A whole number, at least 0.

    Raises
    ------
    BadInput
    """
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001  of whatever kind, it is none
        number = -1
    if not 0 <= number < 2**63:
        raise BadInput(f"{name} is a whole number, 0 or more, not {_shown(value)}")
    return number


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
    raise BadInput(f"{name} is a number, not {_shown(value)}")


def file(value: object, name: str) -> Path:
    """A file that is there.

    Raises
    ------
    BadInput
    """
    if not isinstance(value, str | os.PathLike):
        raise BadInput(f"{name} is a path, not {_shown(value)}")
    try:
        path = Path(os.fsdecode(value)).expanduser()
        if path.is_file():
            return path
    except (OSError, RuntimeError, TypeError, ValueError):  # no such home, too long, not to be looked at
        pass
    raise BadInput(f"no file {value}" if isinstance(value, Path) else f"no file {_shown(value)}")


def _shown(value: object) -> str:
    """The value in a few words; of what is long, or may be, its kind alone."""
    if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63):
        return repr(value)
    if isinstance(value, str) and len(value) <= 40:
        return repr(str.__str__(value))
    return f"a value of type {type(value).__name__}"
