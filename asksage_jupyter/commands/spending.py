"""What is left, what it went to, how long it lasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..account import Meter, tags
from ..errors import BadInput
from ..prompting import option
from ..prompting.checks import Names, OneOf
from ..session import current, notebook_cost
from .command import Command, Quiet

BY = (
    "model", "notebook", "cell", "project", "user", "source", "status", "job", "tags", "client",
    "day", "week", "hour",
)  # fmt: skip
METER = option(
    "--meter", type=OneOf(Meter), default=Meter.INFERENCE, help="inference (the default) or training"
)


def _balance(_: Sequence[str]) -> Iterator[object]:
    from ..session.forecasting import pace_of

    session = current()
    yield session.balance()
    inference = pace_of(session, Meter.INFERENCE)
    if inference.lasts is not None:
        yield Quiet(inference.told)


def _usage(
    words: Sequence[str], by: str, period: str | None, since: str | None, until: str | None, all: bool
) -> Iterator[object]:
    from ..usage_log import report

    if words and period:
        raise BadInput(f"one month is enough: {words[0]} or --period {period}")
    yield report(by, words[0] if words else period, since, until, of_all_time=all)


def _why(words: Sequence[str]) -> Iterator[object]:
    from ..session.asking.looking_back import explained

    yield explained(current(), *words)


def _notebook(words: Sequence[str]) -> Iterator[object]:
    yield notebook_cost(*words)


def _pace(_: Sequence[str], meter: Meter) -> Iterator[object]:
    from ..pacing import pace

    yield pace(meter)


def _statement(
    words: Sequence[str], csv: str | None, since: str | None, until: str | None
) -> Iterator[object]:
    from ..statements import statement

    stated = statement(words[0] if words else None, since, until)
    yield stated
    if csv:
        stated.to_csv(csv)
        yield f"It is also in {csv}."


def _reconcile(_: Sequence[str]) -> Iterator[object]:
    from ..reconciling import reconcile

    yield reconcile()


def _panel(_: Sequence[str]) -> Iterator[object]:
    from ..widget import panel

    yield panel()


SINCE = option("--since", metavar="DATE", help="instead: from this day or time on; also yesterday, today")
UNTIL = option("--until", metavar="DATE", help="through this day, or until this time")

BALANCE = Command("balance", "", "what is left on both meters", _balance)
USAGE = Command(
    "usage",
    "[2026-11] [options]",
    "what it went to: this month, by model",
    _usage,
    (
        option(
            "--by",
            metavar="NAME",
            type=Names(BY, tags.PREFIX),
            default="model",
            help=f"{', '.join(BY)}, or a billing code like tag:wbs; several joined by commas",
        ),
        option("--period", metavar="2026-11", help="a month; this one when no time is given"),
        SINCE,
        UNTIL,
        option("--all", action="store_true", help="instead: from the first call on"),
    ),
    words=1,
)
WHY = Command(
    "why",
    "[N | CELL]",
    "why the last call, the Nth last or a cell's last cost what it did",
    _why,
    words=1,
)
NOTEBOOK = Command(
    "notebook",
    "[PATH]",
    "what running this notebook again costs, and if the month allows it",
    _notebook,
    words=1,
)
PACE = Command("pace", "[--meter METER]", "how long the tokens last as you spend them", _pace, (METER,))
STATEMENT = Command(
    "statement",
    "[2026-10] [options]",
    "the month, or another time, on one page",
    _statement,
    (SINCE, UNTIL, option("--csv", metavar="PATH", help="write it to this file as well")),
    words=1,
)
RECONCILE = Command("reconcile", "", "compare with the service, and book what was missing", _reconcile)
PANEL = Command("panel", "", "both meters, following every debit", _panel, needs_notebook=True)
