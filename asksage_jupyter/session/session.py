"""Hold, ask, settle: the only place that knows the order."""

from __future__ import annotations

import time
import warnings
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from ..account import Balance, Bill, Call, Meter, Source
from ..errors import AskSageError, BadInput, Interrupted, LedgerConflict, OverLimit, Refused, ReplyLost
from ..month import now
from . import origin
from .contact import make_contact
from .credentials import find_key, keep_key
from .listener import Listener
from .pricing import Pricing
from .reply import Reply
from .shares import shares

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..ledger import Ledger
    from ..rates import Estimate
    from ..service import Answer, ModelInfo, Query, Secret, Service
    from ..settings import AskSage

HISTORY_KEPT = 100
_TOLD_PARTS = ("history", "persona", "web search", "references", "file")


class Session:
    """One person's dealings with one account, from one kernel.

    Parameters
    ----------
    settings : AskSage
        After a change of what it connects to, `current` makes a new session.
    clock : callable
        The present instant in microseconds UTC.

    Attributes
    ----------
    account : Account
    ledger : Ledger
        Opened at first use.
    service : Service
        Made at first use, which raises `NoKey` where there is no key.
    pricing : Pricing
    """

    def __init__(self, settings: AskSage, *, clock: Callable[[], int] = now) -> None:
        self.settings = settings
        self.account = settings.account
        self._clock = clock
        self._contacted = False
        self._exchanges: deque[tuple[str, str]] = deque(maxlen=HISTORY_KEPT)
        self._models: list[ModelInfo] | None = None
        self._unsettled: dict[str, Bill] = {}

    @cached_property
    def ledger(self) -> Ledger:
        from ..ledger import Ledger

        return Ledger(self.settings.ledger, clock=self._clock)

    @cached_property
    def service(self) -> Service:
        return self._service_with(find_key(self.account)[0])

    @cached_property
    def pricing(self) -> Pricing:
        from ..rates import Rates

        rates = Rates(self.ledger.folder, self.account.host, clock=self._clock)
        return Pricing(lambda: self.service, self.models, rates)

    def _service_with(self, key: Secret) -> Service:
        from ..service import Service

        settings = self.settings
        return Service(
            settings.url,
            key,
            email=settings.email or None,
            ca_bundle=settings.ca_bundle or None,
            timeout_s=settings.timeout_s,
        )

    def close(self) -> None:
        """Close what was opened; the session can be used no more."""
        for name in ("service", "ledger"):
            if opened := self.__dict__.pop(name, None):
                opened.close()

    # -- the account ---------------------------------------------------------------------------------

    def balance(self) -> Balance:
        """What is left; the first time, the service is asked what the account has.

        Raises
        ------
        NoKey
            First contact, and there is no key to ask with.
        """
        self._catch_up()
        self._make_contact()
        return self.ledger.balance(self.account)

    def set_plan(self, inference: int | None = None, training: int | None = None) -> Balance:
        """Tell the monthly allotments that the service does not; for this month and those after it."""
        for meter, monthly in ((Meter.INFERENCE, inference), (Meter.TRAINING, training)):
            if monthly is not None:
                if monthly < 0:
                    raise BadInput(f"a plan of {monthly:,} {meter} tokens: it cannot be below zero")
                self.ledger.set_plan(self.account, meter, monthly, source="set_plan")
        return self.ledger.balance(self.account)

    def login(self, key: Secret) -> str:
        """Try the key with the service, keep it, and return where it is kept.

        Raises
        ------
        BadKey
            The service does not accept it; nothing is kept.
        """
        service = self._service_with(key)
        try:
            self._models = service.models()
        except BaseException:
            service.close()
            raise
        if replaced := self.__dict__.pop("service", None):
            replaced.close()
        self.service = service
        return keep_key(self.account, key)

    def models(self) -> list[ModelInfo]:
        """The models this account may use, read from the service once a session."""
        if self._models is None:
            self._models = self.service.models()
        return self._models

    def model_ids(self) -> list[str]:
        """The ids known without asking anybody, for completion while typing."""
        return [model.id for model in self._models or ()]

    def _make_contact(self) -> None:
        if self._contacted:
            return
        if not all(self.ledger.has_month(self.account, meter) for meter in Meter):
            try:
                make_contact(self.account, self.ledger, self.service)
            except AskSageError:
                # A ledger that already knows this month's inference tokens serves without the network.
                if not self.ledger.has_month(self.account, Meter.INFERENCE):
                    raise
        self._contacted = True

    def estimate(self, query: Query) -> Estimate:
        """Price a query; nothing of it is sent to a model, and nothing is debited.

        Raises
        ------
        BadInput
            The model is not offered, or the query's file cannot be read.
        """
        return self.pricing.estimate(query.model, shares(query))

    # -- hold, ask, settle ---------------------------------------------------------------------------

    def ask(
        self,
        query: Query,
        *,
        limit: int | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """Set the estimate aside, send the query, debit what was billed.

        Parameters
        ----------
        query : Query
        limit : int, optional
            Refuse when the estimate is above this many Ask Sage tokens.
        on_text : callable, optional
            Called with the whole text so far while it streams. If it fails, the call goes on without it.

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
        self._catch_up()
        parts = shares(query)
        estimate = self.pricing.estimate(query.model, parts)
        if limit is not None and estimate.expected > limit:
            raise OverLimit(estimate.expected, limit)
        self._make_contact()
        call = self._call(query.model, estimate)
        self.ledger.hold(self.account, call, due=call.sent_at + self.settings.presume_after_s * 1_000_000)
        listener = Listener(on_text)
        started = time.monotonic()
        try:
            answer = self.service.query(query, listener if on_text else None)
        except Refused:
            self.ledger.void(call.op)
            raise
        except ReplyLost as lost:
            message = f"{lost} {_stays_held(estimate)}"
            raise ReplyLost(message, status=lost.status, text=listener.text) from None
        except KeyboardInterrupt:
            raise self._interrupted(query, estimate, call.op, listener.text) from None
        bill = self._bill(query, answer, estimate, round((time.monotonic() - started) * 1000))
        self._exchanges.append((query.prompt, answer.text))
        trouble = self._settle(call.op, bill)
        self.pricing.learn(query.model, parts, answer)
        return self._reply(query, answer, estimate, call.op, bill, trouble)

    def history(self, last: int) -> tuple[tuple[str, str], ...]:
        """The `last` exchanges of this kernel, oldest first, as (question, answer)."""
        return tuple(self._exchanges)[-last:] if last else ()

    def _call(self, model: str, estimate: Estimate) -> Call:
        from ..ledger import new_op

        return Call(
            op=new_op(),
            sent_at=self._clock(),
            model=model,
            meter=Meter.INFERENCE,
            estimate=estimate.expected,
            notebook=origin.notebook(),
            cell=origin.cell(),
            project=self.settings.project or None,
            user=self.account.holder,
        )

    def _bill(self, query: Query, answer: Answer, estimate: Estimate, duration_ms: int) -> Bill:
        """What is debited, from the best source there is."""
        model = answer.model or query.model
        tokens, source = answer.tokens, Source.BILLED
        if tokens is None:
            tokens, source = self.pricing.bill(model, answer) or (estimate.expected, Source.PRESUMED)
        return Bill(
            tokens=tokens,
            source=source,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            duration_ms=duration_ms,
            request_id=answer.request_id,
            model=model if model != query.model else None,
        )

    def _settle(self, op: str, bill: Bill) -> str | None:
        """Debit; on failure keep the bill for the next try and say so, for the paid reply must arrive."""
        try:
            self.ledger.settle(op, bill)
        except LedgerConflict as conflict:
            return f"not debited: {conflict}"
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  whatever it is, the reply comes first
            self._unsettled[op] = bill
            return f"the debit is still to be booked ({error or type(error).__name__})"
        return None

    def _catch_up(self) -> None:
        """Presume what is past due, and book the debits that failed before."""
        self.ledger.presume()
        for op, bill in list(self._unsettled.items()):
            del self._unsettled[op]
            if trouble := self._settle(op, bill):
                warnings.warn(f"{bill.tokens:,} tokens: {trouble}", stacklevel=3)

    def _reply(
        self, query: Query, answer: Answer, estimate: Estimate, op: str, bill: Bill, trouble: str | None
    ) -> Reply:
        notes = [f"{part.name} ~{part.tokens:,.0f}" for part in estimate.parts if part.name in _TOLD_PARTS]
        if bill.model:
            notes.append(f"asked {query.model}, answered by {bill.model}")
        if trouble:
            notes.append(trouble)
        return Reply(
            text=answer.text,
            model=bill.model or query.model,
            estimate=estimate,
            op=op,
            tokens=bill.tokens,
            source=bill.source,
            input_tokens=bill.input_tokens,
            output_tokens=bill.output_tokens,
            balance=self._balance_now(),
            notes=tuple(notes),
            is_demo=self.account.is_demo,
        )

    def _interrupted(self, query: Query, estimate: Estimate, op: str, text: str) -> Interrupted:
        reply = Reply(
            text,
            query.model,
            estimate,
            op,
            balance=self._balance_now(),
            interrupted=True,
            is_demo=self.account.is_demo,
        )
        return Interrupted(reply, f"stopped. {_stays_held(estimate)}")

    def _balance_now(self) -> Balance | None:
        """The balance for a receipt; None on a failing ledger, for the reply is paid and must arrive."""
        try:
            return self.ledger.balance(self.account)
        except AskSageError:
            return None


def _stays_held(estimate: Estimate) -> str:
    return f"About {estimate.expected:,} tokens stay held until the bill is known."
