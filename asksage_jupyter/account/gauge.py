"""A limit as every display tells it: one figure, a bar of what was taken, and the step it has come to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .. import month
from ..display.dates import day
from ..display.plain import many
from .level import Level
from .meters import MeterBalance, Pool


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar, and of its legend.

    Attributes
    ----------
    kind : str
        ``"used"``, ``"held"``, ``"others"`` (held by other members of a pool) or ``"over"``.
    tokens : int
    words : str
    share : float
        Of the whole bar, 0 to 1.
    """

    kind: str
    tokens: int
    words: str
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Gauge:
    """What a call must fit: a meter's own tokens, or a pool's.

    Attributes
    ----------
    name : str
        Its heading, such as "Inference" or "Pool lab".
    label : str
        What its bar is of.
    granted : int or None
        None where nobody told it.
    taken : tuple of Segment
        What was used, and what is held, in the bar's order.
    pool : str
        The pool's name; empty for a meter's own tokens.
    """

    name: str
    label: str
    granted: int | None
    taken: tuple[Segment, ...]
    pool: str = ""

    @property
    def spent(self) -> int:
        """Tokens used or held."""
        return sum(segment.tokens for segment in self.taken)

    @property
    def remaining(self) -> int | None:
        """What is left; below zero is overage; None where no grant is known."""
        return None if self.granted is None else self.granted - self.spent

    @property
    def level(self) -> Level:
        """The step that it has come to."""
        return Level.of(self.granted, self.remaining)

    @property
    def headline(self) -> tuple[str, str]:
        """The one figure that matters, and what it is to be read against."""
        if self.granted is None or self.remaining is None:
            return f"{self.taken[0].tokens:,}", "used, allotment not known"
        if self.remaining < 0:
            return f"{-self.remaining:,}", f"over {self.granted:,}"
        return f"{self.remaining:,}", f"of {self.granted:,} left"

    @property
    def words(self) -> str:
        """The headline in a sentence, which names the pool."""
        return " ".join(self.headline) + (f" in the pool {self.pool}" if self.pool else "")

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The bar: as long as the grant, or as what was taken if that is more.

        Parts without tokens are left out, but never the first.
        """
        limit, over = self.granted or 0, max(0, -(self.remaining or 0))
        whole, edge = max(limit, self.spent, 1), 0
        found = []
        for segment in self.taken:
            share = (_within(edge + segment.tokens, limit) - _within(edge, limit)) / whole
            found.append(replace(segment, share=max(0.0, share)))
            edge += segment.tokens
        found.append(Segment("over", over, f"{over:,} over", over / whole))
        return tuple(segment for segment in found if segment.kind == "used" or segment.tokens > 0)


def gauges(meter: MeterBalance) -> tuple[Gauge, ...]:
    """What a meter's calls must fit: its own tokens, unless only a pool's count, and the pool's."""
    own, pool = _of_meter(meter), meter.pool
    if pool is None:
        return (own,)
    return (_of_pool(pool, meter),) if meter.is_uncapped else (own, _of_pool(pool, meter))


def limiting(meter: MeterBalance) -> Gauge:
    """What gives out first: it tells what can be spent."""
    found = gauges(meter)
    return found[-1] if meter.is_pool_short else found[0]


def advice(meter: MeterBalance, zone: str) -> str:
    """What to do or to expect, where the figures alone do not say.

    Parameters
    ----------
    zone : str
        The account's, in which the day of the reset is told.
    """
    if meter.granted is None:
        if meter.pool is not None:
            return "The pool's owner has not told its tokens yet."
        return f"Tell it: asksage_jupyter.set_plan({meter.meter}=...)"
    found = limiting(meter)
    if found.level not in (Level.USED_UP, Level.OVER) and (found.granted or not found.pool):
        return ""
    until = day(meter.resets_at.astimezone(month.rules_of(zone)).date(), year=True)
    which = f"The pool {found.pool} is used up: calls" if found.pool else "Calls"
    return f"{which} are refused until {until}"


def _of_meter(meter: MeterBalance) -> Gauge:
    taken = (
        Segment("used", meter.used, f"{meter.used:,} used"),
        Segment("held", meter.held, f"{meter.held:,} held"),
    )
    name = meter.meter.capitalize()
    return Gauge(name, f"{name} tokens", meter.granted, taken)


def _of_pool(pool: Pool, meter: MeterBalance) -> Gauge:
    own, others, calls = pool.held - pool.held_by_others, pool.held_by_others, pool.open_by_others
    taken = (
        Segment("used", pool.used, f"{pool.used:,} used"),
        Segment("held", own, f"{own:,} held by you"),
        Segment("others", others, f"{others:,} held by {many(calls, 'open call')} of others"),
    )
    label = f"{meter.meter.capitalize()} tokens of the pool {pool.name}"
    return Gauge(f"Pool {pool.name}", label, pool.granted, taken, pool.name)


def _within(tokens: int, limit: int) -> int:
    return min(max(tokens, 0), limit)
