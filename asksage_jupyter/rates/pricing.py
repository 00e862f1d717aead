"""A model's rates, and how to learn them from the service's free tokenizer route."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from ..account import Source

# Billed = input_tokens * prompt + output_tokens * completion + this. Measured on 101 requests of a live
# account, September 2026: what is over the product was 1.3 to 5.3.
FIXED = 3.0

_SHORT = "x"
# The replies are whole tokens: the longer the text, the finer the rate. 30,000 model tokens tell the cheapest
# rate seen (0.0027) to about 1 %, in a body of 60 kB.
_LONG = "x " * 30_000
_MANY = 1_000_000
_MOST = 10_000.0  # tokens a model token; the dearest seen is 5.4


class Pricer(Protocol):
    """What can be asked for free; the service satisfies it, from several threads at once."""

    def tokenize(self, content: str, model: str) -> int:
        """Model tokens of `content`, by the service's generic tokenizer."""
        ...

    def price(self, content: str, model: str, completion_estimate: int = 0) -> int:
        """Ask Sage tokens of `content` as input and `completion_estimate` model tokens of output."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """What one model token costs.

    Attributes
    ----------
    prompt, completion : float
        Ask Sage tokens a model token of input, and of output.
    source : Source
        `Source.PRICED`: computed from the service's own prices. `Source.CATALOG`: the catalog's figure times
        `factor`, unverified.
    as_of : int
        When it was learned; microseconds UTC.
    factor : float
        What the catalog's figures were multiplied by; 1 for priced rates.
    """

    model: str
    prompt: float
    completion: float
    source: Source
    as_of: int
    factor: float = 1.0

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """Ask Sage tokens of so many model tokens, with the fixed part of every call."""
        return input_tokens * self.prompt + output_tokens * self.completion + FIXED


def ask(pricer: Pricer, model: str) -> tuple[float, float]:
    """The prompt and completion rates of `model`, from five free calls made side by side.

    Raises
    ------
    AskSageError
        As the pricer raised it.
    ValueError, TypeError
        The replies are no prices.
    """
    from concurrent.futures import Future, ThreadPoolExecutor
    from contextvars import copy_context

    with ThreadPoolExecutor(5, "asksage-rates") as pool:

        def begin(*question: Any) -> Future[int]:
            here = copy_context()  # with the limit for all
            return pool.submit(lambda: here.run(*question))

        futures = [
            begin(pricer.tokenize, _LONG, model),
            begin(pricer.tokenize, _SHORT, model),
            begin(pricer.price, _LONG, model),
            begin(pricer.price, _SHORT, model),
            begin(pricer.price, _SHORT, model, _MANY),
        ]
        # The wire has been seen to say "933": a string is as good as a number here.
        long, short, long_price, short_price, many_price = (float(future.result()) for future in futures)
    if long <= short:
        raise ValueError("a long text must have more tokens than a short one")
    return checked((long_price - short_price) / (long - short), (many_price - short_price) / _MANY)


def checked(prompt: float, completion: float) -> tuple[float, float]:
    """Both rates, if they can be rates at all.

    Raises
    ------
    ValueError
        One is negative, not finite or beyond belief, or both are 0.
    TypeError
        One is not a number.
    """
    for rate in (prompt, completion):
        if not (math.isfinite(rate) and 0 <= rate <= _MOST):
            raise ValueError(f"{rate!r} is no rate")
    if prompt == completion == 0:
        raise ValueError("a model without a price")
    return float(prompt), float(completion)
