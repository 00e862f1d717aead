"""Calls and rows that hang together: each may be another's of theirs, and nobody's else."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable
from itertools import compress, product
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

from .rows import Shelf, reached
from .sent import figures_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..service import LogRow
    from .sent import Sent

Figures = tuple[int | None, ...]
_BILL = attrgetter("tokens")


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
        self._apart: dict[tuple[bool, ...], dict[Figures, _Tree]] = {}

    def join(self, call: Sent) -> None:
        """Join the call to the rows that may be its own."""
        known = call.figures[1:]
        told = tuple(figure is not None for figure in known)
        trees = self._trees(told)
        # A row that does not tell a figure agrees with any.
        for agreeing in product(*((figure, None) for figure in known if figure is not None)):
            if agreeing in trees:
                trees[agreeing].join(call)

    def _trees(self, told: tuple[bool, ...]) -> dict[Figures, _Tree]:
        """The rows by the figures that calls of a kind know besides the bill."""
        if told not in self._apart:
            rows: defaultdict[Figures, Shelf] = defaultdict(Shelf)
            for row in self._shelf:
                rows[tuple(compress(figures_of(row)[1:], told))].append(row)
            self._apart[told] = {key: _Tree(shelf, self._joined) for key, shelf in rows.items()}
        return self._apart[told]


class _Tree:
    """Rows in the order of time, and each half of them, and each half of those, in the order of their bills.

    The rows of a while are so at most two parts of each size, and those of a range of bills lie side by side
    in each: a call finds them without looking at the others.
    """

    def __init__(self, shelf: Shelf, joined: _Joined[Hashable]) -> None:
        self._shelf, self._joined = shelf, joined
        self._parts = [[row] for row in shelf]
        self._parts[:0] = [[] for _ in shelf]
        for place in range(len(shelf) - 1, 0, -1):
            both = self._parts[2 * place] + self._parts[2 * place + 1]
            self._parts[place] = sorted(both, key=_BILL)
        # Of each place of a part the first from there on whose row is not joined to the one before: of a
        # stretch that many calls reach, each row is joined once.
        self._following = [_Joined[int]() for _ in self._parts]

    def join(self, call: Sent) -> None:
        first, end = (place + len(self._shelf) for place in self._shelf.around(call))
        while first < end:
            if first % 2:
                self._join_part(first, call)
                first += 1
            if end % 2:
                end -= 1
                self._join_part(end, call)
            first, end = first // 2, end // 2

    def _join_part(self, part: int, call: Sent) -> None:
        rows, following = self._parts[part], self._following[part]
        fewest, most = call.likely
        first = bisect_left(rows, fewest, key=_BILL)
        end = bisect_right(rows, most, first, key=_BILL)
        if first == end:
            return
        self._joined.join(call.op, rows[first].id)
        place = following.first(first + 1)
        while place < end:
            self._joined.join(rows[place - 1].id, rows[place].id)
            following.join(place, place + 1)
            place = following.first(place)
