"""What was used in each quarter of an hour, from the running totals that the entries carry.

A quarter's use is the difference of two totals, found by halving the chain as often as the quarter changes
and never by reading all of it: a month of a hundred calls and one of a million cost the same per quarter.
Totals count a bill when it came. Those few that came in another quarter than that of their call's hold
(held across a quarter's end, or presumed) are then moved to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, literal_column, select

from ...account import Account, Kind, Meter
from ..tables.prepared import Prepared
from ..tables.reading import open_holds
from ..tables.schema import account, entry, grant

QUARTER = 15 * 60 * 1_000_000

# The grants of one meter, and how long their chains are.
_ahead = entry.alias("ahead")
_length = select(_ahead.c.seq).where(_ahead.c.grant_id == grant.c.id).order_by(_ahead.c.seq.desc()).limit(1)
_OF_METER = (
    account.c.host == bindparam("host"),
    account.c.holder == bindparam("holder"),
    account.c.meter == bindparam("meter"),
)
_CHAINS = (
    select(grant.c.id, grant.c.ends, _length.scalar_subquery())
    .join(account, account.c.id == grant.c.account_id)
    .where(*_OF_METER)
)
_LINK = Prepared(
    select(entry.c.seq, entry.c.t, entry.c.used, entry.c.held).where(
        entry.c.grant_id == bindparam("grant_id"), entry.c.seq == bindparam("seq")
    )
)
# The kind is written out, or the index on presumes would not be seen to fit.
_PRESUMED = Prepared(
    select(entry.c.op).where(
        entry.c.kind == literal_column("'presume'"), entry.c.grant_id == bindparam("grant_id")
    )
)
_BOOKED = Prepared(
    select(entry.c.kind, entry.c.t, entry.c.tokens, grant.c.ends)
    .join(grant, grant.c.id == entry.c.grant_id)
    .join(account, account.c.id == grant.c.account_id)
    .where(
        *_OF_METER,
        entry.c.op == bindparam("op"),
        entry.c.kind.in_([literal_column(f"'{kind}'") for kind in (Kind.HOLD, Kind.SETTLE, Kind.PRESUME)]),
    )
)


class _Link(NamedTuple):
    """An entry of a chain: where it stands, when it was written, and the totals after it."""

    seq: int
    t: int
    used: int
    held: int


def spending(
    connection: Connection, holder: Account, meter: Meter, since: int, until: int
) -> list[tuple[int, int]]:
    """The tokens used in each quarter of an hour within the bounds that has any."""
    asked = {"host": holder.host, "holder": holder.holder, "meter": meter.value}
    used: dict[int, int] = defaultdict(int)
    strayed: set[str] = set()
    for grant_id, over, length in connection.execute(_CHAINS, asked).all():
        last, link = 0, None
        for link in _ends_of_quarters(connection, grant_id, over, length, since, until):
            used[link.t // QUARTER] += link.used - last
            last = link.used
            if link.held:
                strayed |= {op for op, _, _ in open_holds(connection, grant_id, link.held, upto=link.seq)}
        if link is not None and link.t >= since:
            strayed |= {op for (op,) in _PRESUMED.rows(connection, {"grant_id": grant_id})}
    for quarter, tokens in _moved(connection, asked, strayed):
        used[quarter] += tokens
    within = range(since // QUARTER, -(-until // QUARTER))
    return [
        (quarter * QUARTER, used[quarter]) for quarter in sorted(used) if quarter in within and used[quarter]
    ]


def _ends_of_quarters(
    connection: Connection, grant_id: int, over: int, length: int, since: int, until: int
) -> Iterator[_Link]:
    """The last entry of each quarter within the bounds, and the last one ahead of them."""

    def link(seq: int) -> _Link:
        found = _Link(*_LINK.rows(connection, {"grant_id": grant_id, "seq": seq})[0])
        return found._replace(t=min(found.t, over - 1))  # a month that is over is corrected within it

    def quarter(link: _Link) -> int:
        return min(max(link.t, since - 1), until) // QUARTER

    low, ahead = link(1), [link(length)]
    while ahead:
        high = ahead[-1]
        if quarter(low) == quarter(high):
            low = ahead.pop()
        elif high.seq == low.seq + 1:
            yield low
            low = ahead.pop()
        else:
            ahead.append(link((low.seq + high.seq) // 2))
    yield low


def _moved(connection: Connection, asked: Mapping[str, str], ops: Iterable[str]) -> Iterator[tuple[int, int]]:
    """What is to be added to quarters, so that each call counts in that of its hold."""
    for op in ops:
        rows = _BOOKED.rows(connection, {**asked, "op": op})
        held_in = min(t for kind, t, _, _ in rows if kind == Kind.HOLD) // QUARTER
        for kind, t, tokens, over in rows:
            if kind != Kind.HOLD:
                yield min(t, over - 1) // QUARTER, -tokens
                yield held_in, tokens
