"""Workers over the prompts of a map, side by side."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from ...display.plain import told
from ...errors import AskSageError, Unavailable
from ...interrupts import begin
from ..outcome import Outcome, RowStatus
from ..verdict import BAD_SHARE, Verdict
from .flow import Flow
from .sending import Claimed, NotSent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..planning.sheet import Task

_LOOK_S = 0.1


class Crew:
    """Sends tasks side by side; the thread that waits for it may be interrupted at any point.

    Parameters
    ----------
    send : callable
        As `Sender` is.
    tasks : iterable of Task
    most : int
        Workers at the most.
    bears_invalid : float
        As of `Verdict`.
    clock : callable
        Seconds.

    Attributes
    ----------
    outcomes : dict of bytes to Outcome
        By key, as they come.
    claimed : list of Task
        Those that another run has.
    failure : Exception or None
        What ended it before its end.
    """

    def __init__(
        self,
        send: Callable[[Task, Callable[[], bool]], Outcome],
        tasks: Iterable[Task],
        *,
        most: int,
        bears_invalid: float = BAD_SHARE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send, self._most = send, most
        self._flow, self._verdict = Flow(most, clock), Verdict(bears_invalid)
        self._tasks = deque(tasks)
        self._busy = 0
        self._flying: dict[bytes, None] = {}
        self._changed = threading.Condition()
        self._is_stopped = False
        self._is_draining = False
        self.outcomes: dict[bytes, Outcome] = {}
        self.claimed: list[Task] = []
        self.failure: Exception | None = None
        self._working: set[int] = set()
        self._ended: SimpleQueue[int] = SimpleQueue()

    def start(self) -> None:
        """Let them begin."""
        for number in range(min(self._most, len(self._tasks))):
            self._working.add(number)
            run = partial(copy_context().run, self._work_to_the_end, number)
            begin(threading.Thread(target=run, name=f"asksage-map-{number}", daemon=True))

    def stop(self) -> None:
        """Send nothing more; what is under way goes on to its end."""
        self._is_stopped = True  # nothing else: an interrupt may strike anywhere, and locks nothing here

    def end(self, failure: Exception) -> None:
        """Send nothing more, because of this."""
        self.failure = self.failure or failure

    def drain(self) -> None:
        """Begin nothing until `go_on`; what is under way goes on to its end."""
        self._is_draining = True

    def go_on(self) -> None:
        """Begin again."""
        self._is_draining = False

    @property
    def is_drained(self) -> bool:
        """Whether nothing is under way, since `drain`."""
        return self._is_draining and not self._busy

    @property
    def left(self) -> list[Task]:
        """Those that nobody has begun."""
        return list(self._tasks)

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way and nothing will be."""
        return not self._working

    @property
    def in_flight(self) -> int:
        """How many are under way."""
        return self._busy

    @property
    def under_way(self) -> list[bytes]:
        """The keys of those that are under way."""
        return list(self._flying)

    @property
    def rests_s(self) -> float:
        """How long all rest yet, because the service is busy."""
        return self._flow.rests_s

    def wait(self, seconds: float) -> None:
        """Wait for the end of one of them, at most so long.

        In a queue: a Ctrl-C within `Thread.join` lets Python up to 3.12 take a thread that runs for ended.
        """
        with suppress(Empty):
            self._ended.get(timeout=seconds)

    def _may_send(self) -> bool:
        return not self._is_stopped and self.failure is None

    def _work_to_the_end(self, number: int) -> None:
        try:
            self._work()
        finally:
            self._working.discard(number)
            self._ended.put(number)

    def _work(self) -> None:
        while (task := self._next()) is not None:
            self._flying[task.key] = None
            try:
                outcome = self._send(task, self._may_send)
            except Claimed:
                self.claimed.append(task)
            except NotSent:
                pass
            except Unavailable as busy:
                self._rest(task, busy)
            except Exception as error:  # noqa: BLE001  whatever it is, it ends the job and loses no reply
                self.end(error.with_traceback(None))  # its frames hold the prompt
            else:
                self._keep(task, outcome)
            finally:
                self._let_go(task)

    def _next(self) -> Task | None:
        with self._changed:
            while self._may_send():
                if self._tasks and self._busy < self._flow.allowed and self._may_begin():
                    self._busy += 1
                    return self._tasks.popleft()
                if not self._tasks and not self._busy:
                    break
                self._changed.wait(_LOOK_S)
            return None

    def _may_begin(self) -> bool:
        return not self._is_draining and not self._flow.rests_s

    def _keep(self, task: Task, outcome: Outcome) -> None:
        with self._changed:  # as it is judged among all the others
            self.outcomes[task.key] = outcome
            if outcome.status is RowStatus.OK:
                self._flow.went_well()
            else:
                self._flow.went_badly()
            if (why := self._verdict.of(outcome, self.outcomes.values())) is not None:
                self.end(why)

    def _rest(self, task: Task, busy: Unavailable) -> None:
        """Take it back, and let all rest."""
        with self._changed:
            self._tasks.appendleft(task)
            if not self._flow.rest(busy):
                self.end(AskSageError(told(busy)))

    def _let_go(self, task: Task) -> None:
        with self._changed:
            self._flying.pop(task.key, None)
            self._busy -= 1
            self._changed.notify_all()
