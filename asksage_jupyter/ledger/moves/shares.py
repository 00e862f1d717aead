"""How a sum is divided over the grants that pay it, or that it is given back to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..tables.state import Tail


def spread(tokens: int, tails: Iterable[Tail]) -> tuple[list[tuple[Tail, int]], int]:
    """Divide `tokens` over the room of grants in their order, with what is left over."""
    shares = []
    for tail in tails:
        share = min(tokens, max(0, tail.room))
        if share:
            shares.append((tail, share))
            tokens -= share
    return shares, tokens


def give_back(tokens: int, tails: Sequence[Tail]) -> tuple[list[tuple[Tail, int]], int]:
    """The same in reverse: negative shares of what was used, with what is left over."""
    shares = []
    for tail in reversed(tails):
        share = min(tokens, max(0, tail.used))
        if share:
            shares.append((tail, -share))
            tokens -= share
    return shares, -tokens


def add_to(shares: list[tuple[Tail, int]], last: Tail, rest: int) -> list[tuple[Tail, int]]:
    """The shares, with `rest` added to that of `last`."""
    if not rest:
        return shares
    by_grant = {tail.grant_id: (tail, share) for tail, share in shares}
    tail, share = by_grant.get(last.grant_id, (last, 0))
    by_grant[last.grant_id] = (tail, share + rest)
    return list(by_grant.values())
