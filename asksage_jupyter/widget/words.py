"""What a panel shows, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from .. import month
from ..account import HELD, Balance, Meter, MeterBalance, Status, advice, gauges, unbilled_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..session.endpoints import Running

_NO_CALL = "No call yet: the first %%asksage cell will be told here."


@dataclass(frozen=True, slots=True)
class LastCall:
    """The call sent last, as far as a panel tells it.

    Attributes
    ----------
    sent_at : int
        Microseconds UTC.
    tokens : int
        Ask Sage tokens debited, or held while its bill is not known.
    """

    sent_at: int
    model: str
    tokens: int
    source: str
    status: str

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """The part of a row of the ledger's calls that is told."""
        from ..ledger import CALL_COLUMNS

        call = dict(zip(CALL_COLUMNS, row, strict=True))
        return cls(*(call[name] for name in cls.__slots__))


@dataclass(frozen=True, slots=True)
class Shown:
    """All that a panel shows at one moment.

    Attributes
    ----------
    balance : Balance or None
        None while the ledger has not been read.
    last : LastCall or None
        None before the first call.
    opened : tuple of int
        How many calls have no bill yet, and the tokens held for them.
    paces : mapping of Meter to str
        How long each meter lasts, where that says something.
    endpoints : tuple of Running
        Those of the account on this machine.
    trouble : str
        Why the figures are missing or not up to date; empty when all is well.
    read_at : int or None
        When `balance` and `last` were read, in microseconds UTC.
    now : int
        The moment that ages and days left are told for, in microseconds UTC.
    """

    balance: Balance | None = None
    last: LastCall | None = None
    opened: tuple[int, int] = (0, 0)
    paces: Mapping[Meter, str] = field(default_factory=dict)
    endpoints: tuple[Running, ...] = ()
    trouble: str = ""
    read_at: int | None = None
    now: int = 0


def text(shown: Shown) -> str:
    """All of it as plain text, for places that keep it: dates, and no ages."""
    return "\n  ".join([title(shown), *_lines(shown)])


def _lines(shown: Shown) -> list[str]:
    lines = [notice(shown)]
    if (balance := shown.balance) and (is_known(shown) or not shown.trouble):
        for meter in balance.meters:
            lines += [*_meter(meter, balance.account.zone), shown.paces.get(meter.meter, "")]
        lines += [
            balance.resets_words(),
            unbilled_words(*shown.opened),
            *endpoints(shown),
            last_call(shown, None),
            balance.changed_words(),
        ]
    return [line for line in lines if line]


def _meter(meter: MeterBalance, zone: str) -> list[str]:
    """A line for each limit, the last with what to do."""
    own = [f"{meter.meter.capitalize()}: you used {meter.used:,} of the pool"] if meter.is_uncapped else []
    lines = own + [
        " · ".join([f"{found.name}: {' '.join(found.headline)}", *(each.words for each in found.segments)])
        for found in gauges(meter)
    ]
    lines[-1] = " · ".join(filter(None, (lines[-1], meter.bound_words, advice(meter, zone))))
    return lines


def title(shown: Shown) -> str:
    """Whose tokens these are."""
    return shown.balance.title if shown.balance else "Ask Sage tokens"


def notice(shown: Shown) -> str:
    """What is wrong, if anything; and since when the figures are old, if there are some."""
    if shown.trouble and is_known(shown) and shown.read_at is not None:
        return f"Not up to date since {month.moment(shown.read_at, _zone(shown))}: {shown.trouble}"
    return shown.trouble[:1].upper() + shown.trouble[1:]


def endpoints(shown: Shown) -> list[str]:
    """The endpoints that run, with what came of them and how to end them."""
    end = "%asksage serve --stop ends it", "Stop in the sidebar ends it"
    return [f"Endpoint {each.url}: {each.words} · {end[not each.is_here]}" for each in shown.endpoints]


def is_known(shown: Shown) -> bool:
    """Whether there are figures, and an allotment."""
    return shown.balance is not None and shown.balance.is_known


def _zone(shown: Shown) -> str:
    return shown.balance.account.zone if shown.balance else "UTC"


def last_call(shown: Shown, now: int | None) -> str:
    """The call sent last: model, tokens, where the figure comes from, when."""
    last = shown.last
    if last is None:
        return "" if shown.trouble else _NO_CALL
    lost = ", its reply was lost" if last.status == Status.LOST else ""
    source = "held, no bill yet" if last.source == HELD else f"{last.source}{lost}"
    tokens = f"{last.tokens:,} tokens ({source})"
    return f"Last call: {last.model} · {tokens} · {month.moment(last.sent_at, _zone(shown), now)}"
