"""Lines that IPython would take for something else before the magic hears of them."""

from __future__ import annotations

import re
import tokenize
from typing import TYPE_CHECKING, Self

from IPython.core.inputtransformer2 import EscapedCommand, MagicAssign

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLUGIN = re.compile(r"%%asksage\s((?:.*\s)?--plugin[\s=].*)\s*")
_HELP = re.compile(r"%%asksage(_train)?\s(?:.*\s)?(?:-h|--help)\s*")
_CELL = re.compile(r"\s*%%asksage(?:_train)?(?=\s|$)")
_BELOW_COMMENTS = (
    "raise __import__('asksage_jupyter.errors', fromlist=['errors']).BadInput("
    "'a prompt begins with its %%asksage line: take away the comment above it. Nothing was sent.')\n"
)
_OF_ITSELF = re.compile(r"%asksage\s*\?{1,2}\s*")
_SHOWS = "get_ipython().run_line_magic('asksage', "
_RETURNS = "get_ipython().find_line_magic('asksage').result("
_BEFORE_HELP = 4  # IPython's own priority of ``name?`` is 5


def transform(lines: list[str]) -> list[str]:
    """Rewrite a cell of one line that is a whole one, and one whose magic stands below comments.

    ``%%asksage -h`` is refused for having no lines below it, as is a plugin whose values all stand on its
    line. Below a comment IPython knows no magic of a cell, and complains of the prompt's words as of code.
    """
    first = next((n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), 0)
    if first and _CELL.match(lines[first]):
        return [_BELOW_COMMENTS]
    if len(lines) == 1 and (found := _HELP.fullmatch(lines[0])):
        return [f"get_ipython().run_line_magic('asksage', 'help {'train' if found[1] else 'cell'}')\n"]
    if len(lines) == 1 and (found := _PLUGIN.fullmatch(lines[0])):
        return [f"get_ipython().run_cell_magic('asksage', {found[1].strip()!r}, '\\n')\n"]
    return lines


class AssignedLine(EscapedCommand):
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


class Assigned(MagicAssign):
    """``x = %asksage usage``: here IPython would call what shows it, and `x` would be None."""

    priority = _BEFORE_HELP

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[tokenize.TokenInfo]]) -> Self | None:
        """The first assignment, if it is one of ours; IPython makes its own of those before."""
        found: Self | None = super().find(tokens_by_line)  # type: ignore[no-untyped-call]
        if found is None:
            return None
        begin = (found.start_line + 1, found.start_col)
        tokens = next(tokens for tokens in tokens_by_line if any(each.start == begin for each in tokens))
        first = next(n for n, token in enumerate(tokens) if token.start == begin)
        return found if _is_ours(tokens[first : first + 2]) else None

    def transform(self, lines: list[str]) -> list[str]:
        """The line with a call of what returns the result."""
        lines = super().transform(lines)
        lines[self.start_line] = lines[self.start_line].replace(_SHOWS, _RETURNS, 1)
        return lines


def _is_ours(tokens: Sequence[tokenize.TokenInfo]) -> bool:
    if [token.string for token in tokens] != ["%", "asksage"] or tokens[0].end != tokens[1].start:
        return False
    return not _OF_ITSELF.fullmatch(tokens[0].line[tokens[0].start[1] :])
