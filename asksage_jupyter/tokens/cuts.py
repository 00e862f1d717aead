r"""Where text may be cut so that its parts' counts add up to its own, exactly.

A cut is exact when every piece of the pattern, in both encodings, ends there whatever stands around it:
no piece crosses it, and no piece before it looks past it. The patterns look ahead only after white space,
which gives these rules (a|b is a cut between a and b):

- ``x| ``   anything but white space, then a blank: a blank within a piece follows white space only;
- ``\n|x``   a newline, then anything but white space or ``/`` (o200k_base lets ``/`` follow newlines);
- ``x|,``   a letter, then punctuation other than an apostrophe (``'s`` may belong to its word);
- ``x|1``   ``1|x``   a letter and a digit, or a digit and punctuation.

Cutting at every line is not exact, nor is cutting after any newline.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

# Letters of scripts whose classes every Unicode version since 6 agrees on: Python, tiktoken and the text
# may each know a different one. Scripts with combining marks stay out.
LETTER = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0410-\u044f"
    "\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fcc\uac00-\ud7a3"
)
WIDE_PUNCTUATION = "\u3001\u3002\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"
_PUNCTUATION = rf"!-&(-/:-@\[-`{{-~{WIDE_PUNCTUATION}"
_CUT = (
    rf"(?<=\S)(?=[ \t])"
    rf"|(?<=\n)(?=[^\s/])"
    rf"|(?<=[{LETTER}0-9])(?=[{_PUNCTUATION}])"
    rf"|(?<=[{LETTER}])(?=[0-9])"
    rf"|(?<=[0-9])(?=[{LETTER}])"
)
_STEP = 512  # characters looked through at once, from the end: ordinary text has a cut in the last few


def chunks(blocks: Iterable[str], size: int) -> Iterator[str]:
    """The text of `blocks` in parts of about `size` characters whose counts add up.

    A part is longer than that only where the text has no place to cut.
    """
    rest: list[str] = []
    length = 0
    for block in blocks:
        if not block:
            continue
        length += len(block)
        # The character before `block` decides whether a cut is possible at its very start.
        before = rest[-1][-1] if rest else ""
        rest.append(block)
        if length < size:
            continue
        at = last_cut(before + block) - len(before)
        if at >= 0 and length - len(block) + at > 0:
            rest[-1] = block[:at]
            yield "".join(rest)
            rest = [block[at:]]
            length = len(rest[0])
    if length:
        yield "".join(rest)


@cache
def _cut() -> re.Pattern[str]:
    return re.compile(_CUT)  # for large texts alone


def last_cut(text: str) -> int:
    """Where `text` may be cut last, 1 to ``len(text) - 1``; -1 if nowhere."""
    end = len(text)
    while end > 0:
        start = max(0, end - _STEP)
        # One more on either side, as a cut is seen by the characters around it.
        at = -1
        for match in _cut().finditer(text, start, min(len(text), end + 1)):
            at = match.start()
        if at > 0:
            return at
        end = start
    return -1
