"""``{name}`` in a cell's text becomes the user's variable; every other brace stays as it is."""

from __future__ import annotations

import builtins
import keyword
import re
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING

from .values import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# One brace before the name, but any number after it: a value may be the last of a JSON object.
_NAME = re.compile(r"(?<!\{)\{([^\W\d]\w*)\}")
_GROUP = re.compile(r"(?<!\{)\{([^{}\n]+)\}")
# What an f-string would take: {df.head()}, {x[0]}, {len(x)}, {n + 1}, {x:.2f}, { x }; no JSON and no set.
_LIKE = re.compile(r" *([^\W\d]\w*)(?: *| *[-+*/%] *\w.*|\.[^\W\d].*|\[.*\].*|\(.*\).*|![rsa]|:[^\s\"',]+)")
# Braces of a formula or of a shell: \frac{a}{b}, x^{n}, ${name}.
_FORMULA = re.compile(r"(?:\\[A-Za-z]+\*?(?:\[[^\]]*\]|\{[^{}]*\})*|[\^_$])$")
# Their text is an address in memory: a name in a code sample that happens to be imported is not meant.
_NOT_PLAIN = (ModuleType, FunctionType, BuiltinFunctionType, type)
_NAMED = 3
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
        A variable has no text, or cannot be made into it.
    """

    def replaced(found: re.Match[str]) -> str:
        value = _variable(found[1], user_ns, hidden)
        return found[0] if value is _ABSENT else text_of(found[1], value)

    return _NAME.sub(replaced, text)


def variables(user_ns: Mapping[str, object], hidden: Mapping[str, object] | None = None) -> dict[str, object]:
    """The user's plain variables, by their names: all that ``{name}`` can become, be it refused."""
    # In one go: a thread may add others meanwhile.
    found = {name: _variable(name, user_ns, hidden) for name in list(user_ns)}
    return {name: value for name, value in found.items() if value is not _ABSENT}


def names_in(text: str) -> list[str]:
    """The names that `expand` would look up, each once."""
    return list(dict.fromkeys(name for name in _NAME.findall(text) if not name.startswith("_")))


def unfilled(
    text: str, user_ns: Mapping[str, object], hidden: Mapping[str, object] | None = None
) -> str | None:
    """One line on what looks like a variable in `text` and is none; None where nothing does."""
    left = list(dict.fromkeys(_left(text, user_ns, hidden)))
    if not left:
        return None
    named = ", ".join(left[:_NAMED]) + (f" and {len(left) - _NAMED} more" if len(left) > _NAMED else "")
    if len(left) == 1:
        return f"{named} is {_kind(user_ns.get(left[0][1:-1].strip()))}: sent as it is."
    return f"{named} are no variables with a text: sent as they are."


def _kind(value: object) -> str:
    """What a name stands for that is no plain variable."""
    if isinstance(value, ModuleType):
        return "a module"
    if isinstance(value, type):
        return "a class"
    return "a function" if isinstance(value, _NOT_PLAIN) else "no variable"


def _left(text: str, user_ns: Mapping[str, object], hidden: Mapping[str, object] | None) -> Iterator[str]:
    for found in _GROUP.finditer(text):
        like = _LIKE.fullmatch(found[1])
        if like is None or keyword.iskeyword(like[1]) or _is_formula(text, found):
            continue
        name, rest = like[1], found[1].lstrip().removeprefix(like[1])
        if found[1] == name:
            is_meant = _variable(name, user_ns, hidden) is _ABSENT
        else:
            is_meant = name in user_ns or hasattr(builtins, name) or rest[:1] in (".", "[")
        if is_meant:
            yield found[0]


def _is_formula(text: str, found: re.Match[str]) -> bool:
    begin = found.start()
    return _FORMULA.search(text[max(0, begin - 200) : begin]) is not None


def _variable(name: str, user_ns: Mapping[str, object], hidden: Mapping[str, object] | None) -> object:
    """The user's plain variable of that name."""
    value = user_ns.get(name, _ABSENT)
    if name.startswith("_") or isinstance(value, _NOT_PLAIN):
        return _ABSENT
    return _ABSENT if hidden and value is hidden.get(name, _ABSENT) else value
