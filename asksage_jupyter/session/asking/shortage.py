"""When the tokens do not reach: whether there are more by now, and which ways there are to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...account import Meter
from ...errors import AskSageError, NotEnoughTokens, OutOfTokens, OverEnvelope
from ...service.way.deadline import within_s
from ..holder.contact import changed_limit, standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...account import Call
    from ...rates import Estimate
    from ..session import Session

_ASK_S = 10.0  # for what is asked to help with a refusal


def afford(session: Session, meter: Meter, needed: int, estimate: Estimate | None = None) -> None:
    """Refuse what the month cannot pay as it stands, before anything is written.

    Raises
    ------
    NotEnoughTokens
        Also by what the service tells now.
    OverEnvelope
    """

    def look() -> None:
        there = session.ledger.balance(session.account).of(meter)
        if there.spendable is not None and needed > there.spendable:
            raise NotEnoughTokens(there.meter, needed, there.spendable, there.resets_at, short=there.short)

    with_more(session, look, estimate)
    least = session.settling.bounds.least() if meter is Meter.INFERENCE else None
    if least is not None and needed > least.left:
        raise OverEnvelope(least.words, needed, least.left, least.told_by)


def with_more(session: Session, hold: Callable[[], object], estimate: Estimate | None) -> None:
    """Hold; where the tokens do not reach, once more if the service tells of a larger limit.

    Raises
    ------
    NotEnoughTokens
        With the way out that there is.
    """
    short = _tried(hold)
    if short is not None and (_hear_bound(session) or follow_limit(session, Meter(short.meter)) is not None):
        short = _tried(hold)
    if short is None:
        return
    other = cheaper(session, estimate, short.remaining) if estimate is not None else None
    raise NotEnoughTokens(
        short.meter, short.needed, short.remaining, short.resets_at, short=short.short, cheaper=other
    )


def _hear_bound(session: Session) -> bool:
    """Whether there was a bound besides the account's own limit, and the service told of it anew."""
    if not session.settling.ceiling.is_near:
        return False
    try:
        with within_s(_ASK_S):
            left = session.service.left()
    except AskSageError:
        return False
    session.settling.ceiling.heard(left, session.ledger.balance(session.account).inference)
    return True


def _tried(hold: Callable[[], object]) -> NotEnoughTokens | None:
    try:
        hold()
    except NotEnoughTokens as short:
        return short
    return None


def follow_limit(session: Session, meter: Meter) -> tuple[int, int] | None:
    """Make a limit that is larger at the service by now the plan; the old and the new one, None if it is not.

    A pool's member has none of their own: the pool's owner sets their cap. Where the service cannot be
    asked, nothing changes.
    """
    ledger, account = session.ledger, session.account
    try:
        with within_s(_ASK_S):
            told = standing(meter, session.service.limits(), session.service)
    except AskSageError:
        return None
    change = changed_limit(account, ledger, meter, told)
    if change is None or change[1] <= change[0]:
        return None
    ledger.set_plan(account, meter, change[1], source=told.source)
    return change


def told_of(session: Session, error: OutOfTokens, call: Call) -> OutOfTokens:
    """The service's word that the tokens are used up, beside what the ledger counts."""
    balance = session.balance_now()
    meter = balance.of(call.meter) if balance is not None else None
    return OutOfTokens(
        error.told,
        status=error.status,
        limit=error.limit,
        meter=str(call.meter),
        needed=call.estimate,
        remaining=meter.remaining if meter is not None else None,
        resets_at=meter.resets_at if meter is not None else None,
    )


def cheaper(session: Session, estimate: Estimate, remaining: int) -> tuple[str, int] | None:
    """The model that the catalog calls cheapest and what it would cost, where that can be paid."""
    try:
        with within_s(_ASK_S):
            priced = [
                (model.prompt_rate + model.completion_rate, model.id)
                for model in session.models()
                if model.prompt_rate is not None and model.completion_rate is not None
            ]
            if not priced:
                return None
            model = min(priced)[1]
            tokens = session.pricing.estimate(model, {"prompt": estimate.input_tokens}).expected
    except AskSageError:
        return None
    return (model, tokens) if tokens <= remaining and tokens < estimate.expected else None
