"""The order of one map: looked for, priced, refused or sent; a sample first, then the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import NotEnoughTokens, OverLimit
from ...interrupts import begin
from ...session.waiting import leave, tell
from ..outcome import Outcome, RowStatus
from ..planning.costs import Range
from ..planning.doubt import Before, look
from ..planning.plan import Plan
from ..planning.sheet import SAMPLED, Task, sample_of
from ..verdict import BAD_SHARE
from .crew import Crew
from .interim import Interim
from .progress import Progress
from .sending import Sender

if TYPE_CHECKING:
    from typing import Self

    from ...session.keeping.owner import Owner

_LOOK_S = 0.1
_TOLD_EVERY_S = 0.25
_LEFT = "left while it was under way: it may be billed"
_GRACE_S = 20.0  # after a stop, for what is paid anyway


@dataclass(slots=True)
class Run:
    """One run of a plan.

    Attributes
    ----------
    outcomes : dict of bytes to Outcome
        By the prompts' keys; what has none was not sent.
    price_anew : Range or None
        What all was expected to cost after the first rows were billed.
    troubles : list of str
        What could not be kept or booked.
    is_stopped : bool
        Whether a person stopped it.
    interim : Interim
        What is done now and then; the job's, over all its runs.
    bears_invalid : float
        As of `verdict.Verdict`.
    """

    plan: Plan
    outcomes: dict[bytes, Outcome] = field(default_factory=dict)
    price_anew: Range | None = None
    is_stopped: bool = False
    troubles: list[str] = field(default_factory=list)
    interim: Interim = field(default_factory=Interim)
    bears_invalid: float = BAD_SHARE
    _owner: Owner | None = None
    _sender: Sender | None = None
    _crews: list[Crew] = field(default_factory=list)

    # -- sending -------------------------------------------------------------------------------------

    def go(self) -> Exception | None:
        """Send what is missing; why it ended before its end, None where it did not."""
        self._take(self.plan.before)
        self.plan.replies.count_saved(list(self.plan.before.outcomes))
        if not self.plan.wanted and not self.plan.before.claimed:
            return None
        self._owner = self.plan.replies.owner()
        try:
            return self._go(self._owner, self.plan.wanted)
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
        terms = self.plan.job.terms
        over = self.plan.job.session.clock() if terms.fresh else None
        self._sender = Sender(self.plan.job, self.plan.replies, owner, self.plan.costs, over)
        first = [] if self.plan.costs.is_known or terms.sample else sample_of(wanted, SAMPLED)
        if len(first) < len(wanted):
            sampled = {task.key for task in first}
            rest = [task for task in wanted if task.key not in sampled]
            if first:
                if failure := self._send(first, self.plan.price.expected):
                    return failure
                missing = self.plan.priced(rest)
                self.price_anew = missing.plus(self._billed())
                self.plan.refuse(missing)
            wanted = rest
        failure = self._send(wanted, (self.price_anew or self.plan.price).expected)
        return failure or self._await_others()

    def _send(self, tasks: Sequence[Task], expected: int) -> Exception | None:
        """Send these, and show how far they are; why it ended before its end."""
        crew = Crew(self._sent, tasks, most=self.plan.job.terms.workers, bears_invalid=self.bears_invalid)
        self._crews.append(crew)
        progress = Progress(len(tasks), expected)
        crew.start()
        told_at = 0.0
        while not crew.is_over:
            crew.wait(_LOOK_S)
            self.interim.look(crew, self.plan)
            if time.monotonic() >= told_at + _TOLD_EVERY_S:
                told_at = time.monotonic()
                tell(progress.line(crew))
                if progress.has_come_far(crew):
                    leave(progress.line(crew))
        self._gather()
        return crew.failure

    def _sent(self, task: Task, may_send: Callable[[], bool]) -> Outcome:
        assert self._sender is not None  # noqa: S101  for mypy
        return self.plan.job.reader.read(self._sender(task, may_send))

    def _await_others(self) -> Exception | None:
        """Wait for the prompts that other runs have, and send what they leave."""
        waiting = [*self.plan.before.claimed, *(task for crew in self._crews for task in crew.claimed)]
        while waiting:
            tell(f"{len(waiting):,} rows are being asked by another run; waiting for it")
            found = look(self.plan.job, self.plan.replies, waiting)
            self._take(found)
            waiting = found.claimed
            if found.missing:
                if failure := self._send(found.missing, self.plan.priced(found.missing).expected):
                    return failure
                waiting = [*waiting, *self._crews[-1].claimed]
            elif waiting:
                time.sleep(_LOOK_S)
        return None

    def _take(self, found: Before) -> None:
        self.outcomes |= {key: self.plan.job.reader.read(each) for key, each in found.outcomes.items()}

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
            begin(threading.Thread(target=self._close, name="asksage-map-end", daemon=True))

    def _close(self) -> None:
        for crew in self._crews:
            while not crew.is_over:
                crew.wait(_LOOK_S)
        if self._owner is not None:
            self._owner.close()
        self.plan.replies.close()
