"""What billed calls teach: how a model's input compares to our count, and how long its replies are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

KEPT = 50  # samples a model; older ones make room
CATALOG_FACTOR = 1.3  # bill over catalog, on 75 of 93 models of September 2026; 0.65 to 3.6 on the rest
_WRAPPER = 15.0  # model tokens around a message: 5 to 19, recorded 2025 and 2026
_REPLY = (20.0, 300.0, 1200.0)  # model tokens of a reply nothing is known about

# Model tokens a cl100k token, by model id; first match wins. Measured relative to o200k_base, 2026:
# Claude up to 4.6 about 1.2, Claude 4.7 and later 1.55, Gemini 1.1 (tables of numbers up to 1.6).
_FAMILIES = (
    (re.compile(r"claude\D*(?:[1-3][-.]?\d?|4[-.]?[0-6]|4)(?!\d|[-.]\d(?!\d))"), 1.2),
    (re.compile(r"claude"), 1.55),
    (re.compile(r"gemini"), 1.1),
)
_UNSURE = (0.9, 1.0, 1.15)  # around the family's figure, until the model itself has told

_LONG_ENOUGH = 100  # counted tokens from which a sample tells inflation; below, it tells the wrapper
_ENOUGH = 10  # samples from which the guess made without any is forgotten


class Spread(NamedTuple):
    """A guess with its interval: about one in ten lies below `low`, one in ten above `high`."""

    low: float
    middle: float
    high: float


class Sample(NamedTuple):
    """One billed call, as figures only.

    Attributes
    ----------
    counted : int
        Our count of the texts that were sent.
    recorded : int
        Model tokens of the input beside these texts, not counted by us: persona and the like.
    input_tokens, output_tokens : int or None
        As billed, in model tokens.
    factor : float or None
        Bill over catalog; None where the rate was not the catalog's.
    """

    counted: int
    recorded: int
    input_tokens: int | None
    output_tokens: int | None
    factor: float | None


@dataclass(frozen=True, slots=True)
class Fit:
    """What is believed of a model.

    Attributes
    ----------
    inflation : Spread
        Model tokens of input per counted token.
    wrapper : float
        Model tokens that come on top of any input.
    reply : Spread
        Model tokens of a reply.
    replies : int
        How many replies that rests on.
    factor : float or None
        Bill over catalog, as learned; None until learned.
    """

    inflation: Spread
    wrapper: float
    reply: Spread
    replies: int
    factor: float | None


def fit(model: str, samples: Sequence[Sample]) -> Fit:
    """Fit what is believed of `model` to its `samples`; without any, to its family."""
    family = first_inflation(model)
    inputs = [
        (sample.counted, sample.input_tokens - sample.recorded)
        for sample in samples
        if sample.input_tokens is not None
    ]
    wrappers = [told - family * counted for counted, told in inputs if counted < _LONG_ENOUGH]
    wrapper = min(max(_middle(wrappers), 0.0), 2_000.0) if wrappers else _WRAPPER
    ratios = [(told - wrapper) / counted for counted, told in inputs if counted >= _LONG_ENOUGH]
    replies = [float(sample.output_tokens) for sample in samples if sample.output_tokens is not None]
    factors = [sample.factor for sample in samples if sample.factor is not None]
    return Fit(
        inflation=_spread([min(max(r, 0.2), 10.0) for r in ratios], [family * part for part in _UNSURE]),
        wrapper=wrapper,
        reply=_spread(replies, _REPLY),
        replies=len(replies),
        factor=_middle(factors) if factors else None,
    )


def first_inflation(model: str) -> float:
    """Model tokens a counted token for a model that has not been billed yet."""
    for family, inflation in _FAMILIES:
        if family.search(model.lower()):
            return inflation
    return 1.0


def _spread(samples: Sequence[float], guess: Sequence[float]) -> Spread:
    """A tenth, a half and nine tenths of the samples, outwards; until there are enough, with the guess."""
    pool = sorted(samples if len(samples) >= _ENOUGH else [*samples, *guess])
    last = len(pool) - 1
    return Spread(pool[math.floor(last * 0.1)], pool[len(pool) // 2], pool[math.ceil(last * 0.9)])


def _middle(samples: Sequence[float]) -> float:
    return sorted(samples)[len(samples) // 2]
