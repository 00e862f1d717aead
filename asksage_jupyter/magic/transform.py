"""Three kinds of line that IPython would take for something else before the magic hears of them."""

from __future__ import annotations

import re

_QUESTION = re.compile(r"\s*%asksage\s+(estimate\s.*\?)\s*")
_PLUGIN = re.compile(r"%%asksage\s((?:.*\s)?--plugin[\s=].*)\s*")
_HELP = re.compile(r"%%asksage\s(?:.*\s)?(?:-h|--help)\s*")


def transform(lines: list[str]) -> list[str]:
    """Rewrite a cell's lines that are not what they seem.

    ``%asksage estimate Why is it blue?`` would look up ``blue``, and ``%%asksage -h`` is refused for having
    no lines below it, as is a plugin whose values all stand on its line.
    """
    if len(lines) == 1 and _HELP.fullmatch(lines[0]):
        return [_call("help cell")]
    if len(lines) == 1 and (found := _PLUGIN.fullmatch(lines[0])):
        return [f"get_ipython().run_cell_magic('asksage', {found[1].strip()!r}, '\\n')\n"]
    rewritten = list(lines)
    for number, line in enumerate(lines):
        # Only ahead of all code: further down it may be the text of a string.
        if line.strip() and not re.match(r"\s*(#|%(?!%)|!)", line):
            break
        if found := _QUESTION.fullmatch(line):
            rewritten[number] = _call(found[1])
    return rewritten


def _call(line: str) -> str:
    return f"get_ipython().run_line_magic('asksage', {line!r})\n"
