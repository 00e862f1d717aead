"""Text of somebody else's as plain text: nothing in it steers a terminal or reorders a line."""

from __future__ import annotations

import os
import re
from pathlib import Path

# ANSI and OSC sequences whole, so that no rest of them is read as words; of one that does not end, its start.
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]{0,8}[0-~]?"
)
# Other controls, and what makes a line read in another order than it is: embeddings, overrides, isolates.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")

# What a spreadsheet takes for the start of a formula, the wide signs of East Asia too; our numbers are none.
_FORMULA = re.compile("(?!-?[0-9.]+$)[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")

# What this package itself writes beyond ASCII, as letters that every code page has.
_LETTERS = {
    "−": "-", "–": "-", "—": "-", "·": "-", "…": "...", "›": ">", "→": "->", "×": "x", "≈": "~",
    "“": '"', "”": '"', "‘": "'", "’": "'", "█": "#", "▓": "+", "░": ".", "\u00a0": " ", "\u202f": " ",
}  # fmt: skip


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


def from_home(path: str) -> str:
    """A file's path as a person reads it, within a line: from ``~`` where it is in the home folder."""
    home = f"{Path.home()}{os.sep}"
    return one_line(f"~{os.sep}{path.removeprefix(home)}" if path.startswith(home) else path)


def no_formula(text: str) -> str:
    """The text as a spreadsheet shows it, and does not work it out."""
    return f"'{text}" if _FORMULA.match(text) else text


def brief(word: str, *, at_most: int = 40) -> str:
    """A word that somebody wrote, within a sentence: so much of it as tells which it is."""
    word = one_line(word)
    return word if len(word) <= at_most else f"{word[:at_most]}…"


class Short(str):
    """A name with its middle left out.

    Attributes
    ----------
    whole : str
    """

    __slots__ = ("whole",)
    whole: str


def shortened(name: str, length: int = 30) -> str:
    """The name with its middle left out, where it is longer than `length`: both ends tell most."""
    if len(name) <= length:
        return name
    head = (length - 1) // 3
    short = Short(f"{name[:head]}…{name[-(length - 1 - head) :]}")
    short.whole = name
    return short


def shown(value: object, *, at_most: int = 40) -> str:
    """A value somebody gave, in a few words: of what is no text or number, whose words may fail, its kind."""
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, int) and abs(int(value)) < 2**63:
        return int.__repr__(value)
    if isinstance(value, str):
        whole = str.__str__(value)
        return repr(whole if len(whole) <= at_most else f"{whole[:at_most]}…")
    return f"a value of type {type(value).__name__}"


def told(error: BaseException) -> str:
    """What an error says, in a line; its kind where it says nothing, or fails at it."""
    try:
        words = one_line(str(error))
    except Exception:  # noqa: BLE001  somebody else's code
        words = ""
    return words or type(error).__name__


def many(number: int, one: str, more: str = "") -> str:
    """How many of something: ``1 call``, ``1,200 calls``; `more` where the plural is not `one` with an s."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"


def interval(low: int | None, high: int | None) -> str:
    """Between which figures one lies, behind it: `` (4 to 870)``; nothing where they are one or not known."""
    return "" if low is None or high is None or low == high else f" ({low:,} to {high:,})"


def in_letters(sign: str) -> str:
    """What stands for a sign where only the letters of every code page can be written."""
    return _LETTERS.get(sign, "?")


def in_terminal(words: str) -> str:
    """Words that name the magic, as they are said in a terminal."""
    return re.sub(r"(?<!%)%asksage\b(?!_)", "asksage-jupyter", words)
