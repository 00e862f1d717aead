"""The order of one map: looked for, priced, refused or sent; a sample first, then the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..account import Meter
from ..errors import NotEnoughTokens, OverLimit
from ..session.asking.confirming import confirm
from ..session.asking.shortage import afford
from ..session.waiting import tell
from .costs import NOTHING, Costs, Range
from .crew import Crew
from .doubt import Before, look
from .outcome import Outcome, RowStatus
from .progress import Progress
from .sending import Sender
from .sheet import SAMPLED, Task, sample_of

if TYPE_CHECKING:
    from typing import Self

    from ..session.keeping.owner import Owner
    from ..session.keeping.replies import Replies
    from .job import Job

_LOOK_S = 0.1
_TOLD_EVERY_S = 0.25
_LEFT = "left while it was under way: it may be billed"
_CONFIRMED_ABOVE = "10%"  # of what is left, where no budget was given
_GRACE_S = 20.0  # after a stop, for what is paid anyway


@dataclass(slots=True)
class Run:
    """One run of a job over distinct prompts.

    Attributes
    ----------
    outcomes : dict of bytes to Outcome
        By the prompts' keys; what has none was not sent.
    wanted : list of Task
        What is to be sent.
    price : Range
        What it was expected to cost before anything was sent.
    price_anew : Range or None
        The same after the first rows were billed.
    troubles : list of str
        What could not be kept or booked.
    is_stopped : bool
        Whether a person stopped it.
    """

    job: Job
    tasks: Sequence[Task]
    replies: Replies
    outcomes: dict[bytes, Outcome] = field(default_factory=dict)
    wanted: list[Task] = field(default_factory=list)
    price: Range = NOTHING
    price_anew: Range | None = None
    before: Before = field(default_factory=Before)
    is_stopped: bool = False
    troubles: list[str] = field(default_factory=list)
    costs: Costs = field(init=False)
    _confirmed: int = 0
    _owner: Owner | None = None
    _sender: Sender | None = None
    _crews: list[Crew] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.costs = Costs(self.job.session, self.job.query)

    # -- before anything is sent ---------------------------------------------------------------------

    def look(self) -> None:
        """Find what is answered already, and price what is not; nothing is sent."""
        self.before = look(self.job, self.replies, self.tasks)
        self._take(self.before)
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
        NotEnoughTokens, OverLimit
            Also `NeedsConfirmation`, where no budget was given.
        """
        session, needed = self.job.session, price.expected
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

    # -- sending -------------------------------------------------------------------------------------

    def go(self) -> Exception | None:
        """Send what is missing; why it ended before its end, None where it did not."""
        self.replies.count_saved(list(self.before.outcomes))
        if not self.wanted and not self.before.claimed:
            return None
        self._owner = self.replies.owner()
        try:
            return self._go(self._owner, self.wanted)
        except KeyboardInterrupt:
            self.is_stopped = True
            self._wait_after_stop()
        except (NotEnoughTokens, OverLimit) as short:
            return short
        finally:
            tell(None)
            self._gather()
            self._tell_left()
        return None

    def _go(self, owner: Owner, wanted: list[Task]) -> Exception | None:
        terms = self.job.terms
        over = self.job.session.clock() if terms.fresh else None
        self._sender = Sender(self.job, self.replies, owner, self.costs, over)
        first = [] if self.costs.is_known or terms.sample else sample_of(wanted, SAMPLED)
        if len(first) < len(wanted):
            sampled = {task.key for task in first}
            rest = [task for task in wanted if task.key not in sampled]
            if first:
                if failure := self._send(first, self.price.expected):
                    return failure
                missing = self.priced(rest)
                self.price_anew = missing.plus(self._billed())
                self.refuse(missing)
            wanted = rest
        failure = self._send(wanted, (self.price_anew or self.price).expected)
        return failure or self._await_others()

    def _send(self, tasks: Sequence[Task], expected: int) -> Exception | None:
        """Send these, and show how far they are; why it ended before its end."""
        crew = Crew(self._sent, tasks, most=self.job.terms.workers)
        self._crews.append(crew)
        progress = Progress(len(tasks), expected)
        crew.start()
        told_at = 0.0
        while not crew.is_over:
            crew.wait(_LOOK_S)
            if time.monotonic() >= told_at + _TOLD_EVERY_S:
                told_at = time.monotonic()
                tell(progress.line(crew))
        self._gather()
        return crew.failure

    def _sent(self, task: Task, may_send: Callable[[], bool]) -> Outcome:
        assert self._sender is not None  # noqa: S101  for mypy
        return self.job.reader.read(self._sender(task, may_send))

    def _await_others(self) -> Exception | None:
        """Wait for the prompts that other runs have, and send what they leave."""
        waiting = [*self.before.claimed, *(task for crew in self._crews for task in crew.claimed)]
        while waiting:
            tell(f"{len(waiting):,} rows are being asked by another run; waiting for it")
            found = look(self.job, self.replies, waiting)
            self._take(found)
            waiting = found.claimed
            if found.missing:
                if failure := self._send(found.missing, self.priced(found.missing).expected):
                    return failure
                waiting = [*waiting, *self._crews[-1].claimed]
            elif waiting:
                time.sleep(_LOOK_S)
        return None

    def _take(self, found: Before) -> None:
        self.outcomes |= {key: self.job.reader.read(each) for key, each in found.outcomes.items()}

    def _gather(self) -> None:
        for crew in self._crews:
            self.outcomes |= crew.outcomes

    def _billed(self) -> int:
        return sum(each.tokens for each in self.outcomes.values())

    # -- the end -------------------------------------------------------------------------------------

    def _wait_after_stop(self) -> None:
        """What is under way is paid anyway: its replies are waited for a while, unless stopped again."""
        for crew in self._crews:
            crew.stop()
        until = time.monotonic() + _GRACE_S
        with suppress(KeyboardInterrupt):
            while any(not crew.is_over for crew in self._crews) and time.monotonic() < until:
                flying = sum(crew.in_flight for crew in self._crews)
                tell(f"stopping: {flying} under way, which are paid for; stop again to leave them")
                for crew in self._crews:
                    crew.wait(_LOOK_S)

    def _tell_left(self) -> None:
        """What was left while it was under way may be billed."""
        for crew in self._crews:
            for key in crew.under_way:
                self.outcomes.setdefault(key, Outcome(RowStatus.UNKNOWN, reason=_LEFT))
        if self._sender is not None:
            self.troubles += self._sender.troubles

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Alive until the last is over, so that no other run takes for dead what is under way.
        if all(crew.is_over for crew in self._crews):
            self._close()
        else:
            threading.Thread(target=self._close, name="asksage-map-end", daemon=True).start()

    def _close(self) -> None:
        for crew in self._crews:
            while not crew.is_over:
                crew.wait(60.0)
        if self._owner is not None:
            self._owner.close()
        self.replies.close()
