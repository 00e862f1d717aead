"""What a job is to send, found, priced and refused or not before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...account import Meter
from ...errors import BadInput
from ...session.asking.confirming import confirm
from ...session.asking.shortage import afford
from .costs import NOTHING, Costs, Range
from .doubt import Before, look
from .sheet import Task, sample_of

if TYPE_CHECKING:
    from ...session.keeping.replies import Replies
    from .job import Job

_WITHOUT_BUDGET = 100_000  # calls
_CONFIRMED_ABOVE = "10%"  # of what is left, where no budget was given


@dataclass(slots=True)
class Plan:
    """What is to be asked of distinct prompts.

    Attributes
    ----------
    before : Before
        What was answered already, and what is in doubt.
    wanted : list of Task
        What is to be sent.
    price : Range
        What that is expected to cost.
    costs : Costs
        Learns from each bill.
    """

    job: Job
    tasks: Sequence[Task]
    replies: Replies
    before: Before = field(default_factory=Before)
    wanted: list[Task] = field(default_factory=list)
    price: Range = NOTHING
    costs: Costs = field(init=False)
    _confirmed: int = 0

    def __post_init__(self) -> None:
        self.costs = Costs(self.job.session, self.job.query, self.job.reader.schema.longest)

    def look(self) -> None:
        """Find what is answered already, and price what is not; nothing is sent."""
        self.before = look(self.job, self.replies, self.tasks)
        for task in self.tasks:
            found = self.before.outcomes.get(task.key)
            if found is not None and found.before and found.text is not None:
                self.costs.heard(task.prompt, found.before)
        self.wanted = self._wanted()
        self.price = self.priced(self.wanted)

    def priced(self, tasks: Sequence[Task]) -> Range:
        """What tasks will cost together."""
        return self.costs.of_all(task.prompt for task in tasks)

    def refuse(self, price: Range) -> None:
        """Refuse what cannot be paid as a whole.

        Raises
        ------
        NotEnoughTokens, OverLimit, BadInput
            Also `NeedsConfirmation`, where no budget was given; of very many calls one must be.
        """
        session, needed = self.job.session, price.expected
        if len(self.wanted) > _WITHOUT_BUDGET and self.job.terms.budget is None:
            raise BadInput(
                f"{len(self.wanted):,} calls, {price}: above {_WITHOUT_BUDGET:,} a map needs a budget=. "
                f"Nothing was sent."
            )
        if not needed or self.job.terms.when is not None:  # with it, it goes on as far as the tokens do
            return
        afford(session, Meter.INFERENCE, needed)
        if self.job.terms.budget is None and needed > self._confirmed:
            confirm(session, needed, f"--budget {needed} or budget=", usual=_CONFIRMED_ABOVE)
            self._confirmed = needed

    def _wanted(self) -> list[Task]:
        missing, number = self.before.missing, self.job.terms.sample
        if number is None:
            return missing
        answered = {task.key for task in self.tasks} - {task.key for task in missing}
        chosen = sample_of(self.tasks, number)  # those of a run before stay among them
        return [task for task in chosen if task.key not in answered]
