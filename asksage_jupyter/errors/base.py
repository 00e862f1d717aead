"""The root of the tree, and what the person gave or set."""

from __future__ import annotations

from textwrap import TextWrapper
from typing import Any

from ..display.plain import plain

_BOLD, _NOT_BOLD = "\x1b[1m", "\x1b[22m"
# As wide as a page that LaTeX makes of a notebook, and no wider than a terminal.
_BY_WORDS = TextWrapper(76, break_long_words=False, break_on_hyphens=False)


class AskSageError(Exception):
    """Base of all expected errors; renders as one line in IPython."""

    def _render_traceback_(self) -> list[str]:
        # IPython calls this instead of printing frames: the message says what to do, and frames
        # could show locals that hold a prompt. A message may quote the service. Front ends break a long line
        # within its words, or not at all; by the bold name our style sheet knows it and lets it flow.
        name = type(self).__name__
        lines = plain(f"{name}: {self}").split("\n")
        told = "\n".join(map(_BY_WORDS.fill, lines))
        return [f"{_BOLD}{name}{_NOT_BOLD}{told.removeprefix(name)}"]

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled as its class and its message, which is not what `__init__` takes here: a
        # pool of processes would wait for ever for one that cannot be made again.
        return _made_again, (type(self), self.args), self.__dict__


def _made_again(kind: type[AskSageError], args: tuple[Any, ...]) -> AskSageError:
    error = kind.__new__(kind)
    error.args = args
    return error


class BadInput(AskSageError):
    """An option, value or file that cannot be used; the message says what is allowed.

    Attributes
    ----------
    argument : str or None
        Which one it is, by its name; None where it is not one alone.
    """

    def __init__(self, message: str, argument: str | None = None) -> None:
        self.argument = argument
        super().__init__(message)


class NoSuchModel(BadInput):
    """A model that the tenant does not offer."""


class ConfigurationError(AskSageError):
    """A setting or credential is missing or unsafe."""


class NoKey(ConfigurationError):
    """Neither an Ask Sage key nor the local demo is configured."""
