"""What the local service charges, by the rule of Ask Sage: queries, training, and files it cannot read."""

from __future__ import annotations

from ..account import Meter
from ..rates import RECORDED
from ..rates import billed as by_rule
from ..tokens import kind_of

ALLOTMENT = 200_000

# Ask Sage tokens a model token, before the factor of the bill: the rates of claude-45-haiku.
CATALOG_RATE = {"prompt": 0.055, "completion": 0.275}


def billed(input_tokens: int, output_tokens: int) -> int:
    """The debit of one query in Ask Sage tokens, as the tokenizer route tells it too."""
    return int(by_rule(input_tokens * CATALOG_RATE["prompt"], output_tokens * CATALOG_RATE["completion"]))


def taught(count: int) -> int:
    """The training debit of content of `count` cl100k tokens."""
    return int(by_rule(count))


def sampled(name: str, content: bytes) -> dict[Meter, int] | None:
    """The debits of a file that is not read here, as recorded for its kind; None for a text."""
    if (recorded := RECORDED.get(kind_of(content, name))) is None:
        return None
    tokens = {Meter.TRAINING: recorded.training, Meter.INFERENCE: recorded.inference}
    return {meter: each for meter, each in tokens.items() if each}
