"""Workers over the prompts of a map: few at first, more while it goes well, at rest when all is busy."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from ..beginning import begin
from ..display.plain import told
from ..errors import AskSageError, Unavailable
from .outcome import Outcome, RowStatus
from .sending import Claimed, NotSent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .sheet import Task

_FIRST = 2
_GOOD = 20  # replies after which one more worker is let in, once there was trouble
_PAUSES_S = (2.0, 60.0)  # where the service does not say how long
_LONGEST_PAUSE_S = 600.0
_GIVE_UP_S = 600.0  # without one good reply
_SAME_REFUSALS = 3
_SOME, _BAD_SHARE = 20, 0.2
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
    until : float
        When a common rest ends, by `clock`.
    """

    def __init__(
        self,
        send: Callable[[Task, Callable[[], bool]], Outcome],
        tasks: Iterable[Task],
        *,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send, self._most, self._clock = send, most, clock
        self._tasks = deque(tasks)
        self._allowed = min(_FIRST, most)
        self._busy = 0
        self._flying: dict[bytes, None] = {}
        self._streak = 0
        self._has_slowed = False
        self._pause_s = _PAUSES_S[0]
        self._last_good = clock()
        self._refusals: deque[str] = deque(maxlen=_SAME_REFUSALS)
        self._changed = threading.Condition()
        self._is_stopped = False
        self._is_draining = False
        self.until = 0.0
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
        return max(0.0, self.until - self._clock())

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
                self._done()
            except NotSent:
                self._done()
            except Unavailable as busy:
                self._rest(task, busy)
            except Exception as error:  # noqa: BLE001  whatever it is, it ends the job and loses no reply
                self._fail(error.with_traceback(None))  # its frames hold the prompt
            else:
                self.outcomes[task.key] = outcome
                self._done(outcome)
            finally:
                self._flying.pop(task.key, None)

    def _next(self) -> Task | None:
        with self._changed:
            while self._may_send():
                if self._tasks and self._busy < self._allowed and self._may_begin():
                    self._busy += 1
                    return self._tasks.popleft()
                if not self._tasks and not self._busy:
                    break
                self._changed.wait(_LOOK_S)
            return None

    def _may_begin(self) -> bool:
        return not self._is_draining and self._clock() >= self.until

    def _done(self, outcome: Outcome | None = None) -> None:
        with self._changed:
            self._busy -= 1
            if outcome is not None:
                self._judge(outcome)
            self._changed.notify_all()

    def _judge(self, outcome: Outcome) -> None:
        if outcome.status is RowStatus.OK:
            self._last_good, self._pause_s = self._clock(), _PAUSES_S[0]
            self._refusals.clear()
            self._streak += 1
            if self._allowed < self._most and (not self._has_slowed or self._streak % _GOOD == 0):
                self._allowed += 1
            return
        self._streak = 0
        self._refusals.append(outcome.reason if outcome.status is RowStatus.REFUSED else "")
        if len(self._refusals) == _SAME_REFUSALS and len({*self._refusals}) == 1 and self._refusals[0]:
            self.end(AskSageError(f"the same refusal {_SAME_REFUSALS} times running: {outcome.reason}"))
            return
        bad = [each for each in self.outcomes.values() if each.status is not RowStatus.OK]
        if len(self.outcomes) >= _SOME and len(bad) > _BAD_SHARE * len(self.outcomes):
            shown = "; ".join(dict.fromkeys(_without_reply(each) for each in bad[:3]))
            self.end(AskSageError(f"{len(bad)} of the first {len(self.outcomes)} came to nothing: {shown}"))

    def _rest(self, task: Task, busy: Unavailable) -> None:
        """Take it back, and let all rest as long as the service says, with half as many afterwards."""
        with self._changed:
            self._busy -= 1
            self._tasks.appendleft(task)
            now = self._clock()
            if now >= self.until:  # the first of those that were under way together
                self._has_slowed, self._streak = True, 0
                self._allowed = max(1, self._allowed // 2)
                usual = self._pause_s * random.uniform(0.75, 1.0)  # noqa: S311  no secret is made of it
                pause = min(getattr(busy, "retry_after_s", None) or usual, _LONGEST_PAUSE_S)
                self._pause_s = min(2 * self._pause_s, _PAUSES_S[1])
                self.until = now + pause
                if self.until - self._last_good > _GIVE_UP_S or _is_lasting(busy):
                    self.end(AskSageError(told(busy)))
            self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._busy -= 1
            self.end(error)
            self._changed.notify_all()


def _without_reply(bad: Outcome) -> str:
    """Why it came to nothing, without what the model said: errors end in logs and in files."""
    if bad.status is RowStatus.INVALID:
        return "a reply is not what the schema or the check wants, .result.failed shows it"
    return bad.reason


def _is_lasting(error: Unavailable) -> bool:
    """Whether waiting cannot help: a name that does not exist, a certificate that is not trusted."""
    return getattr(error, "passing", None) is False
