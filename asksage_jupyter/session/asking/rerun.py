"""What running a notebook again would cost: the last run of each of its cells, at today's rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...account import Meter
from ...account.records import OPEN
from ...display.plain import interval, one_line
from ...display.table import Table, Tabular
from ...errors import AskSageError, BadInput
from .. import given
from ..origins import origin
from ..origins.labels import cell_label, labels
from ..origins.renames import calls_of

if TYPE_CHECKING:
    from ...account import Account
    from ...ledger import LedgerView
    from ...rates import Rates
    from ..session import Session

_LOOKED_AT = 10_000  # of the newest calls
_KEPT = 10  # of a cell's latest bills tell its interval
_TOP = 20
_AT_ONCE_US = 500_000


@dataclass(frozen=True, slots=True)
class CellCost:
    """What running one cell again would cost.

    Attributes
    ----------
    cell : str
        Its id.
    label : str
        What it is called, like "Cell 5 · Name one ocean".
    model : str
        That answered last; all of them, where it asked several.
    last : int
        Ask Sage tokens of its last run: of all its calls.
    low, expected, high : int
        `expected` is the last run at today's rates, a map's as if nothing of it were kept; the others are of
        its ten latest runs.
    """

    cell: str
    label: str
    model: str
    last: int
    low: int
    expected: int
    high: int


@dataclass(frozen=True, slots=True, repr=False)
class NotebookCost(Tabular):
    """What running a notebook again would cost, in Ask Sage tokens of the inference meter.

    Attributes
    ----------
    notebook : str
    cells : tuple of CellCost
        The dearest first; of those that are in the file still, where it can be read.
    remaining : int or None
        What the month has left; None where it is not known.
    """

    notebook: str
    cells: tuple[CellCost, ...]
    remaining: int | None

    @property
    def last(self) -> int:
        """What the last run of all cells was billed."""
        return sum(cell.last for cell in self.cells)

    @property
    def low(self) -> int:
        """If each cell cost as little as it did of late."""
        return sum(cell.low for cell in self.cells)

    @property
    def expected(self) -> int:
        """At today's rates."""
        return sum(cell.expected for cell in self.cells)

    @property
    def high(self) -> int:
        """If each cell cost as much as it did of late."""
        return sum(cell.high for cell in self.cells)

    @property
    def is_affordable(self) -> bool | None:
        """Whether the month has `expected` left; None where what it has is not known."""
        return None if self.remaining is None else self.expected <= self.remaining

    @property
    def words(self) -> str:
        """All of it in a sentence or two."""
        if not self.cells:
            return f"No cell of {one_line(self.notebook)} was billed yet."
        price = (
            f"Running {one_line(Path(self.notebook).name)} again costs about {self.expected:,} tokens"
            f"{interval(self.low, self.high)}; the last time it was {self.last:,}."
        )
        if self.remaining is None:
            return price
        left = f"{max(0, self.remaining):,} left"
        return f"{price} The month {'allows it' if self.is_affordable else 'does not allow it'}, with {left}."

    @property
    def again(self) -> str:
        """The same in a few words, beside what it cost already; empty where no cell was billed."""
        if not self.cells:
            return ""
        told = f"Again: about {self.expected:,}{interval(self.low, self.high)}"
        if self.is_affordable is None:
            return told
        return f"{told}, which the month {'allows' if self.is_affordable else 'does not allow'}"

    @property
    def table(self) -> Table:
        """As it is shown."""
        rows: list[tuple[str, ...]] = [
            (cell.label, cell.model, f"{cell.last:,}", f"{cell.expected:,}", _between(cell.low, cell.high))
            for cell in self.cells[:_TOP]
        ]
        if rest := self.cells[_TOP:]:
            sums = [sum(getattr(cell, name) for cell in rest) for name in ("last", "expected", "low", "high")]
            rows.append((f"{len(rest):,} more", "", f"{sums[0]:,}", f"{sums[1]:,}", _between(*sums[2:])))
        whole = ("in all", "", f"{self.last:,}", f"{self.expected:,}", _between(self.low, self.high))
        heads = ("cell", "model", "last", "again", "between")
        # Where each cell has one figure there is nothing between.
        shown = len(heads) if whole[-1] else len(heads) - 1
        rows, total = [row[:shown] for row in rows], whole[:shown] if rows else None
        return Table(heads[:shown], rows, total, sides="llr", caption=self.words)


