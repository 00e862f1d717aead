"""What the rows of one job cost: as any prompt of the model at first, then by the job's own replies."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...display.plain import interval
from ...session.asking.shares import shares
from ...tokens import count, count_each

if TYPE_CHECKING:
    from ...rates import Estimate
    from ...service import Query
    from ...session import Session

ENOUGH = 4  # replies of a job that tell what its others will cost: of five rows one may come to nothing
# Student's t that leaves a tenth on each side, by the replies it rests on.
_T = {2: 3.08, 3: 1.89, 4: 1.64, 5: 1.53, 6: 1.48, 7: 1.44, 8: 1.42, 9: 1.40}
_T_OF_MANY = 1.32
_AROUND = 3  # model tokens that a reply has beside its text


@dataclass(frozen=True, slots=True)
class Range:
    """Ask Sage tokens: what is expected, and between which figures it lies in eight of ten jobs."""

    low: int
    expected: int
    high: int

    def plus(self, tokens: int) -> Range:
        """The same with what was billed already."""
        return Range(self.low + tokens, self.expected + tokens, self.high + tokens)

    def __str__(self) -> str:
        return f"about {self.expected:,} tokens{interval(self.low, self.high)}"

    __repr__ = __str__


NOTHING = Range(0, 0, 0)


class Moments:
    """How many figures there were, their mean and their spread; as cheap with the last as with the first."""

    def __init__(self, figures: Iterable[float] = ()) -> None:
        self.number, self.mean, self._squares = 0, 0.0, 0.0
        for each in figures:
            self.add(each)

    def add(self, figure: float) -> None:
        """Count one more, as Welford does: without a difference of large sums."""
        self.number += 1
        apart = figure - self.mean
        self.mean += apart / self.number
        self._squares += apart * (figure - self.mean)

    @property
    def spread(self) -> float:
        """The standard deviation; of a single figure the figure itself, as nothing else is known of it."""
        return math.sqrt(self._squares / (self.number - 1)) if self.number > 1 else abs(self.mean)

    def range_of(self, number: int, base: float = 0.0) -> Range:
        """What so many calls will cost together, `base` and each a figure of this kind."""
        expected = max(number, round(base + number * self.mean))
        # The mean's own doubt goes with the number, what each row has of its own with its root.
        root = math.sqrt(number * number / self.number + number)
        doubt = _T.get(self.number, _T_OF_MANY) * self.spread * root
        return Range(max(number, math.floor(expected - doubt)), expected, math.ceil(expected + doubt))


class Costs:
    """Prices one job's prompts.

    What its replies teach stays with the job: a map of one-word labels would teach every other cell a reply
    of one word.

    Parameters
    ----------
    session : Session
    query : Query
        How each prompt is sent.
    answer : str, optional
        The longest reply that is wanted, where it is known.
    """

    def __init__(self, session: Session, query: Query, answer: str | None = None) -> None:
        self._session, self._query = session, query
        self._answer = None if answer is None else count(answer) + _AROUND
        self._parts = {name: tokens for name, tokens in shares(query).items() if name != "prompt"}
        self._by_count: dict[int, Estimate] = {}
        self._lock = threading.Lock()
        self._rest = Moments()  # of what was billed beside the input's own price
        self.rate = session.pricing.rate(query.model)

    def heard(self, prompt: str, tokens: int) -> None:
        """Learn what a prompt was billed."""
        rest = tokens - self._input(self._usual(count(prompt)))
        with self._lock:
            self._rest.add(rest)

    @property
    def is_known(self) -> bool:
        """Whether this job's own replies tell the price."""
        return self._rest.number >= ENOUGH

    @property
    def basis(self) -> str:
        """What the prices rest on, in words."""
        if self.is_known:
            return f"priced from {self._rest.number:,} replies of this very map"
        if self._answer is not None:
            return "if its replies are no longer than the schema wants them: five rows are asked first"
        return "the length of its replies is not known yet: five rows are asked first"

    def of(self, prompt: str) -> Estimate:
        """What one prompt will cost: this is held for it."""
        usual = self._usual(count(prompt))
        if not self.is_known:
            expected = self._as_wanted(usual)
            return replace(usual, low=min(usual.low, expected), expected=expected)
        with self._lock:
            middle, spread = self._rest.mean, self._rest.spread
        base = self._input(usual)
        low, expected, high = (max(1, math.ceil(base + middle + step * spread)) for step in (-2, 0, 2))
        return replace(usual, low=low, expected=expected, high=high, basis="from this job's own replies")

    def of_all(self, prompts: Iterable[str]) -> Range:
        """What prompts will cost together: what of it is chance adds up by the root of their number."""
        counted = Counter(count_each(prompts))
        if not (number := counted.total()):
            return NOTHING
        usual = [(times, self._usual(tokens)) for tokens, times in counted.items()]
        if not self.is_known:
            # How long replies of an unknown template are is one unknown, and not one a row.
            expected = sum(times * self._as_wanted(each) for times, each in usual)
            low = sum(times * each.low for times, each in usual)
            high = sum(times * each.high for times, each in usual)
            return Range(min(low, expected), expected, high)
        with self._lock:
            return self._rest.range_of(number, sum(times * self._input(each) for times, each in usual))

    def _as_wanted(self, usual: Estimate) -> int:
        """What a call costs whose reply is as the schema wants it; `high` is of a model that rambles."""
        if self._answer is None:
            return usual.expected
        return min(usual.expected, int(self.rate.bill(usual.input_tokens, self._answer)))

    def _usual(self, counted: int) -> Estimate:
        if (found := self._by_count.get(counted)) is None:
            parts = {"prompt": counted, **self._parts} if counted else self._parts
            found = self._by_count[counted] = self._session.pricing.estimate(self._query.model, parts)
        return found

    def _input(self, usual: Estimate) -> float:
        return float(self.rate.linear(usual.input_tokens, 0))
