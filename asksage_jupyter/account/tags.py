"""Billing codes of a call, such as ``wbs=1234.5``: checked, and as the one text that a ledger keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..display.plain import one_line, shown, storable
from ..errors import BadInput

PREFIX = "tag:"  # before a name, where columns are named
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_LONGEST, _MOST = 80, 10


def checked(tags: object, where: str = "tags") -> dict[str, str]:
    """The codes by their names, with nothing left to misread.

    Parameters
    ----------
    where : str
        What to correct, for the message.

    Raises
    ------
    BadInput
        A name or a code that is none, or more than ten.
    """
    if not isinstance(tags, Mapping):
        raise BadInput(f'{where} are codes by name, like {{"wbs": "1234.5"}}, not {shown(tags)}')
    if len(tags) > _MOST:
        raise BadInput(f"{where}: {_MOST} codes are the most, not {len(tags)}")
    return {_name(name, where): _code(name, code, where) for name, code in tags.items()}


def _name(name: object, where: str) -> str:
    if isinstance(name, str) and _NAME.fullmatch(name):
        return str.__str__(name)
    raise BadInput(f"{where}: {shown(name)} names no code: letters, digits, . _ and -, at most 40")


def _code(name: object, code: object, where: str) -> str:
    # A number would lose what a code is made of: 1234.50 is not 1234.5.
    if not isinstance(code, str):
        raise BadInput(f'{where}: write the code in quotes, like {name} = "1234.5", not {shown(code)}')
    code = str.__str__(code)
    if not code.strip() or len(code) > _LONGEST or one_line(code) != code:
        raise BadInput(f"{where}: {name} is a code of 1 to {_LONGEST} characters, not {shown(code)}")
    return storable(code)


def text_of(tags: Mapping[str, str]) -> str | None:
    """The codes as one text, always the same for the same codes; None where there are none."""
    if not tags:
        return None
    return json.dumps(dict(sorted(tags.items())), ensure_ascii=False, separators=(",", ":"))


def read(text: str | None) -> dict[str, str]:
    """The codes of such a text; none of one that is damaged."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: code for name, code in found.items() if isinstance(code, str)}
