"""How a map may be sent: what a person says of it, checked."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import BadInput
from ...session import given

WHEN = ("leftover",)
_WORKERS = 64


@dataclass(slots=True)
class Terms:
    """How a map may be sent.

    Attributes
    ----------
    budget : int or None
        Ask Sage tokens of all its runs.
    sample : int or None
        Send so many and no more.
    mostly : float or None
        The share of rows, 0 to 1, that must be answered.
    workers : int
        Calls side by side, at the most.
    when : str or None
        ``"leftover"``: only from what will expire.
    fresh, resend_unknown : bool
        Whether what was answered before, and what is in doubt, is asked again.

    Raises
    ------
    BadInput
        A value that is not allowed.
    """

    budget: int | None = None
    sample: int | None = None
    mostly: float | None = None
    workers: int = 8
    fresh: bool = False
    resend_unknown: bool = False
    when: str | None = None

    def __post_init__(self) -> None:
        if self.budget is not None:
            self.budget = given.whole(self.budget, "budget")
        if self.sample is not None:
            self.sample = given.whole(self.sample, "sample", least=1)
        if self.mostly is not None:
            self.mostly = given.real(self.mostly, "mostly")
            if not 0 <= self.mostly <= 1:
                raise BadInput(f"mostly is a share from 0 to 1, not {self.mostly:g}. Nothing was sent.")
        self.workers = given.whole(self.workers, "workers", least=1)
        if self.workers > _WORKERS:
            raise BadInput(f"workers are 1 to {_WORKERS}, not {self.workers:,}. Nothing was sent.")
        if self.when is not None:
            self.when = given.one_of(self.when, WHEN, "when")
        self.fresh = given.yes(self.fresh, "fresh")
        self.resend_unknown = given.yes(self.resend_unknown, "resend_unknown")
