"""What a person may have meant by a name that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

_AT_MOST = 3
_SHORTEST = 3  # characters; fewer are in too many names


def near(word: str, names: Mapping[str, str]) -> str:
    """A sentence after a blank with at most three of what `names` stand for; empty where none is near.

    Those that have `word` in their name, else those that are written much alike.
    """
    wanted = word.lower()
    by_name = {name.lower(): meant for name, meant in names.items()}
    holding = [meant for name, meant in by_name.items() if len(wanted) >= _SHORTEST and wanted in name]
    alike = [by_name[name] for name in difflib.get_close_matches(wanted, by_name, n=_AT_MOST)]
    found = list(dict.fromkeys(holding or alike))[:_AT_MOST]
    return f" Near it: {', '.join(found)}." if found else ""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """The question to put before all that is allowed, with a blank behind it; empty where none is near.

    The dashes of options make none like another.
    """
    names = {name.lstrip("-").lower(): name for name in allowed}
    alike = difflib.get_close_matches(word.lstrip("-").lower(), names, n=1)
    return f"did you mean {names[alike[0]]}? " if alike else ""
