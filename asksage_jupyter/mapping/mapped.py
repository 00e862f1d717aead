"""What a map comes to: an answer for each row, the same index, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pandas

from ..display.plain import plain
from ..errors import BadInput
from ..session import current, given
from .costs import Range
from .outcome import How, Outcome, RowStatus
from .report import card_of, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..account import Balance
    from .schema import AnswerSchema
    from .sheet import Sheet


@dataclass(frozen=True)
class MapEstimate:
    """What a map will cost; nothing was sent.

    Attributes
    ----------
    rows, calls, same, skipped, replayed, unknown : int
        Rows in all; what is to be sent; rows that ask what another asks; rows left out; prompts that were
        answered before; and those in doubt.
    low, expected, high : int
        Ask Sage tokens of the calls.
    share : float or None
        Of what is left this month.
    model : str
    parts : mapping of str to float
        Model tokens of a call, by what they are.
    basis : str
        What the figure rests on.
    """

    rows: int
    calls: int
    same: int
    skipped: int
    replayed: int
    unknown: int
    low: int
    expected: int
    high: int
    share: float | None
    model: str
    parts: Mapping[str, float]
    basis: str

    def __str__(self) -> str:
        kinds = ((self.same, "same"), (self.skipped, "left out"), (self.replayed, "replayed"))
        beside = ", ".join(f"{number:,} {word}" for number, word in kinds if number)
        share = "" if self.share is None else f", {_percent(self.share)} of what is left"
        parts = " + ".join(f"{name} {tokens:.0f}" for name, tokens in self.parts.items())
        words = [
            f"{self.rows:,} rows → {self.calls:,} calls of {self.model}" + f" ({beside})" * bool(beside),
            f"{sum(self.parts.values()):.0f} model tokens each ({parts})" if self.calls else "",
            f"{Range(self.low, self.expected, self.high)}{share}" if self.calls else "0 tokens",
            f"{self.unknown:,} in doubt" if self.unknown else "",
        ]
        return plain(" · ".join(filter(None, words)))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rest = str(self).split(" · ")
        from ..display.markup import card

        return card(head, *rest, foot=[self.basis])


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

    def what_if(self, *, rows: int | None = None, model: str | None = None) -> int:
        """Ask Sage tokens that so many rows like these would cost on a model, as these came out on theirs.

        Nothing is sent. Another model may write longer or shorter replies, and counts its tokens its own way.

        Parameters
        ----------
        rows : int, optional
            As many as were given here when absent.
        model : str, optional
            The one that was asked when absent.

        Raises
        ------
        BadInput
            No call has told its model tokens, or the model is not offered.
        """
        session = current()
        told = [
            (each.input_tokens, each.output_tokens)
            for each in self._outcomes.values()
            if each.input_tokens is not None and each.output_tokens is not None
        ]
        if not told:
            raise BadInput("no row was answered with its model tokens told: map a sample first")
        rate = session.prepared(lambda: session.pricing.rate(model or self.estimate.model))
        mean = fmean(session.pricing.rates.bill(rate, *each) for each in told)
        number = len(self) if rows is None else given.whole(rows, "rows")
        # Of these rows some ask the same and some ask nothing; more of the kind will too.
        return round(mean * number * len(self._sheet.tasks) / max(1, len(self)))

    def beside(self, rows: pandas.DataFrame) -> pandas.DataFrame:
        """A copy of the rows with their answers, and with ``<into>_status``."""
        answers = self.answers
        columns = {self.into: answers} if isinstance(answers, pandas.Series) else dict(answers.items())
        statuses = pandas.CategoricalDtype([str(each) for each in RowStatus])
        columns[f"{self.into}_status"] = pandas.array([str(each.status) for each in self.of_rows], statuses)
        # By their places: an index may have a label twice.
        return rows.assign(**{str(name): getattr(each, "array", each) for name, each in columns.items()})

    @property
    def failed(self) -> pandas.DataFrame:
        """The rows that were asked and have no answer."""
        return self.frame[[each.status not in (RowStatus.OK, RowStatus.SKIPPED) for each in self.of_rows]]

    @property
    def tokens(self) -> int:
        """Ask Sage tokens that this run was debited."""
        return sum(each.tokens for each in self.of_rows)

    @property
    def receipt(self) -> str:
        """One quiet line: rows answered, tokens debited, what is left."""
        return words_of(self)

    def count(self, *statuses: RowStatus) -> int:
        """How many rows stand so."""
        return sum(each.status in statuses for each in self.of_rows)

    def __len__(self) -> int:
        return len(self.of_rows)

    def __repr__(self) -> str:
        return self.receipt

    def _repr_html_(self) -> str:
        return card_of(self)


def _same(outcome: Outcome) -> Outcome:
    """What a row has of an equal one's outcome: all but its cost."""
    from dataclasses import replace

    if outcome.status is RowStatus.UNSENT:
        return outcome
    return replace(outcome, how=How.SAME, tokens=0, before=0, attempts=0, seconds=None)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"
