"""What billed calls teach: model tokens a counted one, a reply's length, a file's size; how often it held."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .files import FILE_SPREAD

KEPT = 50  # samples a model; older ones make room
_WRAPPER = 30.0  # model tokens around a message: 26 with an own system prompt, 34 without, recorded 2026
_REPLY = (1.0, 300.0, 1100.0)  # model tokens of a reply nothing is known about

# Model tokens a cl100k token, by model id; first match wins: (low, middle, high). Plain English was recorded
# in 2026 at 1.016 (Claude up to 4.6), 1.22 (later Claude), 1.012 (Gemini) and 1.00 (GPT); code, tables and
# other languages come to more.
_FAMILIES = (
    (re.compile(r"claude\D*(?:[1-3][-.]?\d?|4[-.]?[0-6]|4)(?!\d|[-.]\d(?!\d))"), (0.98, 1.05, 1.25)),
    (re.compile(r"claude"), (1.16, 1.25, 1.5)),
    (re.compile(r"gemini"), (0.97, 1.03, 1.2)),
)
_OTHERS = (0.95, 1.0, 1.18)

_LONG_ENOUGH = 100  # counted tokens from which a sample tells inflation; below, it tells the wrapper
_ENOUGH = 10  # samples from which the guess made without any is forgotten
MEASURED = 20  # calls with a bill from which it is said how many of them lay in their interval


class Spread(NamedTuple):
    """A guess with its interval; of what was learned, a twentieth lies below, a twentieth above."""

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
    guessed : int
        Model tokens of a file that cannot be counted, as `first_guess` has them.
    file : str
        The kind of that file; empty without one.
    inside : bool or None
        Whether the bill lay in the interval of its estimate; None where no bill was told.
    """

    counted: int
    recorded: int
    input_tokens: int | None
    output_tokens: int | None
    factor: float | None
    guessed: int = 0
    file: str = ""
    inside: bool | None = None


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
    files : mapping of str to Spread
        By kind of file: model tokens it came to, per guessed one.
    measured : (int, int) or None
        How many bills of how many lay in their interval; None before there are `MEASURED`.
    """

    inflation: Spread
    wrapper: float
    reply: Spread
    replies: int
    factor: float | None
    files: Mapping[str, Spread]
    measured: tuple[int, int] | None

    def input(self, counted: int, recorded: int, guessed: int, file: str) -> Spread:
        """Model tokens of an input of these parts."""
        size = self.files.get(file, Spread(*FILE_SPREAD))
        return Spread(
            *(
                counted * inflation + recorded + guessed * times + self.wrapper
                for inflation, times in zip(self.inflation, size, strict=True)
            )
        )


def fit(model: str, samples: Sequence[Sample]) -> Fit:
    """Fit what is believed of `model` to its `samples`; without any, to its family."""
    family = first_inflation(model)
    told = [(sample, sample.input_tokens - sample.recorded) for sample in samples if sample.input_tokens]
    texts = [(sample.counted, tokens) for sample, tokens in told if not sample.file]
    wrappers = [tokens - family.middle * counted for counted, tokens in texts if counted < _LONG_ENOUGH]
    wrapper = min(max(_middle(wrappers), 0.0), 2_000.0) if wrappers else _WRAPPER
    ratios = [(tokens - wrapper) / counted for counted, tokens in texts if counted >= _LONG_ENOUGH]
    inflation = _spread([min(max(r, 0.2), 10.0) for r in ratios], family)
    replies = [float(sample.output_tokens) for sample in samples if sample.output_tokens is not None]
    factors = [sample.factor for sample in samples if sample.factor is not None]
    return Fit(
        inflation=inflation,
        wrapper=wrapper,
        reply=_spread(replies, _REPLY),
        replies=len(replies),
        factor=_middle(factors) if factors else None,
        files=_files(told, inflation.middle, wrapper),
        measured=_measured(samples),
    )


def first_inflation(model: str) -> Spread:
    """Model tokens a counted token for a model that has not been billed yet."""
    for family, inflation in _FAMILIES:
        if family.search(model.lower()):
            return Spread(*inflation)
    return Spread(*_OTHERS)


def _files(told: Sequence[tuple[Sample, int]], inflation: float, wrapper: float) -> dict[str, Spread]:
    """What files came to, per guessed token; what was billed before counts at once, and alone."""
    times: dict[str, list[float]] = {}
    for sample, tokens in told:
        if sample.file and sample.guessed:
            rest = tokens - wrapper - inflation * sample.counted
            times.setdefault(sample.file, []).append(min(max(rest / sample.guessed, 0.0), 1_000.0))
    return {file: _outer(sorted(found)) for file, found in times.items()}


def _measured(samples: Sequence[Sample]) -> tuple[int, int] | None:
    known = [sample.inside for sample in samples if sample.inside is not None]
    return (sum(known), len(known)) if len(known) >= MEASURED else None


def _spread(samples: Sequence[float], guess: Sequence[float]) -> Spread:
    """The samples' spread; until there are enough of them, with the guess."""
    return _outer(sorted(samples if len(samples) >= _ENOUGH else [*samples, *guess]))


def _outer(pool: Sequence[float]) -> Spread:
    """A twentieth, a half and nineteen twentieths of what is sorted, outwards."""
    last = len(pool) - 1
    return Spread(pool[math.floor(last * 0.05)], pool[len(pool) // 2], pool[math.ceil(last * 0.95)])


def _middle(samples: Sequence[float]) -> float:
    return sorted(samples)[len(samples) // 2]
