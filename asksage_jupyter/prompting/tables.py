"""The options of a ``%%asksage`` line that asks the same of every row of a table."""

from __future__ import annotations

import argparse

from .checks import tokens, variable, whole

SCHEMAS = {"str": str, "int": int, "float": float, "bool": bool}


class _Schema:
    """A check that a value names what an answer is: a type, or a variable that says more."""

    allowed = tuple(SCHEMAS)

    def __call__(self, value: str) -> str:
        return value if value in SCHEMAS else variable(value)


def add_map(group: argparse._ArgumentGroup) -> None:
    """Add them to a parser's group."""
    group.add_argument(
        "--map", type=variable, metavar="NAME",
        help="ask the same of every row of this DataFrame, Series or list; {column} is the row's value",
    )  # fmt: skip
    group.add_argument(
        "--into", type=variable, metavar="NAME", help="what the column of answers is called (default: reply)"
    )
    group.add_argument(
        "--schema", type=_Schema(), metavar="NAME",
        help="what an answer is: str, int, float, bool, or a variable with choices, columns or a class",
    )  # fmt: skip
    group.add_argument(
        "--budget", type=tokens, metavar="N", help="Ask Sage tokens that all runs of it together may cost"
    )
    group.add_argument(
        "--sample", type=whole("how many rows to ask"), metavar="N", help="ask N rows and no more"
    )
    group.add_argument(
        "--when", choices=("leftover",), metavar="leftover",
        help="leftover: spend only what the forecast says will expire this month, and stop when that is gone",
    )  # fmt: skip
