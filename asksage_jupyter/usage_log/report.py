"""The usage log on one screen: what each model, notebook or day used, with totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas

from .. import month
from ..account import Meter, tags, unbilled_words
from ..display.markup import joined, line
from ..display.plain import from_home, one_line
from ..display.table import Row, Table
from ..errors import BadInput
from ..ledger import CALL_COLUMNS
from ..session import current, given
from ..span import dated, span
from .cells import cell_names
from .log import usage
from .parts import NAMES, TIMES, parts
from .schema import HOLDER

if TYPE_CHECKING:
    from ..span import When

BY = tuple(name for name in (*NAMES, *TIMES) if name != HOLDER.name)
_SHOWN = 40
_OPEN_SHOWN = 5
_FIGURES = ("calls", "input_tokens", "output_tokens", "tokens")
_HEADS = ("calls", "input", "output", "tokens", "share")


@dataclass(frozen=True, slots=True, repr=False)
class UsageReport:
    """What was used, divided; shows itself as a table for each meter.

    Attributes
    ----------
    title : str
        Whose tokens, and of when.
    by : str
        What they are divided by; several joined by commas.
    meters : mapping of str to pandas.DataFrame
        The division of each meter that was used, as ``.asksage.by`` makes it.
    opened : tuple of str
        The calls without a bill yet, which are in no division: one line for all, then one each.
    cells : mapping of str to str
        What the cells are called, by their ids, where they are divided by them.
    """

    title: str
    by: str
    meters: dict[str, pandas.DataFrame]
    opened: tuple[str, ...] = ()
    cells: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        is_alone = list(self.meters) == [Meter.INFERENCE]
        tables = [str(self._table(meter, "" if is_alone else meter)) for meter in self.meters]
        return "\n\n".join([one_line(self.title), *tables, *filter(None, ["\n  ".join(self._below)])])

    __repr__ = __str__

    def to_frame(self) -> pandas.DataFrame:
        """The divisions of all meters as one DataFrame, a row for each part of each meter."""
        if not self.meters:
            return pandas.DataFrame(columns=["meter", *self.by.split(","), *_FIGURES, "share", "mean"])
        return pandas.concat(self.meters, names=["meter"]).reset_index()

    def _repr_html_(self) -> str:
        tables = [self._table(meter, f"{self.title} · {meter}")._repr_html_() for meter in self.meters]
        title = [] if tables else [line(self.title, "font-weight:600")]
        return joined([*title, *tables, *map(line, self._below)])

    def _table(self, meter: str, caption: str) -> Table:
        return Table(
            (self.by.replace(",", " · "), *_HEADS),
            *_rows(self.meters[meter], self.by, self.cells),
            caption=caption,
        )

    @property
    def _below(self) -> tuple[str, ...]:
        return tuple(map(one_line, self.opened)) or (() if self.meters else ("No calls.",))


def report(
    by: str = "model",
    period: str | None = None,
    since: When | None = None,
    until: When | None = None,
    *,
    of_all_time: bool = False,
) -> UsageReport:
    """UsageReport what the current account used, of this month when no time is given.

    Parameters
    ----------
    by : str
        One of `BY`, or ``tag:`` with the name of a billing code; several joined by commas.
    period, since, until
        As of `usage`.
    of_all_time : bool
        Instead of a time, from the first call on.

    Raises
    ------
    BadInput, LedgerError
        As of `usage`.
    """
    names = [
        name if name.startswith(tags.PREFIX) else given.one_of(name, BY, "by")
        for name in given.text(by, "by").split(",")
    ]
    session = current()
    account = session.account
    since, until = (dated(when, session.clock(), account.zone) for when in (since, until))
    is_told = any(when is not None for when in (period, since, until))
    if of_all_time and is_told:
        raise BadInput("all time, or a part of it: give one of them")
    if not of_all_time and not is_told:
        period = month.period_at(session.clock(), account.zone)
    calls = usage(period, since, until)
    tables = {
        meter.value: parts(calls, names[0] if len(names) == 1 else names, meter, account.zone)
        for meter in Meter
        if (calls["meter"] == meter).any()
    }
    title = f"{session.ledger.balance(account).title} · {_times(period, since, until)}"
    first, last = span(period, since, until, account.zone)
    opened = [
        call
        for call in (dict(zip(CALL_COLUMNS, row, strict=True)) for row in session.ledger.open_calls(account))
        if (first or 0) <= call["sent_at"] and (last is None or call["sent_at"] < last)
    ]
    cells = cell_names(calls, session.ledger.folder) if "cell" in names else {}
    return UsageReport(title, by, tables, _opened(opened, account.zone), cells)


def _opened(calls: list[dict[str, Any]], zone: str) -> tuple[str, ...]:
    """All in one line, then the newest in one each."""
    if not calls:
        return ()
    lines = [
        f"{month.moment(call['sent_at'], zone)} · {call['model']} · "
        f"{call['tokens']:,} {call['meter']} tokens held"
        for call in calls[:_OPEN_SHOWN]
    ]
    more = len(calls) - len(lines)
    whole = unbilled_words(len(calls), sum(call["tokens"] for call in calls))
    return (whole, *lines, *([f"{more:,} more"] if more else []))


def _times(period: str | None, since: When | None, until: When | None) -> str:
    if period is not None:
        return month.named(period)
    told = (("from", since), ("until", until))
    return " ".join(f"{word} {when}" for word, when in told if when is not None) or "all time"


def _rows(table: pandas.DataFrame, by: str, cells: Mapping[str, str]) -> tuple[list[Row], Row]:
    """The rows as they are shown, the smallest in one together, and their total."""
    shown = table if by in TIMES else table.head(_SHOWN)
    rows: list[Row] = [
        _row(_name(key, by, cells), figures)
        for key, figures in zip(shown.index, _records(shown), strict=True)
    ]
    if len(table) > len(shown):
        rest = table.iloc[len(shown) :]
        rows.append(_row(f"{len(rest):,} more", _summed(rest)))
    return rows, _row("total", _summed(table))


def _records(table: pandas.DataFrame) -> list[Any]:
    return table[[*_FIGURES, "share"]].to_dict("records")


def _summed(table: pandas.DataFrame) -> dict[str, Any]:
    return {name: table[name].sum(min_count=1) for name in _FIGURES} | {"share": table["share"].sum()}


def _row(name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    return (name, *(_figure(figures[figure]) for figure in _FIGURES), f"{figures['share']:.1%}")


def _figure(tokens: Any) -> str:
    return "–" if pandas.isna(tokens) else f"{int(tokens):,}"


def _name(key: Any, by: str, cells: Mapping[str, str]) -> str:
    if isinstance(key, tuple):
        named = (_name(part, name, cells) for part, name in zip(key, by.split(","), strict=True))
        return " · ".join(named)
    if by in ("day", "week"):
        return f"{key:%Y-%m-%d}"
    if by == "hour":
        return f"{key:02d}:00"
    if pandas.isna(key):
        return "not told"
    if by == "notebook":
        return from_home(str(key))
    return cells.get(key, str(key)) if by == "cell" else str(key)
