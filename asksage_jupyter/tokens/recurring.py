r"""Counts of text whose lines or words come again, as in tables and logs: each is encoded once.

A line ends where a newline is a cut (`cuts`). A word, with all that stands before it, ends after a letter
or a digit where one is followed by the other or by ASCII's or full-width punctuation or white space: what a
pattern has begun there, it ends there. An apostrophe or anything else joins it to what follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from .cuts import LETTER, WIDE_PUNCTUATION

_WORD = rf"[^{LETTER}0-9]*(?:[{LETTER}]+|[0-9]+)"
_JOINT = rf"[^\x00-&(-\x7f{LETTER}{WIDE_PUNCTUATION}]"
words = re.compile(rf"{_WORD}(?:{_JOINT}(?:{_WORD}|[^{LETTER}0-9]*\Z))*|[^{LETTER}0-9]+").findall
lines = re.compile(r"[^\n]*\n(?:[^\S\n][^\n]*\n?|/[^\n]*\n?|\n)*|[^\n]+").findall

_MOST = 1 << 23  # characters kept, of which each unit takes _OWN more than it has: some 15 MB
_OWN = 64
_PAYS = 0.2  # the share of new text up to which looking words up is quicker than encoding
_MOSTLY = 0.25  # the share of new text, of late, at which lines are looked for no more
_LATE = 16  # texts
_REST = 31  # how many texts at most are encoded plainly before another try


class Recurring(dict[str, int]):
    """Counts of units, each made when it is first asked for; forgotten when there are too many.

    Attributes
    ----------
    new : float
        The share of the text counted last that stood in units which were not known then.
    """

    def __init__(self, split: Callable[[str], list[str]], count_unit: Callable[[str], int]) -> None:
        super().__init__()
        self.new = 0.0
        self._split, self._count_unit = split, count_unit
        self._size = self._added = self._rest = self._rests = 0

    def count(self, text: str) -> int:
        """The tokens of `text`."""
        self._added = 0
        tokens = sum(map(self.__getitem__, self._split(text)))
        self.new = self._added / max(1, len(text))
        return tokens

    def count_as_it_pays(self, text: str) -> int:
        """The tokens of `text`, for a while without looking for units after a text that was mostly new."""
        if self._rest:
            self._rest -= 1
            return self._count_unit(text)
        tokens = self.count(text)
        self._rest = self._rests = 0 if self.new <= _PAYS else min(2 * self._rests + 1, _REST)
        return tokens

    def __missing__(self, unit: str) -> int:
        tokens = self._count_unit(unit)
        self._added += len(unit)
        self._size += len(unit) + _OWN
        if self._size > _MOST:
            self.clear()
            self._size = 0
        self[unit] = tokens
        return tokens


def count_while_lines_recur(texts: Iterable[str], count_text: Callable[[str], int]) -> int:
    """The tokens of those of `texts` that are taken: all, if their lines are not mostly new."""
    known, counted, new = Recurring(lines, count_text), 0, 0.0
    for text in texts:
        counted += known.count(text)
        new += (known.new - new) / _LATE
        if new > _MOSTLY:
            break
    return counted
