"""One prompt of a map: claim its key, hold its estimate, send, keep the reply, settle."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ..display.plain import one_line, told
from ..errors import AskSageError, OutOfTokens, OverLimit, Refused, ReplyLost, Unavailable
from ..session.asking.listener import Listener
from ..session.asking.question import Question, hold_send_settle
from .outcome import How, Outcome, RowStatus
from .replies import StoreUnusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..account import Bill
    from ..rates import Estimate
    from ..service import Answer, Query
    from ..session import Session
    from .costs import Costs
    from .owner import Owner
    from .replies import Replies

_REASON = 200  # characters


@dataclass(frozen=True, slots=True)
class Task:
    """One distinct prompt, and the key of its reply."""

    prompt: str
    key: bytes

    def __repr__(self) -> str:
        return f"Task({self.key.hex()[:8]})"


class Claimed(Exception):
    """Another run has the key: it is waited for."""


class NotSent(AskSageError):
    """Called off between its hold and its sending; the hold is voided."""


class Purse:
    """A job's own limit, from which each call takes its estimate before it is held.

    Parameters
    ----------
    limit : int or None
        Ask Sage tokens of all the job's runs; None for no limit.
    spent : int
        By the runs before.
    """

    def __init__(self, limit: int | None, spent: int) -> None:
        self._limit, self._taken = limit, spent
        self._lock = threading.Lock()

    def take(self, tokens: int) -> None:
        """Set tokens aside.

        Raises
        ------
        OverLimit
            They are more than is left of the limit.
        """
        with self._lock:
            if self._limit is not None and self._taken + tokens > self._limit:
                raise OverLimit(self._taken + tokens, self._limit)
            self._taken += tokens

    def give_back(self, tokens: int) -> None:
        """What was not spent of it; below 0 where more was."""
        with self._lock:
            self._taken -= tokens


class Sender:
    """Sends the prompts of one job, from several threads.

    Parameters
    ----------
    session : Session
    query : Query
        How each prompt is sent.
    replies : Replies
    owner : Owner
        The run.
    job : str
    costs : Costs
    purse : Purse
    over : int, optional
        Replies that were kept before this instant count for nothing.

    Attributes
    ----------
    troubles : list of str
        What could not be kept or booked, each once.
    """

    def __init__(
        self,
        session: Session,
        query: Query,
        replies: Replies,
        owner: Owner,
        job: str,
        costs: Costs,
        purse: Purse,
        over: int | None = None,
    ) -> None:
        self._session, self._query, self._replies = session, query, replies
        self._owner, self._job, self._costs, self._purse = owner, job, costs, purse
        self._over = over
        self.service = session.service  # made here, once, and not by each of the threads
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
        self._purse.take(estimate.expected)
        spent = 0
        try:
            outcome = self._claimed(task, estimate, may_send)
            spent = outcome.tokens or (estimate.expected if outcome.status is RowStatus.UNKNOWN else 0)
        finally:
            self._purse.give_back(estimate.expected - spent)
        return outcome

    def _claimed(self, task: Task, estimate: Estimate, may_send: Callable[[], bool]) -> Outcome:
        call = self._session.settling.call(estimate.model, estimate.expected)
        if not self._replies.claim(task.key, call.op, self._owner, self._job, over=self._over):
            raise Claimed
        began = time.monotonic()
        question = Question(
            estimate,
            partial(self._send, replace(self._query, prompt=task.prompt), may_send),
            Listener(None),
            keep=partial(self._keep, task, call.op),
        )
        try:
            reply = hold_send_settle(self._session, call, question)
        except ReplyLost as lost:  # the claim stays, so that nobody sends it again
            tokens = lost.tokens or 0
            return Outcome(
                RowStatus.UNKNOWN, How.SENT, reason=_words(lost), tokens=tokens, attempts=1, op=call.op
            )
        except (Unavailable, OutOfTokens):
            self._release(task, call.op)
            raise
        except Refused as refused:
            self._release(task, call.op)
            return Outcome(RowStatus.REFUSED, reason=_words(refused), attempts=1)
        except AskSageError:
            self._release(task, call.op)
            raise
        for note in reply.notes:
            if "still to be booked" in note or "not debited" in note:
                self.troubles[note] = None
        if reply.tokens is not None:
            self._replies.note_booked(task.key)
            self._costs.heard(task.prompt, reply.tokens)
        return Outcome(
            RowStatus.OK,
            How.SENT,
            text=reply.text,
            tokens=reply.tokens or 0,
            model=reply.model,
            attempts=1,
            op=call.op,
            seconds=time.monotonic() - began,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
        )

    def _send(self, query: Query, may_send: Callable[[], bool]) -> Answer:
        if not may_send():
            raise NotSent("not sent")
        # The job owns the pauses: each of its calls waiting by itself would be a storm.
        return self.service.query(query, persists=False)

    def _keep(self, task: Task, op: str, answer: Answer, bill: Bill | None) -> None:
        try:
            self._replies.keep(task.key, op, answer.text, answer.model or self._query.model, bill)
        except StoreUnusable as error:
            self.troubles[f"a reply is only in this kernel's memory: {told(error)}"] = None

    def _release(self, task: Task, op: str) -> None:
        try:
            self._replies.release(task.key, op)
        except StoreUnusable as error:
            self.troubles[told(error)] = None


def _words(error: AskSageError) -> str:
    words = one_line(str(error))
    return words if len(words) <= _REASON else f"{words[:_REASON]}…"
