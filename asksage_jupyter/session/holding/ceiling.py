"""What an account's organisation leaves it: a second bound, where it is below the account's own limit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...account import Meter
from ...beside import read, write
from ...errors import NotEnoughTokens
from ...month import to_instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...account import Balance, Call, MeterBalance

_WHOSE = "your organisation's pool"


class Ceiling:
    """Inference tokens that may be used in all this month, as the service's tokens left last told it.

    It is no plan, and no ledger keeps it: others spend from the same pool, so it is true only for a while.
    It is kept in a file beside the ledger, so that a kernel that is started anew, and those beside it, know.

    Parameters
    ----------
    path : callable
        Returns the account's file, which is there only while there is a bound.
    """

    def __init__(self, path: Callable[[], Path]) -> None:
        self._path = path
        self._unwritten: tuple[int, int] | None = None

    def heard(self, left: int | None, inference: MeterBalance) -> None:
        """Take note of what the service says is left, beside what the ledger has."""
        total = None if left is None else max(0, left) + inference.used
        binds = total is not None and inference.granted is not None and total < inference.granted
        bound = (total, to_instant(inference.resets_at)) if total is not None and binds else None
        try:
            if bound is None:
                self._path().unlink(missing_ok=True)
            else:
                write(self._path(), bound)
            self._unwritten = None
        except OSError:
            self._unwritten = bound  # in this kernel at least

    @property
    def is_near(self) -> bool:
        """Whether there is a bound at all."""
        return self._told() is not None

    def under(self, balance: Balance) -> Balance:
        """The balance with the bound on it."""
        inference = balance.inference
        total, until = self._told() or (0, None)
        if until != to_instant(inference.resets_at):
            return balance
        bound = total - inference.used - inference.held
        return replace(balance, inference=replace(inference, bound=bound))

    def _told(self) -> tuple[int, int] | None:
        """The bound, and until when it is one."""
        if self._unwritten is not None:
            return self._unwritten
        try:
            path = self._path()
        except OSError:
            return None
        match read(path):
            case [int(total), int(until)]:
                return total, until
        return None

    def refuse(self, call: Call, balance: Balance) -> None:
        """Refuse a call that the bound does not reach for.

        Raises
        ------
        NotEnoughTokens
        """
        inference = self.under(balance).inference
        if call.meter is Meter.INFERENCE and inference.bound is not None and call.estimate > inference.bound:
            resets_at = inference.resets_at
            raise NotEnoughTokens(call.meter.value, call.estimate, inference.bound, resets_at, short=_WHOSE)
