"""A magic's line: its words and options, and one line on what is wrong with them."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from ..errors import BadInput

# A quote opens at a word's beginning or after --option= or name=, and closes before white space: a backslash
# or an apostrophe within a word is just itself, so Windows paths and "don't" need no care, on any platform.
_WORD = re.compile(r"""((?:--)?[\w-]+=)?(["'])(.*?)\2(?=\s|$)|\S+""")
_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?")


def split(line: str) -> list[str]:
    """The words of a line; quotes hold words together, a backslash is an ordinary character.

    Raises
    ------
    BadInput
        A quote is not closed.
    """
    words = []
    for found in _WORD.finditer(line):
        before, quote, inside = found.groups()
        word = found[0] if quote is None else (before or "") + inside
        if quote is None and re.match(r"(--[\w-]+=)?[\"']", word):
            raise BadInput(f"the quote before {word[:20]!r} is not closed on the magic's line")
        words.append(word)
    return words


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one line instead of an exit, and what completion offers.

    Parameters
    ----------
    usage : str
        How the line is written.
    allowed : mapping of str to tuple of str
        The values of those options that have few, by the names they are kept under.
    """

    def __init__(self, usage: str, allowed: Mapping[str, tuple[str, ...]] | None = None) -> None:
        super().__init__(
            usage=usage.replace("%", "%%"),
            add_help=False,
            allow_abbrev=False,
            formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=28, width=104),
        )
        self._allowed = allowed or {}

    def error(self, message: str) -> NoReturn:
        told = message.removeprefix("argument ")
        raise BadInput(told.replace("expected one argument", "its value is missing"))

    def read(self, line: str) -> tuple[dict[str, Any], list[str]]:
        """The options by their names, and the words that are not options.

        Raises
        ------
        BadInput
            An option or value that is not allowed; the message says which are.
        """
        known, rest = self.parse_known_args(split(line))
        for word in rest:
            if _OPTION.fullmatch(word):
                raise BadInput(self._unknown(word.partition("=")[0]))
        return vars(known), rest

    def names(self) -> list[str]:
        """All options, short and long, in the order of the help."""
        return list(self._by_name())

    def values(self, option: str) -> tuple[str, ...] | None:
        """The values that `option` may have: empty if too many to list, None if it takes none.

        Raises
        ------
        KeyError
            There is no such option.
        """
        action = self._by_name()[option]
        return None if action.nargs == 0 else self._allowed.get(action.dest, ())

    def describe(self) -> str:
        """The options and what they mean, for people."""
        return self.format_help().strip()

    def _by_name(self) -> dict[str, argparse.Action]:
        return {name: action for action in self._actions for name in action.option_strings}

    def _unknown(self, option: str) -> str:
        long = [name for name in self.names() if name.startswith("--")]
        near = difflib.get_close_matches(option.lower(), long, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"there is no option {option}; {hint}allowed are {', '.join(long)}"
