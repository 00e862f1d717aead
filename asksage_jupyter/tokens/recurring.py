"""Counts of text whose lines come again, as in tables and logs: each is encoded once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

# A line ends where a newline is a cut (`cuts`).
lines = re.compile(r"[^\n]*\n(?:[^\S\n][^\n]*\n?|/[^\n]*\n?|\n)*|[^\n]+").findall

_MOST = 1 << 23  # characters kept, of which each line takes _OWN more than it has: some 15 MB
_OWN = 64
_MOSTLY = 0.25  # the share of new text, of late, at which lines are looked for no more
_LATE = 16  # texts


class _Known(dict[str, int]):
    """Counts of lines, each made when it is first asked for; forgotten when there are too many.

    Attributes
    ----------
    added : int
        How many characters the lines had of which a count was made.
    """

    def __init__(self, count_line: Callable[[str], int]) -> None:
        super().__init__()
        self._count_line = count_line
        self.added = self._size = 0

    def __missing__(self, line: str) -> int:
        tokens = self._count_line(line)
        self.added += len(line)
        self._size += len(line) + _OWN
        if self._size > _MOST:
            self.clear()
            self._size = 0
        self[line] = tokens
        return tokens


def count_while_lines_recur(texts: Iterable[str], count_text: Callable[[str], int]) -> int:
    """The tokens of those of `texts` that are taken: all, if their lines are not mostly new."""
    known, counted, new = _Known(count_text), 0, 0.0
    for text in texts:
        before = known.added
        counted += sum(map(known.__getitem__, lines(text)))
        new += ((known.added - before) / max(1, len(text)) - new) / _LATE
        if new > _MOSTLY:
            break
    return counted
