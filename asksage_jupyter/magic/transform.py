"""Lines that IPython would take for something else before the magic hears of them."""

from __future__ import annotations

import re
import tokenize
from typing import TYPE_CHECKING, Self

from IPython.core.inputtransformer2 import EscapedCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLUGIN = re.compile(r"%%asksage\s((?:.*\s)?--plugin[\s=].*)\s*")
_HELP = re.compile(r"%%asksage(_train)?\s(?:.*\s)?(?:-h|--help)\s*")
_OF_ITSELF = re.compile(r"%asksage\s*\?{1,2}\s*")
_BEFORE_HELP = 4  # IPython's own priority of ``name?`` is 5


def transform(lines: list[str]) -> list[str]:
    """Rewrite a cell of one line that is a whole one.

    ``%%asksage -h`` is refused for having no lines below it, as is a plugin whose values all stand on its
    line.
    """
    if len(lines) == 1 and (found := _HELP.fullmatch(lines[0])):
        return [f"get_ipython().run_line_magic('asksage', 'help {'train' if found[1] else 'cell'}')\n"]
    if len(lines) == 1 and (found := _PLUGIN.fullmatch(lines[0])):
        return [f"get_ipython().run_cell_magic('asksage', {found[1].strip()!r}, '\\n')\n"]
    return lines


class Line(EscapedCommand):
    """``%asksage Why is it blue?``, wherever it stands: IPython would look up ``blue``."""

    priority = _BEFORE_HELP

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[tokenize.TokenInfo]]) -> Self | None:
        """The first line that is one, by its tokens, and so never within a string."""
        for tokens in tokens_by_line:
            first = next((n for n, token in enumerate(tokens) if token.string.strip()), len(tokens))
            if _is_ours(tokens[first : first + 2]):
                return cls(tokens[first].start)
        return None


def _is_ours(tokens: Sequence[tokenize.TokenInfo]) -> bool:
    if [token.string for token in tokens] != ["%", "asksage"] or tokens[0].end != tokens[1].start:
        return False
    return not _OF_ITSELF.fullmatch(tokens[0].line[tokens[0].start[1] :])
