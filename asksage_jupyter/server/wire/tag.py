"""A cell's price as its tag tells it: the words, how grave they are, and what more can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...account import Meter
from ...display.plain import interval

if TYPE_CHECKING:
    from ...prompting.footing import Footing
    from ...prompting.price import Price
    from ...session.holding.bounds import Bound

QUIET, AMBER, RED = "quiet", "amber", "red"
_MUCH = 0.05  # of what is left
_LONGEST = 120  # characters of a refusal in one line
_ALLOWED = "allowed are"
_NOTHING = {"details": "", "model": "", "ask": [], "count": ""}


def tag(
    price: Price, spendable: int | None, footing: Footing, *, may_ask: bool, near: str = ""
) -> dict[str, Any]:
    """What is told of a price.

    Parameters
    ----------
    spendable : int or None
        Tokens that are left on the meter that pays, where they are known.
    footing : Footing
        How the notebook stands.
    may_ask : bool
        Whether there is a key to ask for rates with.
    near : str
        Which models are called much like one whose rates are not known, in words.
    """
    level, against = _against(price, spendable, footing)
    return {
        "level": level,
        "words": " · ".join(filter(None, (_figure(price, near), against, *price.left))),
        "details": "" if price.estimate is None else str(price.estimate),
        "model": price.model,
        "ask": list(price.unknown) if may_ask else [],
        "count": f"Price {price.untold}" if price.untold else " ".join(f"+ {name}" for name in price.beside),
    }


def refusal(line: str) -> dict[str, Any]:
    """What is told of a cell that the kernel would refuse."""
    short = line.partition(f"; {_ALLOWED}")[0].partition(f"? {_ALLOWED}")
    words = short[0] + "?" * bool(short[1])
    words = words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
    return _NOTHING | {"level": AMBER, "words": words, "details": line}


def _figure(price: Price, near: str) -> str:
    if price.unknown:
        more = f" and {len(price.unknown) - 1} more" if len(price.unknown) > 1 else ""
        return f"The rates of {price.unknown[0]}{more} are not known here yet{near and f'.{near}'}"
    if price.is_kept:
        return "0 tokens: the reply that is kept is shown again"
    if price.expected is None:
        return ""
    meter = "training tokens" if price.meter is Meter.TRAINING else "tokens"
    between = interval(price.low, price.high)
    return " · ".join(filter(None, (f"about {price.expected:,} {meter}{between}", price.planned)))


def _against(price: Price, spendable: int | None, footing: Footing) -> tuple[str, str]:
    """How grave the price is, and against what."""
    if not price.expected:
        return QUIET, ""
    if short := _short(price, spendable, footing):
        return _refused(price, short, spendable, footing)
    left, what = spendable, "what is left"
    for bound in _bounds(price, footing):
        if left is None or bound.left < left:
            left, what = bound.left, f"what {bound.words} has left"
        if price.expected > bound.left:  # a soft one: others refuse
            return AMBER, f"more than the {max(0, bound.left):,} left in {bound.words}, which only warns"
    if not left:
        return QUIET, ""
    share = price.expected / left
    return AMBER if share > _MUCH else QUIET, f"{_percent(share)} of {what}"


def _short(price: Price, spendable: int | None, footing: Footing) -> str:
    """Why it will be refused; empty where it will not."""
    needed = price.expected or 0
    if price.limit is not None and needed > price.limit:
        return f"more than {'--budget' if price.planned else '--max-tokens'} {price.limit:,}"
    if spendable is not None and needed > spendable:
        return f"more than the {max(0, spendable):,} that are left"
    for bound in _bounds(price, footing):
        if needed > bound.left and not bound.is_soft:
            return f"more than the {max(0, bound.left):,} left in {bound.words}"
    return ""


def _bounds(price: Price, footing: Footing) -> tuple[Bound, ...]:
    return footing.bounds if price.meter is Meter.INFERENCE else ()


def _refused(price: Price, short: str, spendable: int | None, footing: Footing) -> tuple[str, str]:
    """What becomes of a cell that its model is refused: another may be asked."""
    if (other := price.instead) is None:
        return RED, f"{short}: it will be refused"
    if other.expected is None:
        return AMBER, f"{short}: {other.model} will be asked instead"
    if _short(other, spendable, footing):
        return RED, f"{short}, and so is {other.model} at about {other.expected:,}: it will be refused"
    return AMBER, f"{short}: {other.model} will be asked instead, for about {other.expected:,}"


def _percent(share: float) -> str:
    percent = 100 * share
    if percent < 0.01:
        return "under 0.01%"
    return f"{percent:.0f}%" if percent >= 10 else f"{percent:.2g}%"
