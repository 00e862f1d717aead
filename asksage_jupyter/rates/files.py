"""What a file costs that is no text: by its kind, as recorded, until bills of its kind are known."""

from __future__ import annotations

from typing import NamedTuple

from .rule import FACTOR

# How far what a file comes to may lie from the guess.
FILE_SPREAD = (0.2, 1.0, 4.0)


class Recorded(NamedTuple):
    """One recorded upload of a kind to a dataset, September 2026; Ask Sage tokens of each meter."""

    training: int
    inference: int


# By kind, as `asksage_jupyter.tokens.kind_of` names it.
RECORDED = {
    "PDF": Recorded(575, 0),
    "document": Recorded(571, 0),
    "picture": Recorded(566, 777),
    "sound": Recorded(431, 1_300),
}


def first_guess(kind: str) -> int:
    """Model tokens that a file of `kind` adds to a prompt: the text that was found in the recorded one."""
    return round(RECORDED[kind].training / FACTOR)
