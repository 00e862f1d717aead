"""How replies are read, and which of them are asked about again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Real
from threading import current_thread, main_thread
from typing import Any

from ...display.plain import shown, told
from ...errors import BadInput
from ...session import given
from ..outcome import Outcome, RowStatus
from ..verdict import BAD_SHARE
from .answer import AnswerSchema, Unreadable

TWICE = 2
_VALUES = (str, Real, list, tuple, dict)


@dataclass(frozen=True, slots=True)
class AnswerReader:
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
        if self.escalate is not None:
            given.text(self.escalate, "escalate")
        if given.whole(self.repairs, "repairs") > 1:
            raise BadInput(f"repairs are 0 or 1, not {self.repairs}: each is paid. Nothing was sent.")
        if self.check is not None and not callable(self.check):
            raise BadInput(f"check is a function of an answer, not {shown(self.check)}. Nothing was sent.")
        if not (self.unsure is None or callable(self.unsure) or isinstance(self.unsure, _VALUES)):
            raise BadInput(
                f"unsure is a value, a function of an answer, or 2, not {shown(self.unsure)}. Nothing was "
                f"sent."
            )
        if self.unsure is not None and self.escalate is None:
            raise BadInput("unsure says which answers escalate asks again: name its model. Nothing was sent.")

    @property
    def repairs_some(self) -> bool:
        """Whether a reply that is no answer is sent back: to a text there is nothing to say."""
        return bool(self.repairs and self.schema.wish)

    @property
    def bears_invalid(self) -> float:
        """The share of replies that may be no answers before a job ends: half where they are asked again."""
        return 0.5 if self.repairs_some or self.escalate is not None else BAD_SHARE

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
            except BaseException as error:  # the person's own code; ``sys.exit`` would but end our thread
                if isinstance(error, KeyboardInterrupt) and current_thread() is main_thread():
                    raise
                raise Unreadable(f"its check failed ({told(error)})") from None
            if isinstance(verdict, str) or _is_no(verdict):
                raise Unreadable((isinstance(verdict, str) and verdict) or "its check says no")
        return value

    def is_unsure(self, outcome: Outcome) -> bool:
        """Whether the better model is to be asked too."""
        if outcome.status is RowStatus.INVALID:
            return True
        if outcome.status is not RowStatus.OK or self.unsure is None or self.unsure is TWICE:
            return False
        if callable(self.unsure):
            try:
                return bool(self.unsure(outcome.value))
            except Exception as error:
                raise BadInput(f"unsure failed ({told(error)})") from error
        return bool(outcome.value == self.unsure)


def _is_no(verdict: object) -> bool:
    """Whether a check says no; NumPy and pandas have a False of their own."""
    try:
        return not given.yes(verdict, "check")
    except BadInput:
        return False
