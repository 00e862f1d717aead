"""What one meter of an account has at an instant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

from ... import month
from ...account import Account

Clock = Callable[[], int]
POOL_GRANT = "pool-grant:"


class Tail(NamedTuple):
    """A grant with its totals after its last entry, as `seq`, `t` and `hash` tell it.

    Attributes
    ----------
    granted, held, used : int
        Ask Sage tokens.
    starts, ends, t : int
        Microseconds UTC.
    """

    grant_id: int
    source: str
    starts: int
    ends: int
    seq: int
    granted: int
    held: int
    used: int
    t: int
    hash: bytes

    @property
    def room(self) -> int:
        """Tokens neither used nor held; below zero is overage."""
        return self.granted - self.used - self.held

    @property
    def is_of_pool(self) -> bool:
        """Whether a pool's owner granted it to a member, beside their cap."""
        return self.source.startswith(POOL_GRANT)


@dataclass(frozen=True, slots=True)
class Membership:
    """From which pool an account spends, as of the membership's latest row.

    Attributes
    ----------
    seq : int
        Of that row; 0 of an account that was never a member.
    pool_id : int or None
        The pool's row of the same meter; None outside every pool.
    pool : str or None
        The pool's holder.
    cap : int or None
        Ask Sage tokens a month; None where only the pool's own limit counts.
    """

    seq: int = 0
    pool_id: int | None = None
    pool: str | None = None
    cap: int | None = None


@dataclass(frozen=True)
class State:
    """One meter of an account.

    Attributes
    ----------
    tails : tuple[Tail, ...]
        The grants that are not over, in the order in which they burn.
    monthly, plan_source, plan_seq
        The latest plan; None, None and 0 without one.
    member : Membership
        In a pool it tells the month's tokens, and the plan does not.
    now : int
        The clock, but never before an entry of these grants: a clock set back reopens no month.
    period, starts, ends
        The month of `now`, with its bounds.
    """

    account_id: int
    zone: str
    monthly: int | None
    plan_source: str | None
    plan_seq: int
    member: Membership
    tails: tuple[Tail, ...]
    now: int
    period: str
    starts: int
    ends: int

    @cached_property
    def live(self) -> tuple[Tail, ...]:
        """The grants that may be spent now, in their order.

        In a pool what its owner granted beside the cap, then the cap, whatever they were given outside it.
        """
        live = live_at(self.now, self.tails)
        if self.member.pool_id is None:
            return tuple(tail for tail in live if not tail.is_of_pool)
        own, granted = allotment_of(self.period), granted_by(self.member.pool_id)
        extra = () if self.is_uncapped else tuple(tail for tail in live if tail.source.startswith(granted))
        return (*extra, *(tail for tail in live if tail.source == own))

    @property
    def lasting(self) -> tuple[Tail, ...]:
        """Those of them on which is booked what was used elsewhere: not what a pool granted for calls."""
        return tuple(tail for tail in self.live if not tail.is_of_pool)

    @property
    def room(self) -> int:
        """What is left of them."""
        return sum(tail.room for tail in self.live)

    @property
    def allowance(self) -> int | None:
        """The tokens that a month begins with; None when nobody told them."""
        if self.member.pool_id is None:
            return self.monthly
        return self.member.cap or 0  # without a cap, each hold is granted as the pool takes it

    @property
    def is_uncapped(self) -> bool:
        """Whether only a pool's limit counts."""
        return self.member.pool_id is not None and self.member.cap is None

    @property
    def is_known(self) -> bool:
        """Whether there is anything to spend from, or a plan that makes it."""
        return self.allowance is not None or bool(self.live)

    def at(self, now: int) -> Self:
        """The same at another instant."""
        period, starts, ends = month_of(now, self.zone)
        return replace(self, now=now, period=period, starts=starts, ends=ends)

    def with_tail(self, tail: Tail) -> Self:
        """The same after `tail` was written, of a grant that is new or was there."""
        others = (each for each in self.tails if each.grant_id != tail.grant_id)
        return replace(
            self, tails=tuple(sorted((*others, tail), key=lambda each: (each.ends, each.grant_id)))
        )

    @property
    def allotment(self) -> Tail | None:
        """The allotment of `period`, once it is made."""
        source = allotment_of(self.period)
        return next((tail for tail in self.tails if tail.source == source), None)


def live_at(t: int, tails: Iterable[Tail]) -> tuple[Tail, ...]:
    """The grants among `tails` that cover the instant `t`."""
    return tuple(tail for tail in tails if tail.starts <= t < tail.ends)


def allotment_of(period: str) -> str:
    """The source of the allotment for `period`."""
    return f"allotment:{period}"


def granted_by(pool_id: int) -> str:
    """What the sources begin with of what a pool's owner granted to members."""
    return f"{POOL_GRANT}{pool_id}:"


_months: dict[str, tuple[str, int, int]] = {}


def month_of(t: int, zone: str) -> tuple[str, int, int]:
    """The period of `t` in `zone`, with its first instant and the one after its last."""
    known = _months.get(zone)  # the last answer: the zone arithmetic would cost as much as the query
    if known is None or not known[1] <= t < known[2]:
        period = month.period_at(t, zone)
        known = _months[zone] = (period, *month.bounds(period, zone))
    return known


def never_seen(holder: Account, clock: int, account_id: int = 0) -> State:
    """The state of a meter that the ledger knows nothing of."""
    return State(
        account_id, holder.zone, None, None, 0, Membership(), (), clock, *month_of(clock, holder.zone)
    )
