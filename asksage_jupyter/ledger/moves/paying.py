"""Who pays for a call: the caller, and the pool whose member they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, exists, func, select

from ...account import Account, Envelope, Kind, Meter
from ...errors import LedgerError
from ..tables.chain import append
from ..tables.op import new_op
from ..tables.schema import entry, grant
from ..tables.seek import States
from ..tables.state import State, Tail
from .grants import with_allotment

# What a member used of a pool by some of their grants: what both chains tell of the same op and kind.
_common, _of_pool = entry.alias("common"), grant.alias("of_pool")
_SHARE = select(func.coalesce(func.sum(entry.c.tokens), 0)).where(
    entry.c.grant_id.in_(bindparam("grants", expanding=True)),
    entry.c.kind.in_([Kind.SETTLE.value, Kind.PRESUME.value, Kind.CORRECT.value]),
    exists().where(
        _common.c.op == entry.c.op,
        _common.c.kind == entry.c.kind,
        _common.c.grant_id == _of_pool.c.id,
        _of_pool.c.account_id == bindparam("pool"),
    ),
)


@dataclass(slots=True)
class Payer:
    """One of those whose grants a call must fit.

    Attributes
    ----------
    name : str
        As a refusal names it.
    state : State
        With this month's allotment.
    room : int
        Ask Sage tokens left; of a member without a cap, as many as the pool has.
    envelope : Envelope or None
        Where the payer is one.
    """

    name: str
    state: State
    room: int
    envelope: Envelope | None = None

    @property
    def can_refuse(self) -> bool:
        """Whether what it has left binds."""
        return self.envelope is None or not self.envelope.is_soft

    def grant_as_taken(self, connection: Connection, tokens: int) -> None:
        """Give whoever cannot refuse, or has no cap, what `tokens` need beyond what was given before."""
        if self.can_refuse and not self.state.is_uncapped:
            return
        missing = tokens - self.state.room
        tail = self.state.allotment if self.can_refuse else self.state.tails[-1]
        if tail is not None and missing > 0:
            given = append(connection, tail, Kind.GRANT, new_op(), missing, now=self.state.now)
            self.state = self.state.with_tail(given)


def payers(connection: Connection, holder: Account, meter: Meter, states: States) -> list[Payer]:
    """The caller, and after them their pool if there is one; all at one instant.

    Parameters
    ----------
    states : States
        Of `WITH_POOLS`.

    Raises
    ------
    LedgerError
        Nobody told the tokens of a month.
    """
    state = states.get(holder, meter)
    if state is None or not state.is_known:
        raise _no_plan(meter)
    if state.member.pool_id is None or state.member.pool is None:
        state = with_allotment(connection, holder, meter, state)
        return [Payer("", state, state.room)]
    common = states.found[state.member.pool_id]
    pool = Account(holder.host, state.member.pool, common.zone)
    if not common.is_known:
        raise LedgerError(
            f"the pool {pool.pool} has no {meter} tokens yet: its owner gives it some with  "
            f"asksage-jupyter team init --pool {pool.pool} --monthly N"
        )
    now = max(state.now, common.now)
    common = with_allotment(connection, pool, meter, common.at(now))
    state = with_allotment(connection, holder, meter, state.at(now))
    own_room = common.room if state.is_uncapped else state.room
    return [Payer("your cap", state, own_room), Payer(f"the pool {pool.pool}", common, common.room)]


def used_of_pool(connection: Connection, pool_id: int, own: Sequence[Tail], common: Sequence[Tail]) -> int:
    """What a member used of a pool by these grants of theirs and of the pool's: so much can be given back."""
    asked = {"grants": [tail.grant_id for tail in own], "pool": pool_id}
    share = int(connection.execute(_SHARE, asked).scalar_one())
    return max(0, min(share, *(sum(tail.used for tail in tails) for tails in (own, common))))


def gift(holder: Account, tokens: int, used: int, pool: str, period: str | None = None) -> LedgerError:
    """What refuses to give a member back more than they used of a pool, this month or in one that is over."""
    words = f"{tokens:,} tokens cannot be given back: {holder.holder} used {used:,} of the pool {pool} "
    if period is not None:
        return LedgerError(f"{words}in {period}.")
    return LedgerError(
        f"{words}this month; its owner can give them more with  asksage-jupyter team cap {holder.holder} N"
    )


def _no_plan(meter: Meter) -> LedgerError:
    return LedgerError(
        f"the monthly {meter} tokens are not known: tell them with  "
        f"asksage_jupyter.set_plan({meter}=...)  and run this again."
    )
