"""A cell's price as its tag tells it: the words, how grave they are, and what more can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..prompting.price import Price

QUIET, AMBER, RED = "quiet", "amber", "red"
_MUCH = 0.05  # of what is left
_LONGEST = 120  # characters of a refusal in one line
_ALLOWED = "allowed are"


def tag(price: Price, spendable: int | None, *, may_ask: bool) -> dict[str, Any]:
    """What is told of a price.

    Parameters
    ----------
    spendable : int or None
        Tokens that are left on the meter that pays, where they are known.
    may_ask : bool
        Whether there is a key to ask for rates with.
    """
    level, against = _against(price, spendable)
    words = " · ".join(filter(None, (_figure(price), against)))
    return {
        "level": level,
        "words": words,
        "details": "" if price.estimate is None else str(price.estimate),
        "model": price.model,
        "ask": list(price.unknown) if may_ask else [],
    }


def refusal(line: str) -> dict[str, Any]:
    """What is told of a cell that the kernel would refuse."""
    short = line.partition(f"; {_ALLOWED}")[0].partition(f"? {_ALLOWED}")
    words = short[0] + "?" * bool(short[1])
    return {
        "level": AMBER,
        "words": words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…",
        "details": line,
        "model": "",
        "ask": [],
    }


def _figure(price: Price) -> str:
    if price.untold:
        return f"--estimate tells what {price.untold} costs"
    if price.unknown:
        more = f" and {len(price.unknown) - 1} more" if len(price.unknown) > 1 else ""
        return f"The rates of {price.unknown[0]}{more} are not known here yet"
    if price.expected is None:
        return ""
    span = "" if price.low == price.high else f" ({price.low:,} to {price.high:,})"
    meter = "training tokens" if price.estimate is None else "tokens"
    return " + ".join([f"about {price.expected:,} {meter}{span}", *price.beside])


def _against(price: Price, spendable: int | None) -> tuple[str, str]:
    """How grave the price is, and against what."""
    if price.expected is None:
        return QUIET, ""
    if price.limit is not None and price.expected > price.limit:
        return RED, f"more than --max-tokens {price.limit:,}: it will be refused"
    if spendable is None:
        return QUIET, ""
    if price.expected > spendable:
        return RED, f"more than the {max(0, spendable):,} that are left: it will be refused"
    share = price.expected / spendable
    return AMBER if share > _MUCH else QUIET, f"{_percent(share)} of what is left"


def _percent(share: float) -> str:
    percent = 100 * share
    if percent < 0.01:
        return "under 0.01 %"
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"
