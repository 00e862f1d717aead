"""A plugin of the service, and its questions to follow: priced and run. No bill of either is told."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from ...account import Source
from ...errors import BadInput
from ...rates import Estimate, Part
from ...tokens import count
from .listener import Listener
from .question import Question, put
from .shares import PERSONA_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..session import Session
    from .reply import Reply

FOLLOW_UP = "follow-up"
_LATEST = 20  # bills that an estimate is made from
_NAMED = {"prompt": "values", "persona": "the service's own text"}
_YOUNG = 90 * 24 * 3600 * 1_000_000  # microseconds; older bills are of other prices, and many to read


def run_plugin(
    session: Session, plugin: str, values: Mapping[str, str], model: str, *, limit: int | None = None
) -> Reply:
    """Run a plugin of the service, as `prompt.ask` asks a model; booked as the model ``plugin:<name>``.

    Raises
    ------
    NotEnoughTokens, OverLimit, Refused, ReplyLost, Interrupted
        As of `prompt.ask`.
    """

    def prepare() -> Question:
        return Question(
            session.prepared(lambda: price_plugin(session, plugin, values, model)),
            partial(session.service.execute_plugin, plugin, values, model),
            Listener(None),
            answering=model,
        )

    return put(session, f"plugin:{plugin}", prepare, limit=limit)


def follow_up(session: Session) -> Reply:
    """Questions to ask next, one a line, after this kernel's last reply; booked as ``follow-up``.

    Raises
    ------
    BadInput
        There is no reply yet; nothing was sent.
    NotEnoughTokens, Refused, ReplyLost, Interrupted
        As of `prompt.ask`.
    """
    if (latest := session.exchanges.latest) is None:
        raise BadInput("there is no reply in this notebook yet: ask something with %%asksage first")
    text, model = latest.answer, latest.model

    def prepare() -> Question:
        return Question(
            session.prepared(lambda: _price(session, FOLLOW_UP, [text], model)),
            partial(session.service.follow_up, text, model),
            Listener(None),
            answering=model,
        )

    return put(session, FOLLOW_UP, prepare)


def price_plugin(session: Session, plugin: str, values: Mapping[str, str], model: str) -> Estimate:
    """What a plugin will cost: as it was billed before, else as its values in one prompt would be."""
    return _price(session, f"plugin:{plugin}", list(values.values()), model)


def _price(session: Session, name: str, texts: Sequence[str], model: str) -> Estimate:
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
