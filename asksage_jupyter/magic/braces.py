"""``{name}`` in a cell's text becomes the user's variable; every other brace stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType

from ..errors import BadInput

# One brace before the name, but any number after it: a value may be the last of a JSON object.
_NAME = re.compile(r"(?<!\{)\{([^\W\d]\w*)\}")
# Their text is an address in memory: a name in a code sample that happens to be imported is not meant.
_NOT_PLAIN = (ModuleType, FunctionType, BuiltinFunctionType, type)
_ABSENT = object()


def expand(text: str, user_ns: Mapping[str, object], hidden: Mapping[str, object] | None = None) -> str:
    """Replace ``{name}`` where `name` is a plain variable of the user's.

    Parameters
    ----------
    text : str
        Prompts hold JSON, code and formulas: whatever is not exactly ``{name}`` of a defined name, such as
        ``{{name}}``, ``{name!r}``, ``{"a": 1}`` or ``{0}``, is left untouched.
    user_ns : mapping
        The user's namespace. Names that begin with an underscore, modules, functions and classes are no
        plain variables.
    hidden : mapping, optional
        What IPython put into the namespace itself; a name of it counts once the user has given it a value.

    Raises
    ------
    BadInput
        A variable cannot be made into text.
    """
    hidden = hidden or {}

    def replaced(found: re.Match[str]) -> str:
        name = found[1]
        value = user_ns.get(name, _ABSENT)
        if value is _ABSENT or name.startswith("_") or isinstance(value, _NOT_PLAIN):
            return found[0]
        return found[0] if value is hidden.get(name, _ABSENT) else _text(name, value)

    return _NAME.sub(replaced, text)


def _text(name: str, value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001  the value is the user's: its __str__ may raise anything
        raise BadInput(
            f"{{{name}}} cannot be made into text ({type(error).__name__}). Nothing was sent."
        ) from None
