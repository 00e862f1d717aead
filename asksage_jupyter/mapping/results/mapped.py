"""What a map comes to: an answer for each row, the same index, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas

from ...session import current
from ..outcome import How, Outcome, RowStatus
from ..planning.costs import Range
from ..planning.estimate import MapEstimate
from ..proportion import Proportion
from .elsewhere import MapSample
from .report import Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...account import Balance
    from ..answers.answer import AnswerSchema
    from ..planning.sheet import Sheet


@dataclass(frozen=True)
class Mapped:
    """The answers of a map, one a row, in the rows' order and with their index.

    Attributes
    ----------
    estimate : MapEstimate
        As it was before anything was sent.
    balance : Balance or None
        After it.
    job : str
        Under which its calls are booked.
    troubles : tuple of str
        What could not be kept or booked.
    into : str
        What the column of answers is called.
    escalated : Proportion or None
        How many the better model was asked, and between which shares that of all such rows lies.
    """

    estimate: MapEstimate
    balance: Balance | None = field(repr=False)
    job: str
    troubles: tuple[str, ...]
    into: str = field(repr=False)
    _index: pandas.Index[Any] = field(repr=False)
    _sheet: Sheet = field(repr=False)
    _outcomes: Mapping[bytes, Outcome] = field(repr=False)
    _schema: AnswerSchema = field(repr=False)
    _anew: Range | None = field(repr=False, default=None)
    escalated: Proportion | None = None

    @cached_property
    def of_rows(self) -> list[Outcome]:
        """The outcome of each row."""
        skipped, unsent = Outcome(RowStatus.SKIPPED), Outcome(RowStatus.UNSENT)
        seen: set[int] = set()
        found = []
        for place in self._sheet.of_row:
            if place is None:
                found.append(skipped)
                continue
            outcome = self._outcomes.get(self._sheet.tasks[place].key, unsent)
            found.append(outcome if place not in seen else _same(outcome))
            seen.add(place)
        return found

    @cached_property
    def answers(self) -> Any:
        """The answers: a Series, or a DataFrame with the schema's columns; NA where there is none."""
        values = [each.value if each.status is RowStatus.OK else None for each in self.of_rows]
        if not self._schema.is_table:
            dtype = self._schema.dtypes[""]
            return pandas.Series(values, index=self._index, name=self.into, dtype=dtype)
        columns = {
            name: pandas.array([None if each is None else each[name] for each in values], dtype=dtype)
            for name, dtype in self._schema.dtypes.items()
        }
        return pandas.DataFrame(columns, index=self._index)

    @cached_property
    def frame(self) -> pandas.DataFrame:
        """The answers, and of each row its status, how it came, why not, tokens, model, attempts and op."""
        rows = self.of_rows
        frame = self.answers.to_frame() if isinstance(self.answers, pandas.Series) else self.answers.copy()
        statuses = pandas.CategoricalDtype([str(each) for each in RowStatus])
        hows = pandas.CategoricalDtype([str(each) for each in How])
        added = {
            "status": pandas.array([str(each.status) for each in rows], dtype=statuses),
            "how": pandas.array([None if each.how is None else str(each.how) for each in rows], dtype=hows),
            "reason": pandas.array([each.reason or None for each in rows], dtype="string"),
            "tokens": pandas.array([each.tokens for each in rows], dtype="Int64"),
            "model": pandas.array([each.model for each in rows], dtype="string"),
            "attempts": pandas.array([each.attempts for each in rows], dtype="Int64"),
            "op": pandas.array([each.op for each in rows], dtype="string"),
        }
        for name, column in added.items():
            # A column of the answers keeps its name; what is told of the row is then set apart.
            frame[f"row_{name}" if name in frame.columns else name] = column
        return frame

    def what_if(self, *, rows: int | None = None, model: str | None = None) -> Range:
        """What so many rows like these would cost on a model: as `asksage_jupyter.what_if` tells it.

        Raises
        ------
        BadInput
            No call has told its model tokens, or the model is not offered.
        """
        return self.sample.cost(current(), rows, model)

    @property
    def sample(self) -> MapSample:
        """What its calls told of its rows."""
        calls = len(self._sheet.tasks)
        return MapSample.of(self.estimate.model, len(self._sheet.of_row), calls, self._outcomes.values())

    def beside(self, rows: pandas.DataFrame) -> pandas.DataFrame:
        """A copy of the rows with their answers, and with ``<into>_status``."""
        answers = self.answers
        columns = {self.into: answers} if isinstance(answers, pandas.Series) else dict(answers.items())
        statuses = pandas.CategoricalDtype([str(each) for each in RowStatus])
        columns[f"{self.into}_status"] = pandas.array([str(each.status) for each in self.of_rows], statuses)
        frame = rows.copy()
        if isinstance(frame.columns, pandas.CategoricalIndex):  # as of a pivot, and takes no other name
            frame.columns = frame.columns.astype(object)
        below = ("",) * (frame.columns.nlevels - 1)
        for name, each in columns.items():
            # By their places: an index may have a label twice.
            frame[(str(name), *below) if below else str(name)] = getattr(each, "array", each)
        return frame

    @property
    def failed(self) -> pandas.DataFrame:
        """The rows that were asked and have no answer."""
        return self.frame[[each.status not in (RowStatus.OK, RowStatus.SKIPPED) for each in self.of_rows]]

    @cached_property
    def report(self) -> Report:
        """What is told of it."""
        index, rows = self._index, self.of_rows
        notes = [*self.troubles]
        if self.escalated is not None:
            notes.insert(0, f"the better model was asked {self.escalated}")
        return Report(self.estimate, self._anew, index, rows, self.balance, notes)

    @property
    def tokens(self) -> int:
        """Ask Sage tokens that this run was debited."""
        return self.report.tokens

    @property
    def receipt(self) -> str:
        """One quiet line: rows answered, tokens debited, what is left."""
        return self.report.line

    def count(self, *statuses: RowStatus) -> int:
        """How many rows stand so."""
        return sum(self.report.counts[status] for status in statuses)

    def __len__(self) -> int:
        return len(self._sheet.of_row)

    def __repr__(self) -> str:
        return self.receipt

    def _repr_html_(self) -> str:
        return self.report.html


def _same(outcome: Outcome) -> Outcome:
    """What a row has of an equal one's outcome: all but its cost."""
    if outcome.status is RowStatus.UNSENT:
        return outcome
    return replace(outcome, how=How.SAME, tokens=0, before=0, attempts=0, seconds=None)
