"""The report of a map: what came of its rows, what it cost, and what did not go well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, quantiles
from typing import TYPE_CHECKING, Any

from ...display.bar import thin_bar
from ...display.markup import card, notice
from ...display.plain import interval, many, one_line, plain
from ...display.table import Table
from ..outcome import How, Outcome, RowStatus
from ..planning.costs import ENOUGH

if TYPE_CHECKING:
    from ...account import Balance
    from ..planning.costs import Range
    from ..planning.estimate import MapEstimate

_FAILURES = 3
_TOLD = {
    RowStatus.OK: "answered",
    RowStatus.SKIPPED: "a value is missing",
    RowStatus.INVALID: "not as the schema wants it",
    RowStatus.REFUSED: "certainly not billed",
    RowStatus.UNKNOWN: "in doubt: may be billed",
    RowStatus.UNSENT: "not sent",
}


@dataclass(frozen=True)
class Report:
    """What is told of a map.

    Attributes
    ----------
    estimate : MapEstimate
        As it was before anything was sent.
    anew : Range or None
        What it was expected to cost after the first rows were billed.
    labels : iterable
        Of the rows, as the table has them.
    outcomes : sequence of Outcome
        Of the rows.
    balance : Balance or None
        After it.
    notes : sequence of str
        What is worth knowing: how many were asked again, what could not be kept or booked.
    """

    estimate: MapEstimate
    anew: Range | None
    labels: Iterable[Any]
    outcomes: Sequence[Outcome]
    balance: Balance | None
    notes: Sequence[str]

    @cached_property
    def counts(self) -> Counter[RowStatus]:
        """How many rows stand how."""
        return Counter(each.status for each in self.outcomes)

    @cached_property
    def tokens(self) -> int:
        """Ask Sage tokens that were debited."""
        return sum(each.tokens for each in self.outcomes)

    @cached_property
    def saved(self) -> int:
        """Those that replayed replies had cost before."""
        return sum(each.before for each in self.outcomes)

    @property
    def line(self) -> str:
        """One line of it."""
        answered = f"{self.counts[RowStatus.OK]:,} of {len(self.outcomes):,} rows answered"
        parts = [self.estimate.model, answered, f"{self.tokens:,} tokens (billed)"]
        if self.saved:
            parts.append(f"{self.saved:,} saved by replay")
        if self.balance is not None and self.balance.inference.granted is not None:
            parts.append(self.balance.inference.left_words())
        return plain(" · ".join([*parts, *self.notes]))

    @property
    def html(self) -> str:
        """All of it, for a notebook."""
        rows = len(self.outcomes)
        shown = [status for status in RowStatus if self.counts[status]]
        statuses = Table(
            ("status", "rows"),
            [(f"{status}: {_TOLD[status]}", f"{self.counts[status]:,}") for status in shown],
            shares=[self.counts[status] / rows for status in shown],
        )
        title = f"{self.counts[RowStatus.OK]:,} of {rows:,} rows answered"
        body = [statuses._repr_html_(), self._cost, self._bar, self._failures]
        body += [notice(trouble) for trouble in self.notes]
        return card(
            title,
            *body,
            aside=self.estimate.model,
            foot=[self._times, self._again, self._in_doubt, self.line],
        )

    @property
    def _expected(self) -> Range:
        return self.anew or self.estimate.price

    @property
    def _cost(self) -> str:
        before, anew = self.estimate.price, self.anew
        expected = f"{before.expected:,} expected{interval(before.low, before.high)}"
        if anew is not None:
            after = f"{anew.expected:,} expected after the first rows{interval(anew.low, anew.high)}"
            expected = f"{after}, {before.expected:,}{interval(before.low, before.high)} before"
        kept = f", {self.saved:,} saved by replay" if self.saved else ""
        return f"{self.tokens:,} tokens billed, {expected}{kept}"

    @property
    def _bar(self) -> object:
        expected = self._expected.expected
        if not (whole := max(self.tokens, expected)):
            return ""
        billed = self.tokens / whole
        return thin_bar(("used", billed), ("likely", max(0.0, expected / whole - billed)))

    @property
    def _failures(self) -> object:
        bad = [
            (label, each)
            for label, each in zip(self.labels, self.outcomes, strict=True)
            if each.reason and each.status is not RowStatus.OK
        ]
        if not bad:
            return ""
        rows = [
            (one_line(str(label))[:40], str(each.status), one_line(each.reason))
            for label, each in bad[:_FAILURES]
        ]
        more = f"and {len(bad) - _FAILURES:,} more in .failed" if len(bad) > _FAILURES else ""
        return Table(("row", "status", "why"), rows, sides="l", note=more)._repr_html_()

    @property
    def _times(self) -> str:
        seconds = [each.seconds for each in self.outcomes if each.seconds is not None]
        if len(seconds) < 2:
            return ""
        cuts = quantiles(seconds, n=20)
        return f"half of the calls took up to {cuts[9]:.1f} s, 19 of 20 up to {cuts[18]:.1f} s"

    @property
    def _in_doubt(self) -> str:
        """What to do about rows that may be billed; they are not asked again by themselves."""
        number = sum(each.status is RowStatus.UNKNOWN and each.how is not How.SAME for each in self.outcomes)
        if not number:
            return ""
        rows = many(number, "row is", "rows are")
        return f"{rows} in doubt: %asksage reconcile looks for the bill, resend_unknown=True may pay twice"

    @property
    def _again(self) -> str:
        """What running it again would ask."""
        left = {RowStatus.UNSENT, RowStatus.REFUSED}
        number = sum(each.status in left and each.how is not How.SAME for each in self.outcomes)
        if not number:
            return "the same again asks nothing: 0 tokens"
        rows = many(number, "row")
        return f"the same again asks {rows}, about {number * self._each:,.0f} tokens"

    @property
    def _each(self) -> float:
        """What a call costs: of this run's own, where there are enough of them, else as expected."""
        billed = [each.tokens / each.attempts for each in self.outcomes if each.tokens and each.attempts]
        if len(billed) >= ENOUGH:
            return fmean(billed)
        return self._expected.expected / max(1, self.estimate.calls)