def _between(low: int, high: int) -> str:
    """An interval in a column of its own; empty of one figure."""
    return interval(low, high)[2:-1]


def notebook_cost(session: Session, path: str | None = None) -> NotebookCost:
    """What running a notebook again would cost.

    Parameters
    ----------
    path : str, optional
        As the front end tells it; a path from here will do. This notebook when absent.

    Raises
    ------
    BadInput
        No path, and the front end does not tell which notebook this is.
    LedgerError
        The ledger cannot be read.
    """
    folder = session.ledger.folder
    notebook = origin.notebook(folder) if path is None else str(given.path(path, "the notebook").absolute())
    if notebook is None:
        raise BadInput("which notebook this is, nobody tells here: name it, like %asksage notebook a.ipynb")
    return cost_again(session.ledger, session.account, session.pricing.rates, session.clock(), notebook)


def cost_again(ledger: LedgerView, account: Account, rates: Rates, now: int, notebook: str) -> NotebookCost:
    """The same of any account, without a session; nobody is asked.

    Parameters
    ----------
    now : int
        Microseconds UTC.
    notebook : str
        Its file, as kernels are told it.

    Raises
    ------
    LedgerError
        The ledger cannot be read.
    """
    there = labels(notebook)
    costs = [
        _cost(ledger.folder, rates, notebook, runs)
        for cell, runs in _runs(_rows(ledger, account, now, notebook)).items()
        if there is None or cell in there
    ]
    meter = ledger.balance(account).inference
    return NotebookCost(notebook, tuple(sorted(costs, key=lambda cost: -cost.expected)), meter.spendable)


def _rows(ledger: LedgerView, account: Account, now: int, notebook: str) -> Iterable[dict[str, Any]]:
    """The billed calls of its cells, newest first, also those under names that it had before."""
    from ...ledger import CALL_COLUMNS

    is_its_own = calls_of(ledger.folder, notebook, now + 1)
    for values in ledger.recent(account, limit=_LOOKED_AT):
        row = dict(zip(CALL_COLUMNS, values, strict=True))
        if row["cell"] is None or row["meter"] != Meter.INFERENCE or row["status"] == OPEN:
            continue
        if is_its_own(row["notebook"], row["sent_at"]):
            yield row


def _runs(rows: Iterable[dict[str, Any]]) -> dict[str, list[list[dict[str, Any]]]]:
    """Each cell's runs, each with its calls, all of them newest first.

    A loop, a comparison or a map asks many times in one run: at once, or as soon as the last is through.
    """
    cells: dict[str, list[list[dict[str, Any]]]] = {}
    later = None
    for row in rows:
        runs = cells.setdefault(row["cell"], [])
        if later is not None and later["cell"] == row["cell"] and _goes_on(row, later):
            runs[-1].append(row)
        else:
            runs.append([row])
        later = row
    return cells


def _goes_on(row: dict[str, Any], later: dict[str, Any]) -> bool:
    """Whether the later call was sent sooner after this one than a person runs a cell again."""
    ended = row["sent_at"] + (row["duration_ms"] or 0) * 1_000
    return bool(later["sent_at"] <= ended + _AT_ONCE_US)


def _cost(folder: Path, rates: Rates, notebook: str, runs: Sequence[Sequence[dict[str, Any]]]) -> CellCost:
    newest, bills = runs[0], [sum(row["tokens"] for row in run) for run in runs[:_KEPT]]
    expected = sum(_today(rates, row) for row in newest)
    low, high = min(*bills, expected), max(*bills, expected)
    cell, models = newest[0]["cell"], ", ".join(sorted({row["model"] for row in newest}))
    return CellCost(cell, cell_label(folder, notebook, cell), models, bills[0], low, expected, high)


def _today(rates: Rates, row: dict[str, Any]) -> int:
    """The call at today's rates; as it was billed where they, or its model tokens, are not known."""
    read, written = row["input_tokens"], row["output_tokens"]
    if read is not None and written is not None:
        with suppress(AskSageError):
            if rate := rates.cached(row["model"]) or rates.older(row["model"]):
                return rates.bill(rate, read, written)
    return int(row["tokens"])
