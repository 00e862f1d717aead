"""What follows the first asking: a reply sent back with what is wrong, a better model for the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import AskSageError
from ...session.keeping.store import open_replies
from ..answers.reader import TWICE
from ..outcome import How, Outcome, RowStatus
from ..planning.plan import Plan
from ..planning.sheet import Task
from ..proportion import Proportion
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..planning.job import Job

_LONGEST = 20_000  # characters of a reply that is sent back


class Rounds:
    """The rounds after the first; each is a run of its own, held and kept like it, under the same job.

    Attributes
    ----------
    outcomes : dict of bytes to Outcome
        By the keys of the first round, with the cost of all.
    escalated : Proportion or None
        How many of those answered the better model was asked; None where there is none.
    troubles : list of str
    is_stopped : bool
    """

    def __init__(self, job: Job, first: Run) -> None:
        self._interim = first.interim
        self._job = replace(job, terms=replace(job.terms, sample=None))
        self.outcomes: dict[bytes, Outcome] = dict(first.outcomes)
        self.escalated: Proportion | None = None
        self.troubles, self.is_stopped = list(first.troubles), first.is_stopped

    def go(self, tasks: Sequence[Task]) -> Exception | None:
        """Repair, ask twice, and ask the better model, as far as wanted; why it ended before its end."""
        job, reader, failure = self._job, self._job.reader, None
        answered = [task for task in tasks if task.key in self.outcomes]
        if reader.repairs_some:
            failure = self._round(job, self._repairs(answered))
        if reader.escalate is None or failure or self.is_stopped:
            return failure
        doubtful: set[bytes] = set()
        if reader.unsure is TWICE:
            key = job.key
            again = {task.key: Task(task.prompt, key(task.prompt, 1)) for task in answered}
            if (failure := self._round(job, again, doubtful)) or self.is_stopped:
                return failure
        rate = job.session.prepared(lambda: job.session.pricing.rate(str(reader.escalate)))
        better = replace(job, query=replace(job.query, model=rate.model))
        key = better.key
        asked = {
            task.key: Task(task.prompt, key(task.prompt))
            for task in answered
            if task.key in doubtful or reader.is_unsure(self.outcomes[task.key])
        }
        if answered:
            self.escalated = Proportion(len(asked), len(answered))
        return self._round(better, asked)

    def _repairs(self, tasks: Sequence[Task]) -> dict[bytes, Task]:
        """A reply, what is wrong with it and what is wanted: never more, or each try would cost more."""
        key, found = self._job.key, {}
        for task in tasks:
            outcome = self.outcomes[task.key]
            if outcome.status is RowStatus.INVALID and outcome.text and len(outcome.text) <= _LONGEST:
                prompt = (
                    f"This reply does not fit: {outcome.reason}.\n\n{outcome.text}\n\n"
                    f"Give the same answer again as it is wanted. {self._job.reader.schema.wish}"
                )
                found[task.key] = Task(prompt, key(prompt))
        return found

    def _round(
        self, job: Job, asked: Mapping[bytes, Task], differing: set[bytes] | None = None
    ) -> Exception | None:
        """Ask one task for each key, and put its answer in the place of the one before.

        Parameters
        ----------
        differing : set, optional
            Takes the keys whose two answers differ; then the first ones stay.
        """
        if not asked:
            return None
        tasks = list({task.key: task for task in asked.values()}.values())
        plan = Plan(job, tasks, open_replies(job.session))
        with Run(plan, interim=self._interim, bears_invalid=1.0) as run:
            plan.look()
            try:
                plan.refuse(plan.price)
            except AskSageError as error:
                return error
            failure = run.go()
        self.troubles += run.troubles
        self.is_stopped |= run.is_stopped
        paid: set[bytes] = set()
        for key, task in asked.items():
            if (later := run.outcomes.get(task.key)) is not None:
                free = later if task.key not in paid else replace(later, tokens=0, before=0, attempts=0)
                paid.add(task.key)
                first = self.outcomes[key]
                if differing is not None and later.value != first.value:
                    differing.add(key)
                self.outcomes[key] = _together(first, free, keeps_first=differing is not None)
        return failure


def _together(first: Outcome, later: Outcome, *, keeps_first: bool) -> Outcome:
    """The later answer, or the first where the later is none, with the cost of both."""
    takes_later = later.status is RowStatus.OK and not keeps_first
    kept = later if takes_later else first
    return replace(
        kept,
        how=How.SENT if How.SENT in (first.how, later.how) else kept.how,
        tokens=first.tokens + later.tokens,
        before=first.before + later.before,
        attempts=first.attempts + later.attempts,
        reason="" if kept.status is RowStatus.OK else kept.reason or later.reason,
    )
