"""What a reconciliation found and did, as figures, text and HTML."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from ..account import Account, Meter
from ..display.markup import card
from ..display.plain import many
from ..month import moment

_WIDTH = 100  # characters of a line of text


@dataclass(frozen=True, slots=True)
class Settled:
    """A call whose exact bill was found in the service's log.

    Attributes
    ----------
    op : str
    sent_at : int
        Microseconds UTC.
    before, tokens : int
        Ask Sage tokens that were held or presumed, and those that the log tells.
    presumed : bool
        Whether `before` had been booked as spent.
    """

    op: str
    meter: Meter
    model: str
    sent_at: int
    before: int
    tokens: int
    presumed: bool


@dataclass(frozen=True, slots=True)
class StillOpen:
    """A call whose bill is not known yet.

    Attributes
    ----------
    sent_at : int
        Microseconds UTC.
    tokens : int
        Ask Sage tokens held or presumed for it.
    presumed : bool
    why : str
    """

    op: str
    meter: Meter
    model: str
    sent_at: int
    tokens: int
    presumed: bool
    why: str


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A monthly allotment that the service tells otherwise than the ledger did.

    Attributes
    ----------
    before, monthly : int
        Ask Sage tokens.
    source : str
        How it is known.
    """

    meter: Meter
    before: int
    monthly: int
    source: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One meter, the service's counter beside the ledger.

    Attributes
    ----------
    period : str
        The month compared, such as ``2026-11``; empty where there was nothing to compare.
    counter : int or None
        Tokens used by the service's count; None where the tenant does not tell.
    used, held : int
        By the ledger, after calls were settled and before `correction`.
    correction : int
        Booked: above zero spent on other devices, below zero given back.
    source : str
        Where `counter` comes from.
    why : str
        Why a difference was not, or not wholly, booked; empty when none is left.
    """

    meter: Meter
    period: str
    counter: int | None
    used: int
    held: int
    correction: int
    source: str
    why: str = ""

    def __str__(self) -> str:
        if self.counter is None:
            return f"{self.meter}: {self.used:,} used here{_because(self.why)}"
        words = f"{self.meter}: counter {self.counter:,}, ledger {self.used:,}"
        if self.held:
            words += f" and {self.held:,} held"
        if self.correction > 0:
            words += f", {self.correction:,} booked for other devices"
        elif self.correction < 0:
            words += f", {-self.correction:,} given back"
        elif not self.why:
            words += ", they agree"
        return words + _because(self.why)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What `reconcile` found and did.

    Attributes
    ----------
    account : Account
    meters : tuple[Compared, ...]
        Inference, then training.
    settled : tuple[Settled, ...]
    plans : tuple[PlanChange, ...]
    still_open : tuple[StillOpen, ...]
    as_of : int
        When the service was asked, in microseconds UTC.
    closed : tuple[Compared, ...]
        Meters of the month that is over, where its rows in the log came to something else than was booked.
    """

    account: Account
    meters: tuple[Compared, ...]
    settled: tuple[Settled, ...]
    plans: tuple[PlanChange, ...]
    still_open: tuple[StillOpen, ...]
    as_of: int
    closed: tuple[Compared, ...] = ()

    @property
    def corrections(self) -> dict[Meter, int]:
        """What was booked for other devices, by meter; meters without a correction are left out."""
        return {found.meter: found.correction for found in self.meters if found.correction}

    @property
    def changed(self) -> bool:
        """Whether anything was booked at all."""
        closed = any(each.correction for each in self.closed)
        return bool(self.settled or self.plans or self.corrections or closed)

    @property
    def booked(self) -> str:
        """What was changed in the ledger, in a line without an end; empty where nothing was."""
        bills = len(self.settled)
        words = [f"{many(bills, 'bill')} found in the log"] if bills else []
        words += [f"the {plan.meter} plan is {plan.monthly:,} now" for plan in self.plans]
        for meter, tokens in self.corrections.items():
            how = "booked from other devices" if tokens > 0 else "given back"
            words.append(f"{abs(tokens):,} {meter} tokens {how}")
        return "; ".join(words)

    @property
    def words(self) -> str:
        """What was found, in one line."""
        words = [self.booked] if self.changed else []
        words += [f"{each.meter}: {each.why}" for each in self.meters if each.why]
        if not words and all(each.counter is None for each in self.meters):
            words = ["the service tells no counters to compare with"]
        return f"{_upper('; '.join(words or ['agrees with the service']))}."

    def __str__(self) -> str:
        lines = [self._title, *(f"- {_upper(line)}" for line in self._lines), _upper(self._sources)]
        return "\n".join(textwrap.fill(line, _WIDTH, subsequent_indent="  ") for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return card(self._title, *map(_upper, self._lines), foot=[_upper(self._sources)])

    @property
    def _title(self) -> str:
        whose = "the local demo" if self.account.is_demo else self.account.host
        return f"Compared with {whose} at {moment(self.as_of, self.account.zone)}"

    @property
    def _lines(self) -> list[str]:
        zone = self.account.zone
        return [
            *(str(found) for found in self.meters),
            *(f"{found.period}, {found}" for found in self.closed),
            *(_settled(call, zone) for call in self.settled),
            *(f"{plan.meter} plan {plan.before:,} → {plan.monthly:,} ({plan.source})" for plan in self.plans),
            *(_open(call, zone) for call in self.still_open),
        ]

    @property
    def _sources(self) -> str:
        told = dict.fromkeys(f"{found.meter} from {found.source}" for found in self.meters)
        return ", ".join([*told, "bills from the service's prompt log"] if self.settled else told)


def _settled(call: Settled, zone: str) -> str:
    was = "presumed" if call.presumed else "held"
    return f"{_call(call, zone)}: {call.before:,} {was} → {call.tokens:,} tokens (log)"


def _open(call: StillOpen, zone: str) -> str:
    stay = "stay presumed" if call.presumed else "stay held"
    return f"{_call(call, zone)}: {call.tokens:,} {stay}: {call.why}"


def _call(call: Settled | StillOpen, zone: str) -> str:
    return f"{call.meter} call of {moment(call.sent_at, zone)} to {call.model}"


def _because(why: str) -> str:
    return f" ({why})" if why else ""


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
