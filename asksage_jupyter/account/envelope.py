"""A limit inside an account, for a notebook, a project, a job or a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePath

from .records import ENVELOPE, Account

_FOR_EVER = 253_402_300_799_000_000  # the last second of the year 9999, in microseconds UTC


class Per(StrEnum):
    """When an envelope is filled anew: each month; or never, over all runs of what it is for."""

    MONTH = "month"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One more payer, that must accept what the account spends under it.

    Attributes
    ----------
    kind : str
        ``"project"``, ``"notebook"``, ``"job"`` or ``"run"``.
    name : str
        Of what it is for.
    tokens : int
        Ask Sage tokens of the inference meter.
    per : Per
    told_by : str
        Where the limit stands, for whoever it refuses.
    is_soft : bool
        Whether it only warns.
    """

    kind: str
    name: str
    tokens: int
    per: Per = Per.MONTH
    told_by: str = ""
    is_soft: bool = False

    @property
    def words(self) -> str:
        """What a refusal calls it."""
        name = PurePath(self.name).name if self.kind == "notebook" else self.name
        return f"the envelope of the {self.kind} {name}"

    def of(self, owner: Account) -> Account:
        """Its own account, beside its owner's."""
        return replace(owner, holder=f"{ENVELOPE}{owner.holder}:{self.kind}:{self.name}")

    def span(self, period: str, starts: int, ends: int) -> tuple[str, int, int]:
        """The source and the bounds of its grant, in a month of its owner's."""
        if self.per is Per.MONTH:
            return f"{ENVELOPE}{period}", starts, ends
        return f"{ENVELOPE}{Per.ALL}", 0, _FOR_EVER
