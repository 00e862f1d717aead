"""A model's rates, and how to learn them from the service's free tokenizer route."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from ..account import Source
from .rule import FACTOR, Cached, billed, undone, whole

_SHORT = "x"
# The prices are whole tokens: the longer the text, the finer the rate. 30,000 model tokens, in a body of
# 60 kB, tell it to 0.00003.
_LONG = "x " * 30_000
_MANY = 1_000_000
_MOST = 10_000.0  # tokens a model token; the dearest seen is 5.4
_FIELDS = 2  # model tokens by which two questions of the same text may differ in their other fields
# Rates are short decimals. The first of these steps that has a multiple among the possible rates tells it.
_STEPS = tuple(digit / 10**places for places in range(1, 8) for digit in (5, 1))


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
        Ask Sage tokens a model token of input, and of output; the factor of the bill is in them.
    source : Source
        `Source.PRICED`: computed from the service's own prices. `Source.CATALOG`: the catalog's figure times
        `factor`, unverified.
    as_of : int
        When it was learned; microseconds UTC.
    factor : float
        What the catalog's figures were multiplied by; 1 for priced rates.
    flat : float
        Ask Sage tokens of any call beside its model tokens: the whole price, where any call costs the same.
    """

    model: str
    prompt: float
    completion: float
    source: Source
    as_of: int
    factor: float = 1.0
    flat: float = 0.0

    @property
    def words(self) -> str:
        """What it costs, for whoever chooses a model."""
        if not self.prompt and not self.completion:
            return f"{self.flat:,.0f} tokens a call" if self.flat else "free"
        return f"{self.prompt:.2g} tokens a model token read, {self.completion:.2g} written"

    def bill(self, input_tokens: Any, output_tokens: Any, cached: Cached | None = None) -> Any:
        """Ask Sage tokens of a call of so many model tokens, or of arrays of calls; 1 at the least.

        Parameters
        ----------
        input_tokens, output_tokens : float or ndarray of float
            All of the input, what was cached among it.
        cached : Cached, optional
            How the provider took it, for one call.
        """
        kinds = (input_tokens,) if cached is None else cached.weighted(self.model, input_tokens)
        prompt, completion = self.prompt / FACTOR, self.completion / FACTOR
        bills = self.flat + billed(*(tokens * prompt for tokens in kinds), output_tokens * completion)
        return bills + (bills < 1) * (1 - bills)

    def linear(self, input_tokens: float, output_tokens: float) -> float:
        """The same without roundings, which add 2 to the middle of recorded bills."""
        return self.flat + input_tokens * self.prompt + output_tokens * self.completion


def ask(pricer: Pricer, model: str) -> tuple[float, float, float]:
    """What a `Rate` of `model` has as prompt, completion and flat, from five free calls made side by side.

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
        long, short, *prices = (float(future.result()) for future in futures)
    if long <= short or not all(math.isfinite(figure) for figure in (long, short, *prices)):
        raise ValueError("a long text must have more tokens than a short one")
    return _learned(long, short, *prices)


def _learned(
    long: float, short: float, long_price: float, short_price: float, many_price: float
) -> tuple[float, float, float]:
    """The rates behind three prices, their roundings undone where the short text is priced by the rule."""
    per_token = (long_price - short_price) / (long - short)
    per_reply = (many_price - short_price) / _MANY
    slope = per_token / FACTOR
    if abs(short_price - billed(short * slope)) > billed(_FIELDS * slope, 0.0) + 1:
        # Some of the price is for the call, whatever its text.
        return checked(per_token, per_reply, max(0.0, short_price - per_token * short))
    steps = undone(long_price)
    prompt = _simplest((steps - 1) / (long + _FIELDS), steps / (long - _FIELDS))
    steps, shift = undone(many_price) - undone(short_price), float(whole(_FIELDS * prompt))
    completion = _simplest((steps - 1 - shift) / _MANY, steps / _MANY)
    return checked(prompt * FACTOR, completion * FACTOR)


def _simplest(above: float, most: float) -> float:
    """The shortest decimal in (`above`, `most`]; the middle where there is none."""
    if most <= 0:
        return most  # below 0 it is no rate
    for step in _STEPS:
        rate: float = round(math.floor(most / step + 1e-9) * step, 9)
        if rate > max(above, 0.0):
            return rate
    return (above + most) / 2


def checked(prompt: float, completion: float, flat: float = 0.0) -> tuple[float, float, float]:
    """The figures, if they can be rates at all.

    Raises
    ------
    ValueError
        One is negative, not finite or beyond belief, or all are 0.
    TypeError
        One is not a number.
    """
    for rate, most in ((prompt, _MOST), (completion, _MOST), (flat, _MOST * 1_000)):
        if not (math.isfinite(rate) and 0 <= rate <= most):
            raise ValueError(f"{rate!r} is no rate")
    if prompt == completion == flat == 0:
        raise ValueError("a model without a price")
    return float(prompt), float(completion), float(flat)
