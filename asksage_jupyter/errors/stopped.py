"""What a person stopped, or what ended before its end."""

from __future__ import annotations

from typing import Any

from .base import AskSageError


class Interrupted(AskSageError):
    """The person stopped a call that was under way; its hold stays open.

    Attributes
    ----------
    reply : object
        The ``Reply`` with the text that had arrived.
    """

    def __init__(self, reply: Any, message: str) -> None:
        self.reply = reply
        super().__init__(message)


class JobStopped(AskSageError):
    """A map over a table ended before its end; running it again goes on where it stopped.

    Attributes
    ----------
    result : object
        The ``Mapped`` with every row, those that were not sent too.
    """

    def __init__(self, result: Any, message: str) -> None:
        self.result = result
        super().__init__(message)
