"""One question and its reply: estimated, refused or sent, debited, and told in a receipt."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ...account import Bill, Source, Status
from ...errors import Interrupted, OutOfTokens, OverLimit, ReplyLost
from ...rates import RECORDED
from ...service.way.departure import departing
from ..holding.held import Held
from ..holding.shielded import Shielded, unshielded
from ..stopwatch import Stopwatch
from .confirming import confirm
from .reply import Reply, stays_held, unpriced
from .shortage import told_of, with_more

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...account import Call
    from ...rates import Estimate
    from ...service import Answer
    from ..holding.shielded import Stoppable
    from ..session import Session
    from .listener import Listener

_TOLD_PARTS = ("history", "persona", "web search", "references", "file", *RECORDED)


def keep_nothing(op: str, answer: Answer, bill: Bill | None) -> None:
    """What becomes of a reply that nobody wants to see again."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be asked; nothing of it is sent.

    Attributes
    ----------
    estimate : Estimate
    send : callable
        Sends, and returns the whole answer.
    listener : Listener
        Has the text as far as it arrived.
    answering : str or None
        The model that answers behind the name of the estimate, such as a plugin's.
    learn : callable
        Called with the answer, after it was debited.
    keep : callable
        Called with the op, the answer and its bill, None where it is not told, before it is debited.
    notes : tuple of str
        What the receipt says of it first.
    """

    estimate: Estimate
    send: Callable[[], Answer]
    listener: Listener
    answering: str | None = None
    learn: Callable[[Answer], None] = lambda answer: None
    keep: Callable[[str, Answer, Bill | None], None] = keep_nothing
    notes: tuple[str, ...] = ()


def put(session: Session, model: str, prepare: Callable[[], Question], *, limit: int | None = None) -> Reply:
    """Put one question: admit it, hold its estimate, send, settle. It may be stopped at any moment.

    Parameters
    ----------
    model : str
        Told where it is stopped before the question is there.
    prepare : callable
        Returns the question.
    limit : int, optional
        Refuse when the estimate is above this many Ask Sage tokens.

    Raises
    ------
    NotEnoughTokens, OverLimit, Refused, ReplyLost, Interrupted
        As of `prompt.ask`.
    """
    work: Shielded[Reply] | None = None
    estimate = None
    try:
        question = prepare()
        estimate = question.estimate
        call = _admitted(session, estimate, limit)
        work = Shielded(partial(hold_send_settle, session, call, question))
        return work.run()  # nothing is called between here and the person: a Ctrl-C finds no gap
    except KeyboardInterrupt:
        if work is not None and work.is_begun:
            raise
    nothing = Reply("", model, estimate or unpriced(model), "", interrupted=True)
    raise Interrupted(nothing, "nothing was sent.")


class Paid(NamedTuple):
    """A whole answer, and what was debited for it.

    Attributes
    ----------
    answer : Answer
    bill : Bill or None
        None while it is not told: then the hold stays open.
    held : Held
        Whose `trouble` says why the debit is still to be booked.
    """

    answer: Answer
    bill: Bill | None
    held: Held


def hold_send_settle(
    session: Session, call: Call, question: Question, stoppably: Stoppable = unshielded
) -> Reply:
    """Pay as `pay` does, and tell of it: the reply is returned, whatever fails afterwards.

    Raises
    ------
    NotEnoughTokens, Refused, ReplyLost, Interrupted
        As of `prompt.ask`.
    """
    paid = pay(session, call, question, stoppably)
    paid_for(partial(question.learn, paid.answer))
    return _remembered(session, call, _reply(session, question, paid))


def pay(session: Session, call: Call, question: Question, stoppably: Stoppable = unshielded) -> Paid:
    """Hold the estimate, send `stoppably`, settle.

    Raises
    ------
    NotEnoughTokens, Refused, ReplyLost, Interrupted
        As of `prompt.ask`.
    """
    held = Held(session.settling, call)
    try:
        with ExitStack() as stack:
            with_more(session, lambda: stack.enter_context(held), question.estimate)
            answer = _answered(stoppably, question, held)
            bill = _bill(session, answer, question, held.took_ms)
            paid_for(partial(question.keep, call.op, answer, bill))
            if bill is None:
                held.await_bill()
            else:
                held.settle(bill)
    except OutOfTokens as error:
        raise told_of(session, error, call) from None
    except ReplyLost as lost:
        told = f"{lost} {stays_held(held.tokens)}" if held.tokens else str(lost)
        text = question.listener.text or lost.text
        raise ReplyLost(told, status=lost.status, text=text, tokens=lost.tokens) from None
    except KeyboardInterrupt:
        raise _interrupted(session, question, held) from None
    return Paid(answer, bill, held)


def paid_for(do: Callable[[], object]) -> None:
    """Do what follows a debit: it must not cost the reply."""
    with suppress(Exception, KeyboardInterrupt):
        do()


def _admitted(session: Session, estimate: Estimate, limit: int | None) -> Call:
    """The call, unless the person's own limit refuses it; it is prepared: the ledger knows this month."""
    session.settling.debits.catch_up()
    if limit is not None and estimate.expected > limit:
        raise OverLimit(estimate.expected, limit)
    if limit is None:
        confirm(session, estimate.expected, f"--max-tokens {estimate.expected} or max_tokens=")
    return session.settling.call(estimate.model, estimate.expected)


