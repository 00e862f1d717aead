"""One prompt of a map: claim its key, hold its estimate, send, keep the reply, settle."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ...display.plain import one_line, told
from ...errors import AskSageError, OutOfTokens, Refused, ReplyLost, Unavailable
from ...session.asking.listener import Listener
from ...session.asking.question import Question, pay, served
from ...session.keeping.file import StoreUnusable
from ...session.keeping.store import keep_later
from ..outcome import How, Outcome, RowStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...account import Bill
    from ...service import Answer, Query
    from ...session.keeping.owner import Owner
    from ...session.keeping.replies import Replies
    from ..planning.costs import Costs
    from ..planning.job import Job
    from ..planning.sheet import Task

_REASON = 200  # characters


class Claimed(Exception):
    """Another run has the key: it is waited for."""


class NotSent(AskSageError):
    """Called off between its hold and its sending; the hold is voided."""


class Sender:
    """Sends the prompts of one job, from several threads.

    Parameters
    ----------
    job : Job
    replies : Replies
    owner : Owner
        The run.
    costs : Costs
    over : int, optional
        Replies that were kept before this instant count for nothing.

    Attributes
    ----------
    troubles : list of str
        What could not be kept or booked, each once.
    """

    def __init__(
        self, job: Job, replies: Replies, owner: Owner, costs: Costs, over: int | None = None
    ) -> None:
        self._session, self._query, self._name = job.session, job.query, job.name
        self._replies, self._owner, self._costs, self._over = replies, owner, costs, over
        self.service = job.session.service  # made here, once, and not by each of the threads
        self.troubles: dict[str, None] = {}

    def __call__(self, task: Task, may_send: Callable[[], bool]) -> Outcome:
        """What came of it.

        Parameters
        ----------
        may_send : callable
            Asked at the last moment.

        Raises
        ------
        Claimed
            Another run has it.
        Unavailable
            Nothing was billed, and it may be sent later.
        NotSent
            It was called off.
        NotEnoughTokens, OverLimit, OutOfTokens, LedgerError, StoreUnusable
            Nothing was sent, and no other will be.
        """
        estimate = self._costs.of(task.prompt)
        call = self._session.settling.call(estimate.model, estimate.expected)
        if not self._replies.claim(task.key, call.op, self._owner, self._name, over=self._over):
            raise Claimed
        began = time.monotonic()
        question = Question(
            estimate,
            partial(self._send, replace(self._query, prompt=task.prompt), may_send),
            Listener(None),
            keep=partial(self._keep, task),
        )
        try:
            answer, bill, held = pay(self._session, call, question)
        except ReplyLost as lost:  # the claim stays, so that nobody sends it again
            tokens = lost.tokens or 0
            return Outcome(
                RowStatus.UNKNOWN, How.SENT, reason=_words(lost), tokens=tokens, attempts=1, op=call.op
            )
        except AskSageError as error:
            self._release(task, call.op)
            if not isinstance(error, Refused) or isinstance(error, Unavailable | OutOfTokens):
                raise
            return Outcome(RowStatus.REFUSED, reason=_words(error), attempts=1)
        if held.trouble:
            self.troubles[held.trouble] = None
        if bill is not None:
            self._replies.note_booked(task.key)
            self._costs.heard(task.prompt, bill.tokens)
        return Outcome(
            RowStatus.OK,
            How.SENT,
            text=answer.text,
            tokens=bill.tokens if bill is not None else 0,
            model=served(answer, question) or estimate.model,
            attempts=1,
            op=call.op,
            seconds=time.monotonic() - began,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
        )

    def _send(self, query: Query, may_send: Callable[[], bool]) -> Answer:
        if not may_send():
            raise NotSent("not sent")
        # The job owns the pauses: each of its calls waiting by itself would be a storm.
        return self.service.query(query, persists=False)

    def _keep(self, task: Task, op: str, answer: Answer, bill: Bill | None) -> None:
        kept = (task.key, op, answer.text, answer.model or self._query.model, bill)
        try:
            self._replies.keep(*kept)
        except StoreUnusable as error:
            keep_later(self._session, *kept)
            self.troubles[f"a reply is only in this kernel's memory: {told(error)}"] = None

    def _release(self, task: Task, op: str) -> None:
        try:
            self._replies.release(task.key, op)
        except StoreUnusable as error:
            self.troubles[told(error)] = None


def _words(error: AskSageError) -> str:
    words = one_line(str(error))
    return words if len(words) <= _REASON else f"{words[:_REASON]}…"
