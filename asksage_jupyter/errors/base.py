"""The root of the tree, and what the person gave or set."""

from __future__ import annotations

from textwrap import TextWrapper
from typing import Any

from ..display.plain import plain

# As wide as a cell of JupyterLab between its two sidebars.
_BY_WORDS = TextWrapper(88, break_long_words=False, break_on_hyphens=False)


class AskSageError(Exception):
    """Base of all expected errors; renders as one line in IPython."""

    def _render_traceback_(self) -> list[str]:
        # IPython calls this instead of printing frames: the message says what to do, and frames
        # could show locals that hold a prompt. A message may quote the service. Front ends break a long line
        # within its words, or not at all.
        lines = plain(f"{type(self).__name__}: {self}").split("\n")
        return ["\n".join(map(_BY_WORDS.fill, lines))]

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled as its class and its message, which is not what `__init__` takes here: a
        # pool of processes would wait for ever for one that cannot be made again.
        return _made_again, (type(self), self.args), self.__dict__


def _made_again(kind: type[AskSageError], args: tuple[Any, ...]) -> AskSageError:
    error = kind.__new__(kind)
    error.args = args
    return error


class BadInput(AskSageError):
    """An option, value or file that cannot be used; the message says what is allowed."""


class ConfigurationError(AskSageError):
    """A setting or credential is missing or unsafe."""


class NoKey(ConfigurationError):
    """Neither an Ask Sage key nor the local demo is configured."""
