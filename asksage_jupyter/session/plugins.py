"""What a plugin of the service will cost."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from ..account import Source
from ..rates import Estimate, Part
from ..tokens import count
from .shares import PERSONA_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .session import Session

_LATEST = 20  # bills that an estimate is made from
_NAMED = {"prompt": "values", "persona": "the plugin's own text"}
_YOUNG = 90 * 24 * 3600 * 1_000_000  # microseconds; older bills are of other prices, and many to read


def price_plugin(session: Session, plugin: str, values: Mapping[str, str], model: str) -> Estimate:
    """The median of the plugin's latest bills; before the first, the price of its values in one prompt.

    What a plugin adds to its values is not told by the service, and no bill of one is on record: before the
    first bill, the text of the default persona stands for it.
    """
    name = f"plugin:{plugin}"
    tokens = sum(count(value) for value in values.values())
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
            f"{priced.basis}; this plugin has no bill yet, {model} is priced instead",
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
        f"the median of this plugin's last {len(bills)} bills"
        if len(bills) > 1
        else "this plugin's last bill",
    )


def _bills(session: Session, name: str) -> list[int]:
    """What the plugin's latest calls came to, those that are presumed left out."""
    from ..ledger import CALL_COLUMNS

    model, tokens, source = (CALL_COLUMNS.index(column) for column in ("model", "tokens", "source"))
    known = [
        call[tokens]
        for call in session.ledger.calls(session.account, since=session.clock() - _YOUNG)
        if call[model] == name and call[source] != Source.PRESUMED
    ]
    return known[-_LATEST:]
