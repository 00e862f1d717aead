"""What Ask Sage bills, from model tokens: one rule with two roundings.

It is computed from bills, not told by the vendor: exact on all of 180 recorded ones (18 models, 5 routes, May
2025 to September 2026), and the tokenizer route prices by it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Tenths: the factor between a model's rates and its bill, on every model there are bills of.
_FACTOR, _ONE = 13, 10
FACTOR = _FACTOR / _ONE
# Products of binary fractions miss whole numbers by this much: 4,000 x 0.055 is 220.00000000000003.
_SLACK, _SHARE = 1e-9, 1 - 1e-13


def billed(*priced: Any) -> Any:
    """The bill of a call whose kinds of tokens come to `priced` at their rates.

    That is ``ceil(1.3 * (ceil(priced[0]) + ceil(priced[1]) + ...))``, in floats: numbers, or arrays of them.

    Parameters
    ----------
    priced : float or ndarray of float
        Model tokens of one kind (input, cached input, output) times the model's rate for it, before the
        factor of 1.3.
    """
    return -(-_FACTOR * sum(map(whole, priced)) // _ONE)


def whole(priced: Any) -> Any:
    """`priced` rounded up, as if it had been computed in decimals."""
    return -((_SLACK - priced * _SHARE) // 1)


def undone(bill: float) -> float:
    """The whole number that `billed` made `bill` of: 1.3 is above 1, so there is one at most."""
    return bill * _ONE // _FACTOR


@dataclass(frozen=True, slots=True)
class Cached:
    """How a provider took a part of the input, where a reply tells it; model tokens, none of them by default.

    Ask Sage's own route bills all input alike, whatever the provider cached. The provider-compatible routes
    bill these kinds at other rates.

    Attributes
    ----------
    read : int
        Read from a cache.
    written, written_for_an_hour : int
        Written to one, for five minutes or for an hour.
    """

    read: int = 0
    written: int = 0
    written_for_an_hour: int = 0

    def weighted(self, model: str, input_tokens: float) -> tuple[float, ...]:
        """`input_tokens`, these among them, apart by kind, as so many plain ones of `model`."""
        if "gemini" in model or ("bedrock" in model and "gpt" in model):
            return (input_tokens,)
        plain = input_tokens - self.read - self.written - self.written_for_an_hour
        read = 0.05 if "opus-5-5" in model else 0.1
        return plain, self.read * read, self.written * 1.25, self.written_for_an_hour * 2.0
