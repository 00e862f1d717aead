"""What a panel shows, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from .. import month
from ..account import HELD, Balance, MeterBalance, Status, unbilled_words
from ..month import rules_of, to_datetime, to_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
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
    trouble: str = ""
    read_at: int | None = None
    now: int = 0


def text(shown: Shown) -> str:
    """All of it as plain text, for places that keep it: dates, and no ages."""
    return "\n  ".join([title(shown), *_lines(shown)])


def _lines(shown: Shown) -> list[str]:
    lines = [notice(shown)]
    if (balance := shown.balance) and (is_known(shown) or not shown.trouble):
        for meter in (balance.inference, balance.training):
            words = [" ".join(headline(meter)).strip(), *details(meter), pool(meter), advice(meter, balance)]
            lines.append(f"{meter.meter}: {' · '.join(filter(None, words))}")
        lines += [
            resets(balance, None),
            unbilled_words(*shown.opened),
            last_call(shown, None),
            figures(balance, None),
        ]
    return [line for line in lines if line]


def title(shown: Shown) -> str:
    """Whose tokens these are."""
    return shown.balance.title if shown.balance else "Ask Sage tokens"


def notice(shown: Shown) -> str:
    """What is wrong, if anything; and since when the figures are old, if there are some."""
    if shown.trouble and is_known(shown) and shown.read_at is not None:
        return f"Not up to date since {moment(shown.read_at)}: {shown.trouble}"
    return shown.trouble[:1].upper() + shown.trouble[1:]


def is_known(shown: Shown) -> bool:
    """Whether an allotment is known: of an account that was never reached, none is."""
    return shown.balance is not None and any(
        meter.granted is not None for meter in (shown.balance.inference, shown.balance.training)
    )


def headline(meter: MeterBalance) -> tuple[str, str]:
    """The one figure that matters, and what it is to be read against."""
    if meter.granted is None:
        return "not known", ""
    if meter.is_uncapped and meter.pool is not None:
        return f"{meter.used:,}", "used, without a cap of your own"
    if meter.overage:
        return f"{meter.overage:,}", f"over {meter.granted:,}"
    return f"{meter.remaining:,}", f"of {meter.granted:,} left"


def details(meter: MeterBalance) -> tuple[str, str, str]:
    """What was used, what is held and what of both is over, each empty where there is nothing to tell."""
    return (
        "" if meter.granted is None or meter.is_uncapped else f"{meter.used:,} used",
        f"{meter.held:,} held" if meter.held else "",
        f"{meter.overage:,} over" if meter.overage else "",
    )


def pool(meter: MeterBalance) -> str:
    """What the pool has that this meter's calls must fit too; empty outside every pool."""
    words = "" if meter.pool is None else str(meter.pool)
    return words[:1].upper() + words[1:]


def advice(meter: MeterBalance, balance: Balance) -> str:
    """What to do or to expect, where the figures alone do not say."""
    if meter.granted is None:
        return f"Tell it: asksage_jupyter.set_plan({meter.meter}=...)"
    until = _day(_reset_date(meter, balance))
    if meter.pool is not None and meter.pool.remaining is not None and meter.pool.remaining <= 0:
        return f"The pool {meter.pool.name} is used up: calls are refused until {until}"
    if meter.overage:
        return f"Overage: calls are refused until {until}"
    return f"Calls are refused until {until}" if meter.granted and not meter.remaining else ""


def resets(balance: Balance, now: int | None) -> str:
    """When the next month's tokens come, in the account's time zone; with `now`, in how many days."""
    reset = _reset_date(balance.inference, balance)
    today = reset if now is None else to_datetime(now).astimezone(rules_of(balance.account.zone)).date()
    days = (reset - today).days
    if days < 1:  # also for figures so old that the month they are of has ended
        return f"Resets {_day(reset)}"
    return f"Resets {_day(reset)} · {'tomorrow' if days == 1 else f'{days} days left'}"


def last_call(shown: Shown, now: int | None) -> str:
    """The call sent last: model, tokens, where the figure comes from, when."""
    last = shown.last
    if last is None:
        return "" if shown.trouble else _NO_CALL
    lost = ", its reply was lost" if last.status == Status.LOST else ""
    source = "held, no bill yet" if last.source == HELD else f"{last.source}{lost}"
    tokens = f"{last.tokens:,} tokens ({source})"
    return f"Last call: {last.model} · {tokens} · {moment(last.sent_at, now)}"


def figures(balance: Balance, now: int | None) -> str:
    """Where the figures come from, and how old they are."""
    known = [meter for meter in (balance.inference, balance.training) if meter.granted is not None]
    if not known:
        return ""
    if len({meter.source for meter in known}) == 1:
        words = f"Figures from {known[0].source}"
    else:
        words = " · ".join(f"{meter.meter.capitalize()} from {meter.source}" for meter in known)
    changed = [to_instant(meter.as_of) for meter in known if meter.as_of]
    return f"{words} · changed {moment(max(changed), now)}" if changed else words


def moment(t: int, now: int | None = None) -> str:
    """An instant as date and time; with `now`, its age too if that is less than a day."""
    words = month.moment(t)
    return words if now is None or now - t >= _DAY else f"{words} ({_age(now - t)})"


def _age(passed: int) -> str:
    """How long ago, roughly: seconds would change all the time, and nobody needs them."""
    if passed >= _HOUR:
        return f"{passed // _HOUR} h ago"
    return f"{passed // _MINUTE} min ago" if passed >= _MINUTE else "just now"


def _reset_date(meter: MeterBalance, balance: Balance) -> date:
    return meter.resets_at.astimezone(rules_of(balance.account.zone)).date()


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
