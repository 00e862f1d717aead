"""What follows the first asking: a reply sent back with what is wrong, a better model for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..display.plain import told
from ..errors import AskSageError, BadInput
from .keys import keyed
from .outcome import How, Outcome, RowStatus
from .run import Run
from .schema import AnswerSchema, Unreadable
from .sending import Task
from .store import open_replies

if TYPE_CHECKING:
    from ..service import Query
    from ..session import Session
    from .run import Terms

_TWICE = 2
_LONGEST = 20_000  # characters of a reply that is sent back


@dataclass(frozen=True, slots=True)
class Reader:
    """How replies are read, and what is done with those that are no answers.

    Attributes
    ----------
    schema : AnswerSchema
    check : callable or None
        The person's own test of an answer.
    repairs : int
    escalate : str or None
        The model that is asked what the first one could not.
    unsure : object
        Which answers it is asked too: a value, a function of one, or 2.
    """

    schema: AnswerSchema
    check: Callable[[Any], Any] | None = None
    repairs: int = 1
    escalate: str | None = None
    unsure: Any = None

    def __post_init__(self) -> None:
        if self.repairs > 1:
            raise BadInput(f"repairs are 0 or 1, not {self.repairs}: each is paid. Nothing was sent.")
        if self.unsure is not None and self.escalate is None:
            raise BadInput("unsure says which answers escalate asks again: name its model. Nothing was sent.")

    def read(self, outcome: Outcome) -> Outcome:
        """The outcome with its reply read."""
        if outcome.status is not RowStatus.OK or outcome.text is None:
            return outcome
        try:
            return replace(outcome, value=self._value(outcome.text))
        except Unreadable as error:
            return replace(outcome, status=RowStatus.INVALID, reason=str(error))

    def _value(self, text: str) -> Any:
        if not text.strip():
            raise Unreadable("the reply is empty")
        value = self.schema.read(text)
        if self.check is not None:
            try:
                verdict = self.check(value)
            except Exception as error:  # noqa: BLE001  the person's own code
                raise Unreadable(f"its check failed ({told(error)})") from None
            if verdict is False or isinstance(verdict, str):
                raise Unreadable(verdict or "its check says no")
        return value

    def is_unsure(self, outcome: Outcome) -> bool:
        """Whether the better model is to be asked too."""
        if outcome.status is RowStatus.INVALID:
            return True
        if outcome.status is not RowStatus.OK or self.unsure is None or self.unsure is _TWICE:
            return False
        if callable(self.unsure):
            try:
                return bool(self.unsure(outcome.value))
            except Exception as error:
                raise BadInput(f"unsure failed ({told(error)})") from error
        return bool(outcome.value == self.unsure)


class Rounds:
    """The rounds after the first; each is a run of its own, held and kept like it, under the same job.

    Attributes
    ----------
    outcomes : dict of bytes to Outcome
        By the keys of the first round, with the cost of all.
    troubles : list of str
    is_stopped : bool
    """

    def __init__(self, session: Session, query: Query, terms: Terms, reader: Reader, first: Run) -> None:
        self._session, self._query, self._terms, self._reader = session, query, terms, reader
        self.outcomes: dict[bytes, Outcome] = dict(first.outcomes)
        self.troubles, self.is_stopped = list(first.troubles), first.is_stopped

    def go(self, tasks: Sequence[Task]) -> Exception | None:
        """Repair, ask twice, and ask the better model, as far as wanted; why it ended before its end."""
        answered = [task for task in tasks if task.key in self.outcomes]
        reader, failure = self._reader, None
        if reader.repairs and reader.schema.wish:
            failure = self._round(self._query, self._repairs(answered))
        if reader.escalate is None or failure or self.is_stopped:
            return failure
        doubtful: set[bytes] = set()
        if reader.unsure is _TWICE:
            key = keyed(self._query, self._session.account)
            again = {task.key: Task(task.prompt, key(task.prompt, 1)) for task in answered}
            if (failure := self._round(self._query, again, doubtful)) or self.is_stopped:
                return failure
        rate = self._session.prepared(lambda: self._session.pricing.rate(str(reader.escalate)))
        better = replace(self._query, model=rate.model)
        key = keyed(better, self._session.account)
        asked = {
            task.key: Task(task.prompt, key(task.prompt))
            for task in answered
            if task.key in doubtful or reader.is_unsure(self.outcomes[task.key])
        }
        return self._round(better, asked)

    def _repairs(self, tasks: Sequence[Task]) -> dict[bytes, Task]:
        """A reply, what is wrong with it and what is wanted: never more, or each try would cost more."""
        key, found = keyed(self._query, self._session.account), {}
        for task in tasks:
            outcome = self.outcomes[task.key]
            if outcome.status is RowStatus.INVALID and outcome.text and len(outcome.text) <= _LONGEST:
                prompt = (
                    f"This reply does not fit: {outcome.reason}.\n\n{outcome.text}\n\n"
                    f"Give the same answer again as it is wanted. {self._reader.schema.wish}"
                )
                found[task.key] = Task(prompt, key(prompt))
        return found

    def _round(
        self, query: Query, asked: Mapping[bytes, Task], differing: set[bytes] | None = None
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
        spent = sum(each.tokens + each.before for each in self.outcomes.values())
        terms = replace(self._terms, sample=None)
        with Run(
            self._session, query, tasks, open_replies(self._session), terms, self._reader.read, spent
        ) as run:
            run.look()
            try:
                run.refuse()
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
