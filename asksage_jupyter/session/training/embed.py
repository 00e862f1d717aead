"""Texts as vectors: priced, held on the training meter, asked, debited."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ...account import Bill, Meter, Source
from ...errors import BadInput, OutOfTokens, ReplyLost
from ...rates import billed
from ...service.routes.embeddings import MOST
from ...service.way.departure import departing
from ...tokens import count_each
from ..asking.reply import stays_held
from ..asking.shortage import told_of, with_more
from ..holding.held import Held
from ..holding.shielded import Shielded

if TYPE_CHECKING:
    from ...account import Call
    from ...service import Embedded
    from ..holding.shielded import Stoppable
    from ..session import Session


@dataclass(frozen=True, slots=True)
class Texts:
    """What is to be made vectors of.

    Attributes
    ----------
    inputs : tuple of (str or list of int)
        Each a text, or its model tokens (cl100k_base).
    model : str
        Of the service's; which ones it has for this, it does not list.
    dimensions : int or None
        Of each vector; None leaves it to the model.
    """

    inputs: tuple[str | list[int], ...]
    model: str
    dimensions: int | None = None

    @property
    def input_tokens(self) -> int:
        """Model tokens of all of them."""
        texts = [each for each in self.inputs if isinstance(each, str)]
        return sum(count_each(texts)) + sum(len(each) for each in self.inputs if isinstance(each, list))


def embed(session: Session, texts: Texts) -> tuple[Embedded, Bill]:
    """Make vectors of texts; returns them, their figures filled in, and the bill that was debited.

    Raises
    ------
    BadInput
        There are none, or more than go into one request.
    NotEnoughTokens
        Nothing was sent.
    Refused
        Certainly not billed; the hold is voided.
    ReplyLost
        It may have been billed; the hold stays open.
    """
    if not 0 < len(texts.inputs) <= MOST:
        raise BadInput(
            f"one request takes 1 to {MOST} texts, not {len(texts.inputs):,}: send them in parts", "input"
        )
    expected = texts.input_tokens
    session.settling.debits.catch_up()
    session.prepared(lambda: None)  # whose key it is, too
    call = session.settling.call(texts.model, price(expected), Meter.TRAINING)
    return Shielded(partial(_hold_send_settle, session, call, texts, expected)).run()


def price(input_tokens: int) -> int:
    """Training tokens of so many model tokens: 1.3 times, as in all recorded bills."""
    return int(billed(input_tokens))


def _hold_send_settle(
    session: Session, call: Call, texts: Texts, expected: int, stoppably: Stoppable
) -> tuple[Embedded, Bill]:
    held = Held(session.settling, call)

    def send() -> Embedded:
        with departing(held.sent):
            return session.service.embed(texts.inputs, texts.model, dimensions=texts.dimensions)

    try:
        with ExitStack() as stack:
            with_more(session, lambda: stack.enter_context(held), None)
            embedded = stoppably(send)
            if not embedded.input_tokens:
                embedded = replace(embedded, input_tokens=expected)
            bill = _bill(embedded, held.took_ms)
            held.settle(bill)
            return embedded, bill
    except OutOfTokens as error:
        raise told_of(session, error, call) from None
    except ReplyLost as lost:
        raise ReplyLost(f"{lost} {stays_held(held.tokens)}", status=lost.status) from None


def _bill(embedded: Embedded, duration_ms: int | None) -> Bill:
    told = embedded.tokens
    return Bill(
        tokens=price(embedded.input_tokens or 0) if told is None else told,
        source=Source.PRICED if told is None else Source.BILLED,
        input_tokens=embedded.input_tokens,
        duration_ms=duration_ms,
    )
