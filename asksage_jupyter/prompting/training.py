"""The line of ``%%asksage_train``, and the options of whatever uploads."""

from __future__ import annotations

from functools import cache

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
