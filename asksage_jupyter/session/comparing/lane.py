"""One of several calls that are held in turn and then sent at once."""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ...errors import AskSageError, Interrupted
from ..asking.listener import Listener
from ..asking.question import Question, held_words, hold_send_settle
from .columns import ReplyColumn, Stage, column

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...account import Call
    from ...rates import Estimate
    from ...service import Answer, Query, Service
    from ..asking.reply import Reply
    from ..session import Session


class _NotSent(AskSageError):
    """Called off between its hold and its sending; the hold is voided."""


class Lane(threading.Thread):
    """One call, in a thread of its own: `hold_send_settle` holds it, waits for `go`, sends it and settles it.

    The reply is read in yet another thread. So the lane ends soon after `stop`, as a cell does, although a
    silent connection cannot be interrupted from outside.

    Parameters
    ----------
    session : Session
    service : Service
    query : Query
    estimate : Estimate
    changed : callable
        Called whenever there is something new to see.
    streamed : bool
        Whether the text is wanted while it arrives.

    Attributes
    ----------
    is_held, is_over : bool
        Whether its tokens were set aside; whether it came to its end.
    answer : Answer or None
        The whole answer, once it arrived.
    outcome : Reply or Exception
        What came of it, once it is over; of a stopped call, the Reply as far as it arrived.
    duration_ms : int
        From sending to the end.
    """

    def __init__(
        self,
        session: Session,
        service: Service,
        query: Query,
        estimate: Estimate,
        changed: Callable[[], None],
        *,
        streamed: bool,
    ) -> None:
        super().__init__(name=f"asksage-{query.model}", daemon=True)
        self.query, self.estimate = query, estimate
        self.is_held = self.is_over = False
        self.answer: Answer | None = None
        self.outcome: Reply | Exception = _NotSent("not sent")
        self.duration_ms = 0
        self._sent_at = 0.0
        self._session, self._service, self._changed, self._streamed = session, service, changed, streamed
        self._listener = Listener(self._hear)
        # Of each the first word counts: go or do not, what came or that it is not waited for.
        self._word: SimpleQueue[bool] = SimpleQueue()
        self._arrived: SimpleQueue[Answer | BaseException] = SimpleQueue()
        self._is_waited_for = True
        self._call: Call = session.settling.call(estimate.model, estimate.expected)
        self._context = copy_context()  # the kernel finds in it which cell is under way

    def run(self) -> None:
        """Hold, wait, send, settle; nothing is raised."""
        question = Question(self.estimate, self._send, self._listener, learn=self._keep)
        try:
            self.outcome = self._context.run(hold_send_settle, self._session, self._call, question)
        except Interrupted as stopped:
            self.outcome = stopped.reply
        except Exception as error:  # noqa: BLE001  whatever it is, it must not cost the other models' replies
            self.outcome = error.with_traceback(None)  # its frames hold the prompt
        finally:
            self.is_over = True
            self._changed()

    def go(self) -> None:
        """Let it be sent."""
        self._word.put(True)

    def stop(self) -> None:
        """Call it off: unsent, its hold is voided; sent, its hold stays until the bill is known."""
        self._is_waited_for = False
        self._word.put(False)
        self._arrived.put(KeyboardInterrupt())

    @property
    def column(self) -> ReplyColumn:
        """How far it is."""
        if self.is_over:
            return column(self.query.model, self.outcome, self.duration_ms)
        if text := self._listener.text:
            return ReplyColumn(self.query.model, Stage.WRITING, text)
        waited = int(time.monotonic() - self._sent_at) if self._sent_at else 0
        seconds = f" · {waited} s" if waited else ""
        return ReplyColumn(
            self.query.model, Stage.WAITING, told=f"{held_words(self.estimate.expected)}{seconds}"
        )

    def _send(self) -> Answer:
        self.is_held = True
        self._changed()
        if not self._word.get():
            raise _NotSent("not sent")
        self._sent_at = time.monotonic()
        read = partial(copy_context().run, self._read)
        try:
            threading.Thread(target=read, name=f"{self.name}-reply", daemon=True).start()
            arrived = self._arrived.get()
        finally:
            self.duration_ms = round((time.monotonic() - self._sent_at) * 1000)
        if isinstance(arrived, BaseException):
            raise arrived
        return arrived

    def _read(self) -> None:
        try:
            self._arrived.put(self._service.query(self.query, self._listener if self._streamed else None))
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            self._arrived.put(error)

    def _hear(self, text: str) -> None:
        if not self._is_waited_for:
            raise KeyboardInterrupt  # closes the connection, as in a cell that is stopped
        self._changed()

    def _keep(self, answer: Answer) -> None:
        self.answer = answer
