"""A magic's line: its words and options, and one line on what is wrong with them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from ..display.page import Code, Listing, Page
from ..display.plain import brief
from ..errors import BadInput
from ..session.near import did_you_mean

# A quote opens at a word's beginning or after --option= or name=, and closes before white space: a backslash
# or an apostrophe within a word is just itself, so Windows paths and "don't" need no care, on any platform.
# Only pairs of a backslash and the quote are quotes within; a word processor's own quotes are quotes too.
_NAME = r"((?:--)?[\w-]+=)?"
_INNER = r"(?:(?!\2)[^\\]|\\(?!\2))*"
_ESCAPED = re.compile(rf"""{_NAME}(["'])({_INNER}(?:\\\2{_INNER}\\\2{_INNER})+)\2(?=\s|$)""")
_WORD = re.compile(_NAME + r"""(?:(["'])(.*?)\2(?=\s|$)|[“„](.*?)[”“](?=\s|$)|[‘‚](.*?)[’‘](?=\s|$))|\S+""")
_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?")


def split(line: str) -> list[str]:
    """The words of a line; quotes hold words together, a backslash is an ordinary character.

    Raises
    ------
    BadInput
        A quote is not closed.
    """
    return [word for word, _ in words_at(line)]


def words_at(line: str) -> list[tuple[str, int]]:
    """The words of a line, each with where in it the word begins.

    Raises
    ------
    BadInput
        As of `split`.
    """
    words, at = [], 0
    while begins := re.compile(r"\S").search(line, at):
        if found := _ESCAPED.match(line, begins.start()):
            inside = found[3].replace("\\" + found[2], found[2])
        elif found := _WORD.match(line, begins.start()):
            inside = next((part for part in found.groups()[2:] if part is not None), None)
            if inside is None and re.match(r"(--[\w-]+=)?[\"'“„]", found[0]):
                raise BadInput(f"the quote before {found[0][:20]!r} is not closed on the magic's line")
        else:
            break
        words.append((found[0] if inside is None else (found[1] or "") + inside, begins.start()))
        at = found.end()
    return words


class Option(NamedTuple):
    """An option as argparse takes it."""

    names: tuple[str, ...]
    how: dict[str, Any]


def option(*names: str, **how: Any) -> Option:
    """An option, told as to `argparse.ArgumentParser.add_argument`."""
    return Option(names, how)


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one line instead of an exit, and what completion offers.

    Parameters
    ----------
    usage : str
        How the line is written.
    options : sequence of Option
    """

    def __init__(self, usage: str, options: Sequence[Option] = ()) -> None:
        super().__init__(
            usage=usage.replace("%", "%%"),
            add_help=False,
            allow_abbrev=False,
            formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=28, width=104),
        )
        for names, how in options:
            self.add_argument(*names, **how)

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

    def read_before_text(
        self, line: str, leads: Callable[[str], bool]
    ) -> tuple[dict[str, Any], list[str], str]:
        """As `read`, of a line that ends in a text, which may speak of options itself.

        Parameters
        ----------
        leads : callable
            Whether a word, the first that is no option's, still stands before the text.

        Returns
        -------
        tuple
            The options, the word that leads, if any, and the text as it is. Options may also stand behind a
            text in quotes.
        """
        words = words_at(line)
        names, leading, n = set(self.names()), list[str](), 0
        while n < len(words):
            word, at = words[n]
            option = word.partition("=")[0]
            if line.startswith("-", at) and _OPTION.fullmatch(word):
                n += 1 if "=" in word or option not in names or self.values(option) is None else 2
            elif not leading and n + 1 < len(words) and leads(word):
                leading.append(word)
                n += 1
            else:
                break
        if n >= len(words):
            return self.read(line)[0], leading, ""
        word, at = words[n]
        behind = line[words[n + 1][1] :] if n + 1 < len(words) else ""
        if not line.startswith(word, at) and all(name.startswith("-") for name, _ in words[n + 1 : n + 2]):
            return self.read(f"{line[:at]} {behind}")[0], leading, word
        return self.read(line[:at])[0], leading, line[at:].strip()

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
        return None if action.nargs == 0 else getattr(action.type, "allowed", ())

    def is_path(self, option: str) -> bool:
        """Whether an option's value is a file's."""
        return self._by_name()[option].metavar == "PATH"

    def meanings(self) -> dict[str, str]:
        """What each option means, by its names."""
        return {name: action.help or "" for name, action in self._by_name().items()}

    def describe(self, above: str = "", below: Page | None = None) -> Page:
        """The options and what they mean, for people, between words of somebody else's."""
        words = "\n\n".join(filter(None, (above, self.format_help().strip(), below)))
        usage = Code(self.format_usage().partition(":")[2].strip())
        return Page.of(words, *filter(None, [above, usage]), *self._listings(), *filter(None, [below]))

    def _listings(self) -> Iterator[Listing]:
        for group in self._action_groups:
            rows = [(_written(action), action.help or "") for action in group._group_actions]
            if rows:
                yield Listing(group.title or "", tuple(rows))

    def _by_name(self) -> dict[str, argparse.Action]:
        return {name: action for action in self._actions for name in action.option_strings}

    def _unknown(self, option: str) -> str:
        long = [name for name in self.names() if name.startswith("--")]
        allowed = f"allowed are {', '.join(long)}" if long else "none is allowed here"
        return f"there is no option {brief(option)}; {did_you_mean(option, long)}{allowed}"


def _written(action: argparse.Action) -> str:
    """An option with its value, after all its names."""
    value = [] if action.nargs == 0 else [str(action.metavar or action.dest.upper())]
    return " ".join([", ".join(action.option_strings), *value])
