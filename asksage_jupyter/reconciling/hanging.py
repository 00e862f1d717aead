"""Calls and rows that hang together: each may be another's of theirs, and nobody's else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from .rows import reached

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..service import LogRow
    from .rows import Shelf
    from .sent import Sent


def together(
    calls: Sequence[Sent], shelves: Mapping[Hashable, Shelf]
) -> list[tuple[list[Sent], list[LogRow]]]:
    """The parts of `calls`, and of the rows on shelves by meter and model, that hang together."""
    joined = _Joined[Hashable]()
    spans = {id(shelf): _Span(shelf, joined) for shelf in shelves.values()}
    for call in calls:
        for shelf in reached(call, shelves):
            spans[id(shelf)].join(call)
    parts: defaultdict[Hashable, tuple[list[Sent], list[LogRow]]] = defaultdict(lambda: ([], []))
    for call in calls:
        parts[joined.first(call.op)][0].append(call)
    for shelf in shelves.values():
        for row in shelf:
            parts[joined.first(row.id)][1].append(row)
    return [(members, rows) for members, rows in parts.values() if members and rows]


T = TypeVar("T", bound=Hashable)


class _Joined(Generic[T]):
    """What is joined to what: a forest in which each tree is one part."""

    def __init__(self) -> None:
        self._above: dict[T, T] = {}

    def first(self, one: T) -> T:
        """What stands for all that `one` is joined to."""
        above = self._above
        while (over := above.get(one, one)) != one:
            above[one] = above.get(over, over)
            one = over
        return one

    def join(self, one: T, other: T) -> None:
        self._above[self.first(one)] = self.first(other)


class _Span:
    """A shelf whose rows are joined where one call may be any of them."""

    def __init__(self, shelf: Shelf, joined: _Joined[Hashable]) -> None:
        self._shelf, self._joined = shelf, joined
        self._fewest = min(row.tokens for row in shelf)
        self._most = max(row.tokens for row in shelf)
        # Of each place the first from there on whose row is not joined to the one before: of a stretch that
        # many calls reach, each row is joined once.
        self._following = _Joined[int]()

    def join(self, call: Sent) -> None:
        """Join the call to the rows that may be its own."""
        first, end = self._shelf.around(call)
        fewest, most = call.likely
        if fewest <= self._fewest and self._most <= most and call.figures[1:] == (None, None):
            if first < end:
                self._joined.join(call.op, self._shelf[first].id)
                self._join_all(first, end)
            return
        for row in self._shelf[first:end]:
            if call.may_be(row):
                self._joined.join(call.op, row.id)

    def _join_all(self, first: int, end: int) -> None:
        place = self._following.first(first + 1)
        while place < end:
            self._joined.join(self._shelf[place - 1].id, self._shelf[place].id)
            self._following.join(place, place + 1)
            place = self._following.first(place)
