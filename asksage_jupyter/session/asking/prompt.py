"""A prompt to a model: priced, or asked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ...errors import NeedsConfirmation, NotEnoughTokens, OverLimit
from ..exchanges import Exchange
from .listener import Listener
from .question import Question, keep_nothing, put
from .shares import shares

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...rates import Estimate
    from ...service import Answer, Query
    from ..session import Session
    from .replay import Replay
    from .reply import Reply


def price(session: Session, query: Query) -> Estimate:
    """Price a query; nothing of it is sent to a model, and nothing is debited.

    Raises
    ------
    BadInput
        The model is not offered, or the query's file cannot be read.
    """
    return session.pricing.estimate(query.model, shares(query))


def ask(
    session: Session,
    query: Query,
    *,
    otherwise: str | None = None,
    limit: int | None = None,
    on_text: Callable[[str], None] | None = None,
    replay: Replay | None = None,
) -> Reply:
    """Set the estimate aside, send the query, debit what was billed.

    Parameters
    ----------
    otherwise : str, optional
        The model that is asked instead where the hold of the query's own is refused, or its estimate is above
        `limit`; the reply's notes tell. Never after anything was sent, nor where only nobody confirmed it.
    limit : int, optional
        Refuse when the estimate is above this many Ask Sage tokens.
    on_text : callable, optional
        Called with the whole text so far while it streams. If it fails, the call goes on without it.
    replay : Replay, optional
        Shows a reply again that is kept, and keeps this one.

    Raises
    ------
    NotEnoughTokens, OverLimit
        Nothing was sent.
    Refused
        Certainly not billed; the hold is voided.
    ReplyLost
        It may have been billed; the hold stays open until the truth is known.
    Interrupted
        The person stopped it; its `reply` holds the text so far, and the hold stays open.
    """
    if otherwise is None:
        return _ask(session, query, limit, on_text, replay)
    session.prepared(lambda: session.pricing.rate(otherwise))  # a model that is none is told at once
    try:
        return _ask(session, query, limit, on_text, replay)
    except NeedsConfirmation:
        raise  # nobody has refused it: its own price is what is to be confirmed
    except NotEnoughTokens as short:
        why = f"{short.needed:,} tokens needed, {short.remaining:,} left"
    except OverLimit as above:
        why = f"{above.estimate:,} tokens, above the limit of {above.limit:,}"
    other = replace(query, model=otherwise)
    return _ask(session, other, limit, on_text, replay, f"instead of {query.model} ({why})")


def _ask(
    session: Session,
    query: Query,
    limit: int | None,
    on_text: Callable[[str], None] | None,
    replay: Replay | None,
    *notes: str,
) -> Reply:
    if replay is not None and (kept := replay.find(query)) is not None:
        return replace(kept, balance=session.balance_now(), notes=notes)
    listener = Listener(on_text)

    def prepare() -> Question:
        parts = shares(query)
        estimate = session.prepared(lambda: session.pricing.estimate(query.model, parts))
        known = replace(query, model=estimate.model)  # by its id, where an alias was asked
        return Question(
            estimate,
            session.service.prepare(known, listener if on_text is not None else None),
            listener,
            learn=lambda answer: _learn(session, known, parts, estimate, answer),
            keep=keep_nothing if replay is None else partial(replay.keep, known),
            notes=notes,
        )

    return put(session, query.model, prepare, limit=limit)


def _learn(
    session: Session, query: Query, parts: Mapping[str, int], estimate: Estimate, answer: Answer
) -> None:
    session.exchanges.add(Exchange(query.prompt, answer.text, query.model))
    session.pricing.learn(query.model, parts, estimate, answer)
