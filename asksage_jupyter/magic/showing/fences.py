"""Fenced code in Markdown: finding the first block of a reply, and fencing a text."""

from __future__ import annotations

import re
import textwrap

# CommonMark: a block ends at a fence of the same character, at least as long, or with the text.
_BLOCK = re.compile(
    r"^[ \t]*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})[^\n]*\n(?P<inside>.*?)(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)


def first_block(text: str) -> str | None:
    """What stands in the first fenced code block; None when there is none."""
    found = _BLOCK.search(text)
    return textwrap.dedent(found["inside"]).strip("\n") if found else None


def fenced(text: str, language: str) -> str:
    """`text` as a fenced code block, whatever fences it holds itself."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