def _answered(stoppably: Stoppable, question: Question, held: Held) -> Answer:
    """The answer; of a failure that tells its bill, that is debited."""
    try:
        return stoppably(partial(_sent, question, held))
    except ReplyLost as lost:
        if lost.tokens:
            held.settle(Bill(lost.tokens, Source.BILLED, status=Status.LOST, duration_ms=held.took_ms))
        raise


def _sent(question: Question, held: Held) -> Answer:
    with departing(held.sent), Stopwatch(asking_words(held.call.model, held.tokens)) as counting:
        question.listener.on_first = counting.end
        return question.send()


def asking_words(what: str, held: int) -> str:
    """What is told while the reply is waited for."""
    return f"asking {what} · {held_words(held)}"


def held_words(tokens: int) -> str:
    """What is set aside for what is under way."""
    return f"about {tokens:,} held"


def _bill(session: Session, answer: Answer, question: Question, duration_ms: int | None) -> Bill | None:
    """What is debited, from the best source there is; None where only the service's log can tell."""
    tokens, source = answer.tokens, Source.BILLED
    if tokens is None:
        model = answer.model or question.answering or question.estimate.model
        if (priced := session.pricing.bill(model, answer)) is None:
            return None
        tokens, source = priced
    return Bill(
        tokens=tokens,
        source=source,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        duration_ms=duration_ms,
        request_id=answer.request_id,
        model=served(answer, question) if question.answering is None else None,
    )


def served(answer: Answer, question: Question) -> str | None:
    """The model that answered, where it is told and is not the one asked."""
    asked_for = question.answering or question.estimate.model
    return answer.model if answer.model not in (None, asked_for) else None


def _reply(session: Session, question: Question, paid: Paid) -> Reply:
    answer, bill, held = paid
    estimate, other = question.estimate, served(answer, question)
    notes = [*question.notes]
    notes += [f"{part.name}: about {part.tokens:,.0f}" for part in estimate.parts if part.name in _TOLD_PARTS]
    if other:
        notes.append(f"asked {question.answering or estimate.model}, answered by {other}")
    if held.trouble:
        notes.append(held.trouble)
    notes += filter(None, [session.clock_words()])
    return Reply(
        text=answer.text,
        model=estimate.model if question.answering else other or estimate.model,
        estimate=estimate,
        op=held.call.op,
        tokens=bill.tokens if bill else None,
        source=bill.source if bill else None,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        held=0 if bill else held.tokens,
        balance=session.balance_now(),
        notes=tuple(notes),
        is_demo=session.account.is_demo,
    )


def _remembered(session: Session, call: Call, reply: Reply) -> Reply:
    """The reply, kept without its text to be explained; with a word on what was dear about it."""
    from .looking_back import remark, remember

    paid_for(partial(remember, session, reply))
    said: list[str] = []
    paid_for(lambda: said.extend(filter(None, [remark(session, call, reply)])))
    return replace(reply, notes=(*reply.notes, *said)) if said else reply


def _interrupted(session: Session, question: Question, held: Held) -> Interrupted:
    reply = Reply(
        question.listener.text,
        question.estimate.model,
        question.estimate,
        held.call.op,
        held=held.tokens,
        balance=session.balance_now(),
        notes=question.notes,
        interrupted=True,
        is_demo=session.account.is_demo,
    )
    if held.was_sent:
        return Interrupted(reply, f"stopped. {stays_held(held.tokens)}")
    still = f" {held.trouble}." if held.trouble else ""
    return Interrupted(reply, f"nothing was sent.{still}")
