"""The line of ``%%asksage_train``, and the options of whatever uploads."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..errors import BadInput
from .parser import Parser, option

TRAINING_CELL = "%%asksage_train NAME [options]"
UPLOAD_OPTIONS = (
    option("--context", default="", metavar="TEXT", help="where it comes from, in quotes; it is not billed"),
    option("--estimate", action="store_true", help="say what it would cost, and upload nothing"),
    option(
        "--again",
        action="store_true",
        help="upload also what was uploaded before, if the dataset was emptied",
    ),
)


@cache
def training_parser() -> Parser:
    """The parser of a training cell's line."""
    return Parser(f"{TRAINING_CELL}\n       the text, on the lines below, as it is", UPLOAD_OPTIONS)


def read_training(line: str) -> tuple[str, dict[str, Any]]:
    """The dataset that a training cell's line names, and the options.

    Raises
    ------
    BadInput
        An option that is not allowed, or no dataset.
    """
    options, words = training_parser().read(line)
    if len(words) != 1:
        raise BadInput(f"one dataset is named on the line: {TRAINING_CELL}")
    return words[0], options
