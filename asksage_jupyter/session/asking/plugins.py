"""What a plugin of the service, or its questions to follow, will cost: no bill of either is told."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from ...account import Source
from ...rates import Estimate, Part
from ...tokens import count
from .shares import PERSONA_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..session import Session

FOLLOW_UP = "follow-up"
_LATEST = 20  # bills that an estimate is made from
_NAMED = {"prompt": "values", "persona": "the service's own text"}
_YOUNG = 90 * 24 * 3600 * 1_000_000  # microseconds; older bills are of other prices, and many to read


def price_plugin(session: Session, plugin: str, values: Mapping[str, str], model: str) -> Estimate:
    """As of `price_named`."""
    return price_named(session, f"plugin:{plugin}", list(values.values()), model)


def price_named(session: Session, name: str, texts: Sequence[str], model: str) -> Estimate:
    """The median of the latest bills of that name; before the first, the price of its texts in one prompt.

    What the service adds to them is not told, and no bill of one is on record: before the first bill, the
    text of the default persona stands for it.
    """
    tokens = sum(count(text) for text in texts)
    if not (bills := _bills(session, name)):
        priced = session.pricing.estimate(model, {"prompt": tokens, "persona": PERSONA_TOKENS})
        return Estimate(
            name,
            priced.low,
            priced.expected,
            priced.high,
            tuple(Part(_NAMED.get(part.name, part.name), part.tokens) for part in priced.parts),
            priced.input_tokens,
            priced.source,
            f"{priced.basis}; {name.partition(':')[2] or name} has no bill yet, {model} is priced instead",
        )
    expected = max(1, round(median(bills)))
    return Estimate(
        name,
        max(1, min(bills)),
        expected,
        max(expected, *bills),
        (Part("as billed before", expected),),
        max(1, tokens),
        Source.BILLED,
        f"the median of its last {len(bills)} bills" if len(bills) > 1 else "its last bill",
    )


def _bills(session: Session, name: str) -> list[int]:
    """What the latest calls of that name came to, those that are presumed left out."""
    from ...ledger import CALL_COLUMNS

    model, tokens, source = (CALL_COLUMNS.index(column) for column in ("model", "tokens", "source"))
    known = [
        call[tokens]
        for call in session.ledger.calls(session.account, since=session.clock() - _YOUNG)
        if call[model] == name and call[source] != Source.PRESUMED
    ]
    return known[-_LATEST:]
