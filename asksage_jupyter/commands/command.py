"""A command: how it is written, what reads its options, what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from ..display.page import Page
from ..errors import BadInput
from ..prompting import Option, Parser

Names = tuple[Mapping[str, object], Mapping[str, object]]
_NO_NAMES: Names = ({}, {})


class Notice(str):
    """Words that are not quiet."""

    __slots__ = ()


class Quiet(str):
    """Words that belong to what is shown above them."""

    __slots__ = ()


class Told(Page):
    """Words, and the figures in them.

    Attributes
    ----------
    found : mapping
        What a program reads instead.
    """

    found: Mapping[str, object]

    def __new__(cls, words: str, **found: object) -> Self:
        """Say `words` of what was found."""
        told = super().__new__(cls, words)
        told.html = words.html if isinstance(words, Page) else Page.of(words).html
        told.found = found
        return told


@dataclass(frozen=True)
class Command:
    """What can be said after ``%asksage`` and ``asksage-jupyter``.

    Attributes
    ----------
    name : str
    arguments : str
        How what follows the name is written.
    summary : str
        What it does, in one line without an end.
    do : callable
        Takes the words and, by their names, the options; or where `is_text` the text and the ``{name}``s of
        whoever speaks. Yields what there is to say, in its order: records that show themselves, words,
        `Notice`, `Quiet` and `Told`.
    options : tuple of Option
    words : int or None
        How many words may stand beside the options; None for any number.
    is_text : bool
        Whether what follows is a text, which may speak of options itself.
    needs_notebook : bool
    read_by : callable or None
        Makes the parser of its usage, where the options are not its own.
    """

    name: str
    arguments: str
    summary: str
    do: Callable[..., Iterator[object]]
    options: tuple[Option, ...] = ()
    words: int | None = 0
    is_text: bool = False
    needs_notebook: bool = False
    read_by: Callable[[str], Parser] | None = None

    @property
    def usage(self) -> str:
        """How it is written, from its name on."""
        return f"{self.name} {self.arguments}".rstrip()

    @property
    def own_options(self) -> list[str]:
        """What its own options are called."""
        return [name for names, _ in self.options for name in names]

    @cached_property
    def parser(self) -> Parser:
        """What reads its options."""
        usage = f"%asksage {self.usage}"
        return self.read_by(usage) if self.read_by else Parser(usage, self.options)

    def run(self, rest: str, names: Names = _NO_NAMES) -> Iterator[object]:
        """Do it, and say what comes of it.

        Parameters
        ----------
        rest : str
            What follows the name.
        names : tuple of two mappings
            What ``{name}`` may mean, and what of it is hidden: as of `prompting.expand`.

        Raises
        ------
        BadInput
            An option, a value or a word that is not allowed.
        AskSageError
        """
        if self.is_text:
            return self.do(rest, names)
        options, words = self.parser.read(rest)
        if self.words is not None and len(words) > self.words:
            raise BadInput(
                f"%asksage {self.name} takes {self._taken}, not {' '.join(words)!r}: %asksage {self.usage}"
            )
        return self.do(words, **options)

    @property
    def _taken(self) -> str:
        if self.words:
            return "one word at most"
        return "options only" if self.options else "nothing after it"
