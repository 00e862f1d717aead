"""Text of somebody else's as plain text: nothing in it steers a terminal or reorders a line."""

from __future__ import annotations

import re

# ANSI and OSC sequences whole, so that no rest of them is read as words; of one that does not end, its start.
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]{0,8}[0-~]?"
)
# Other controls, and what makes a line read in another order than it is: embeddings, overrides, isolates.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text as any database takes it; bytes of a name that are no UTF-8 are written out."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def plain(text: str) -> str:
    """The text as it may be shown: without controls but tab and line feed; lone surrogates are U+FFFD."""
    text = text.replace("\r\n", "\n")
    return _SURROGATE.sub("\ufffd", _UNSEEN.sub("", _SEQUENCE.sub("", text)))


def one_line(text: str) -> str:
    """A name as it may be shown within a line or a table's cell."""
    return " ".join(plain(text).split())
