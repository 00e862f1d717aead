"""A kernel's questions and answers, kept so that they can be sent again: a hundred, and not more than fit."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from ..errors import BadInput

KEPT = 100
LARGEST = 2**20  # characters in all; no model takes more at once


class Exchange(NamedTuple):
    """One question, its whole answer, and the model that was asked."""

    question: str
    answer: str
    model: str


class Exchanges:
    """The last ones of a kernel; its repr shows nothing of them."""

    def __init__(self) -> None:
        self._kept: deque[Exchange] = deque()
        self._size = 0
        self._has_let_go = False

    def add(self, exchange: Exchange) -> None:
        """Keep one more, and let go of the oldest that do not fit with it."""
        if len(self._kept) == KEPT:
            self._size -= _size_of(self._kept.popleft())
        self._kept.append(exchange)
        self._size += _size_of(exchange)
        while self._size > LARGEST:
            self._size -= _size_of(self._kept.popleft())
            self._has_let_go = True

    @property
    def latest(self) -> Exchange | None:
        """The last one, where it is kept."""
        return self._kept[-1] if self._kept else None

    def last(self, number: int) -> tuple[tuple[str, str], ...]:
        """The last `number`, or all there were, oldest first, as (question, answer).

        Raises
        ------
        BadInput
            One of them was too long to be kept.
        """
        kept = len(self._kept)
        if number > kept and self._has_let_go:
            most = f"history={kept} is the most" if kept else "the last one alone is longer"
            raise BadInput(
                f"no more than {LARGEST:,} characters of this notebook are kept to send again: {most}"
            )
        return tuple((each.question, each.answer) for each in list(self._kept)[kept - min(number, kept) :])


def _size_of(exchange: Exchange) -> int:
    return len(exchange.question) + len(exchange.answer)
