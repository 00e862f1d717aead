"""What a map will cost, told before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from ...display.markup import card
from ...display.plain import many, plain
from ...tokens import count
from ..outcome import RowStatus
from .costs import Range
from .sheet import sample_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .plan import Plan
    from .sheet import Sheet, Task
    from .template import Template

_COUNTED = 200  # prompts whose parts are counted, to tell their average


@dataclass(frozen=True)
class MapEstimate:
    """What a map will cost; nothing was sent.

    Attributes
    ----------
    rows, calls, same, skipped, replayed, unknown : int
        Rows in all; what is to be sent; rows that ask what another asks; rows left out; prompts that were
        answered before; and those in doubt.
    low, expected, high : int
        Ask Sage tokens of the calls.
    share : float or None
        Of what is left this month.
    model : str
    parts : mapping of str to float
        Model tokens of a call, by what they are.
    basis : str
        What the figure rests on.
    """

    rows: int
    calls: int
    same: int
    skipped: int
    replayed: int
    unknown: int
    low: int
    expected: int
    high: int
    share: float | None
    model: str
    parts: Mapping[str, float]
    basis: str

    @property
    def price(self) -> Range:
        """The figures together."""
        return Range(self.low, self.expected, self.high)

    def __str__(self) -> str:
        kinds = ((self.same, "same"), (self.skipped, "left out"), (self.replayed, "replayed"))
        told = ", ".join(f"{number:,} {word}" for number, word in kinds if number)
        beside = f" ({told})" if told else ""
        share = "" if self.share is None else f", {_of_what_is_left(self.share)}"
        parts = " + ".join(f"{name} {tokens:.0f}" for name, tokens in self.parts.items())
        words = [
            f"{many(self.rows, 'row')} → {many(self.calls, 'call')} of {self.model}{beside}",
            f"{sum(self.parts.values()):.0f} model tokens each ({parts})" if self.calls else "",
            f"{self.price}{share}" if self.calls else "0 tokens",
            f"{self.unknown:,} in doubt" if self.unknown else "",
        ]
        return plain(" · ".join(filter(None, words)))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rest = str(self).split(" · ")
        return card(head, *rest, foot=[self.basis])


def estimate_of(plan: Plan, sheet: Sheet, template: Template) -> MapEstimate:
    """What a plan that has looked will cost."""
    session = plan.job.session
    balance = session.balance_now()
    spendable = balance.inference.spendable if balance is not None else None
    price, found = plan.price, plan.before.outcomes.values()
    return MapEstimate(
        rows=len(sheet.of_row),
        calls=len(plan.wanted),
        same=sheet.same,
        skipped=sheet.skipped,
        replayed=sum(each.status is RowStatus.OK for each in found),
        unknown=sum(each.status is RowStatus.UNKNOWN for each in found),
        low=price.low,
        expected=price.expected,
        high=price.high,
        share=price.expected / spendable if spendable and spendable > 0 else None,
        model=plan.job.query.model,
        parts=_parts(plan.wanted, template, plan.job.reader.schema.wish, plan.job.query.system or ""),
        basis=plan.costs.basis,
    )


def _parts(asked: Sequence[Task], template: Template, wish: str, system: str) -> dict[str, float]:
    """Model tokens of a call on average, by what they are."""
    if not asked:
        return {}
    whole = fmean(count(task.prompt) for task in sample_of(asked, _COUNTED))
    fixed = {"template": count("".join(template.fixed)), "schema": count(wish)}
    row = max(0.0, whole - sum(fixed.values()))
    parts = {"row": row, **fixed, "system": count(system)}
    return {name: tokens for name, tokens in parts.items() if tokens}


def _of_what_is_left(share: float) -> str:
    if share > 1:
        return "more than is left"
    return f"{f'{share:.1%}' if share < 0.1 else f'{share:.0%}'} of what is left"
