"""Limits that end with a block or a kernel: no ledger keeps them, as it keeps an envelope."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..errors import OverEnvelope
from . import given

if TYPE_CHECKING:
    from ..settings import AskSage


class Budget:
    """Ask Sage tokens that several calls may cost together; each takes its estimate before it is held.

    Parameters
    ----------
    words : str
        What a refusal calls it.
    tokens : int
        The limit.
    told_by : str
        Where it stands, for whoever it refuses.
    is_soft : bool
        Whether it only warns.
    """

    def __init__(self, words: str, tokens: int, told_by: str, *, is_soft: bool = False) -> None:
        self.words, self.tokens, self.told_by, self.is_soft = words, tokens, told_by, is_soft
        self._used = 0
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """What is neither spent nor held; below zero where more was billed."""
        return self.tokens - self._used

    def hold(self, op: str, tokens: int) -> None:
        """Set a call's estimate aside.

        Raises
        ------
        OverEnvelope
            Less is left.
        """
        with self._lock:
            if tokens > self.left and not self.is_soft:
                raise OverEnvelope(self.words, tokens, self.left, self.told_by)
            self._held[op] = tokens
            self._used += tokens

    def settle(self, op: str, tokens: int) -> None:
        """End what is set aside for a call, if anything is, with what it was billed."""
        with self._lock:
            if op in self._held:
                self._used += tokens - self._held.pop(op)


_budgets: ContextVar[tuple[Budget, ...]] = ContextVar("asksage_budgets", default=())
_said: dict[str, Budget] = {}  # by their kinds, in this kernel
_of_kernel = Budget("the envelope of this run", 0, "ASKSAGE_ENVELOPE")


@contextmanager
def budget(tokens: int) -> Iterator[None]:
    """Let the calls of a block spend no more than so many Ask Sage tokens together.

    ::

        with asksage_jupyter.budget(20_000):
            for text in texts:
                asksage_jupyter.ask(f"Summarise: {text}")

    It is held call by call: the first that does not fit is refused, and nothing of it is sent. Blocks within
    blocks must both fit. Only the inference meter is bounded.

    Raises
    ------
    BadInput
        It is no number of tokens.
    """
    limit = given.whole(tokens, "a budget")
    with spending_of(Budget("the budget of this block", limit, f"budget({limit:,})")):
        yield


@contextmanager
def spending_of(bound: Budget) -> Iterator[None]:
    """Let the calls of a block fit this budget too."""
    token = _budgets.set((*_budgets.get(), bound))
    try:
        yield
    finally:
        _budgets.reset(token)


def say(kind: str, budget: Budget) -> None:
    """Let the calls of this kernel fit a budget from now on; another one of its kind takes its place."""
    _said[kind] = budget


def unsay(kind: str) -> bool:
    """Take back what was said of that kind; whether anything was."""
    return _said.pop(kind, None) is not None


def budgets(settings: AskSage) -> tuple[Budget, ...]:
    """Those that an inference call must fit here and now: of this kernel, and of the blocks it is in."""
    found = (*_said.values(), *_budgets.get())
    name, _, limit = settings.envelope.rpartition("=")
    if name or not limit:
        return found
    _of_kernel.tokens = given.figure(limit)
    return (_of_kernel, *found)
