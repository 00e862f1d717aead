"""One month of an account, or another time, as figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..account import Account, Meter
    from ..ledger import MonthFigures, Verification
    from ..ledger.reads.divided import Section

# The columns of the calls by which a statement divides what was used.
GROUPINGS = ("model", "notebook", "project", "source")


@dataclass(frozen=True, slots=True)
class MeterMonth:
    """One meter's month, or another time.

    Attributes
    ----------
    figures : MonthFigures
    calls : int
        How many calls were settled or presumed.
    groups : mapping of str to tuple of Section
        What they used, by each of `GROUPINGS` and each billing code, as ``tag:wbs``; each sums to
        ``figures.calls``.
    """

    meter: Meter
    figures: MonthFigures
    calls: int
    groups: Mapping[str, tuple[Section, ...]]

    @property
    def is_empty(self) -> bool:
        """Whether the ledger knows nothing of this meter in this time."""
        figures = self.figures
        told = (figures.brought, figures.granted, figures.topped_up, figures.used, figures.corrections)
        return not (any(told) or figures.open_holds or self.calls)


@dataclass(frozen=True, slots=True, repr=False)
class AccountMonth:
    """An account's month, or another time, on both meters.

    Attributes
    ----------
    account : Account
    title : str
        Whose tokens these are.
    meters : tuple of MeterMonth
        Inference and training.
    verification : Verification
        What the ledger's own check found, and the head of its chains.
    """

    account: Account
    title: str
    meters: tuple[MeterMonth, ...]
    verification: Verification

    @property
    def period(self) -> str:
        """The month, like ``"2026-10"``; another time as ISO 8601 has it, ``"2026-10-01/2026-11-20"``."""
        return self.meters[0].figures.period
