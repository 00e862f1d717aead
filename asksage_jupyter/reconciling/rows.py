"""Rows of the service's log that are nobody's yet, kept so that a call finds its own among very many."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ..account import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from ..service import LogRow
    from .sent import Sent

SKEW = 30_000_000
REACH = 300_000_000

_TIME, _PLACE = attrgetter("sent_at"), attrgetter("sent_at", "id")


class Shelf(list["LogRow"]):
    """Rows that are alike in something, oldest first."""

    def around(self, call: Sent) -> tuple[int, int]:
        """The places from and up to which rows were written when the call may have been billed."""
        first = bisect_left(self, call.sent_at - SKEW, key=_TIME)
        return first, bisect_right(self, call.sent_at + REACH, first, key=_TIME)

    def outward(self, call: Sent) -> Iterator[LogRow]:
        """Those rows, the nearest in time first."""
        first, end = self.around(call)
        after = bisect_left(self, call.sent_at, first, end, key=_TIME)
        before = after - 1
        while before >= first or after < end:
            is_earlier = after == end or (
                before >= first and call.sent_at - self[before].sent_at < self[after].sent_at - call.sent_at
            )
            yield self[before if is_earlier else after]
            before, after = before - is_earlier, after + (not is_earlier)

    def take(self, row: LogRow) -> None:
        """Take a row away: it is a call's."""
        del self[bisect_left(self, _PLACE(row), key=_PLACE)]


def shelved(rows: Iterable[LogRow], by: Callable[[LogRow], Hashable]) -> dict[Hashable, Shelf]:
    """The rows on shelves, by what they are alike in."""
    shelves: defaultdict[Hashable, Shelf] = defaultdict(Shelf)
    for row in sorted(rows, key=_PLACE):
        shelves[by(row)].append(row)
    return dict(shelves)


def reached(call: Sent, shelves: Mapping[Any, Shelf]) -> list[Shelf]:
    """Of shelves by meter and model, those on which a row of the call may stand."""
    is_training, models = call.meter is Meter.TRAINING, call.models
    if models is None:
        return [shelf for (teach, _), shelf in shelves.items() if teach == is_training]
    return [shelves[is_training, model] for model in models if (is_training, model) in shelves]


def around(call: Sent, shelves: Mapping[Any, Shelf]) -> Iterator[LogRow]:
    """The rows on them that were written when the call may have been billed, oldest first."""
    found = (map(shelf.__getitem__, range(*shelf.around(call))) for shelf in reached(call, shelves))
    return merge(*found, key=_PLACE)
