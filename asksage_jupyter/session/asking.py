"""One question and its reply: estimated, refused or sent, debited, and told in a receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..account import Bill, Source
from ..errors import Interrupted, OverLimit, ReplyLost
from .reply import Reply, stays_held

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..rates import Estimate
    from ..service import Answer
    from .held import Held
    from .listener import Listener
    from .session import Session

_TOLD_PARTS = ("history", "persona", "web search", "references", "file")


def asked(
    session: Session,
    estimate: Estimate,
    send: Callable[[], Answer],
    listener: Listener,
    *,
    limit: int | None = None,
    answering: str | None = None,
) -> tuple[Answer, Reply]:
    """Hold the estimate, send, settle.

    Parameters
    ----------
    send : callable
        Sends, and returns the whole answer.
    listener : Listener
        Has the text as far as it arrived.
    limit : int, optional
        Refuse when the estimate is above this many Ask Sage tokens.
    answering : str, optional
        The model that answers behind the name of the estimate, such as a plugin's.

    Raises
    ------
    NotEnoughTokens, OverLimit, Refused, ReplyLost, Interrupted
        As of `Session.ask`.
    """
    session.settling.catch_up()
    if limit is not None and estimate.expected > limit:
        raise OverLimit(estimate.expected, limit)
    session.make_contact()
    call = session.settling.call(estimate.model, estimate.expected)
    held = session.settling.held(call)
    try:
        with held:
            held.sent()
            answer = send()
            bill = _bill(session, answer, estimate, answering, held.took_ms)
            held.settle(bill)
    except ReplyLost as lost:
        message = f"{lost} {stays_held(held.tokens)}"
        raise ReplyLost(message, status=lost.status, text=listener.text) from None
    except KeyboardInterrupt:
        raise _interrupted(session, estimate, held, listener.text) from None
    return answer, _reply(session, answer, estimate, held, bill)


def _bill(
    session: Session, answer: Answer, estimate: Estimate, answering: str | None, duration_ms: int
) -> Bill:
    """What is debited, from the best source there is."""
    model = answer.model or answering or estimate.model
    tokens, source = answer.tokens, Source.BILLED
    if tokens is None:
        tokens, source = session.pricing.bill(model, answer) or (estimate.expected, Source.PRESUMED)
    return Bill(
        tokens=tokens,
        source=source,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        duration_ms=duration_ms,
        request_id=answer.request_id,
        model=model if answering is None and model != estimate.model else None,
    )


def _reply(session: Session, answer: Answer, estimate: Estimate, held: Held, bill: Bill) -> Reply:
    notes = [f"{part.name} ~{part.tokens:,.0f}" for part in estimate.parts if part.name in _TOLD_PARTS]
    if bill.model:
        notes.append(f"asked {estimate.model}, answered by {bill.model}")
    if held.trouble:
        notes.append(held.trouble)
    return Reply(
        text=answer.text,
        model=bill.model or estimate.model,
        estimate=estimate,
        op=held.call.op,
        tokens=bill.tokens,
        source=bill.source,
        input_tokens=bill.input_tokens,
        output_tokens=bill.output_tokens,
        balance=session.balance_now(),
        notes=tuple(notes),
        is_demo=session.account.is_demo,
    )


def _interrupted(session: Session, estimate: Estimate, held: Held, text: str) -> Interrupted:
    reply = Reply(
        text,
        estimate.model,
        estimate,
        held.call.op,
        held=held.tokens,
        balance=session.balance_now(),
        interrupted=True,
        is_demo=session.account.is_demo,
    )
    return Interrupted(reply, f"stopped. {stays_held(held.tokens)}" if held.tokens else "nothing was sent.")
