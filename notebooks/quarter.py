"""A quarter of four people's calls, drawn at random, in a ledger of its own: something to explore.

Each call is held and settled as a cell's is, by a clock that runs through the quarter. The same seed and end
give the same calls.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy
import pandas

from asksage_jupyter.account import Account, Bill, Call, Meter, Source, Status
from asksage_jupyter.errors import NotEnoughTokens
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.rates import Rates

URL = "https://api.asksage.example"  # a host that nobody can have
ME = "ada@tides.example"
ALLOTMENT = 200_000


class Notebook(NamedTuple):
    """A notebook, the share of sittings at it, the model it asks mostly, and the one it asks else."""

    path: str
    project: str | None
    share: float
    usual: str
    other: str


_HAIKU, _SONNET, _OPUS = (f"google-claude-45-{name}" for name in ("haiku", "sonnet", "opus"))
_FLASH, _MINI = "google-gemini-2.5-flash", "gpt-5-mini"
_RATES = {  # Ask Sage tokens a model token, read and written
    _HAIKU: (0.0715, 0.3575),
    _SONNET: (0.2145, 1.0725),
    _OPUS: (0.3575, 1.7875),
    _FLASH: (0.0195, 0.1625),
    _MINI: (0.0182, 0.143),
}
_EACH_CALL = 3
_NOTEBOOKS = (
    Notebook("tides/clean.ipynb", "tides", 0.22, _HAIKU, _MINI),
    Notebook("tides/harmonics.ipynb", "tides", 0.26, _SONNET, _OPUS),
    Notebook("currents/drifters.ipynb", "currents", 0.20, _SONNET, _MINI),
    Notebook("currents/figures.ipynb", "currents", 0.10, _FLASH, _FLASH),
    Notebook("report/draft.ipynb", "report", 0.12, _OPUS, _HAIKU),
    Notebook("scratch.ipynb", None, 0.10, _FLASH, _HAIKU),
)
_SITTINGS = {  # on a working day
    ME: 2.9,
    "grace@tides.example": 1.3,
    "katherine@tides.example": 0.8,
    "mary@tides.example": 0.5,
}
_ON_A_DAY_OFF, _MORE_EACH_DAY = 0.06, 0.005
_BURST, _IN_A_BURST = 0.04, 20  # a loop over many short prompts
_LOST, _FOUND = 0.016, 0.5  # replies that never came, and how many of them the service's log told of
_HOUR = 3_600_000_000


@dataclass(slots=True)
class Clock:
    """A clock that shows what it is set to, in microseconds UTC."""

    t: int

    def __call__(self) -> int:
        """The instant it is set to."""
        return self.t


class Prices:
    """What the service would tell of its prices; here a word is a model token."""

    def tokenize(self, content: str, model: str) -> int:
        """Model tokens of `content`."""
        return len(content.split())

    def price(self, content: str, model: str, completion_estimate: int = 0) -> int:
        """Ask Sage tokens of `content` and of a reply of that length."""
        prompt, completion = _RATES[model]
        return round(self.tokenize(content, model) * prompt + completion_estimate * completion + _EACH_CALL)


def write(folder: Path | None = None, until: datetime | None = None, seed: int = 4) -> Path:
    """Write the quarter into a new ledger, with the rates of its models beside it.

    Parameters
    ----------
    folder : Path, optional
        A temporary one, which goes with this process, when absent.
    until : datetime, optional
        Its end, with a time zone; now when absent. It starts on the 1st of the second month before.
    seed : int

    Returns
    -------
    Path
        The ledger's file. It is of `ME` and three others at `URL`.
    """
    end = pandas.Timestamp(until or datetime.now(UTC)).tz_convert("UTC")
    start = end.normalize().replace(day=1) - pandas.DateOffset(months=2)
    random = numpy.random.default_rng(seed)
    calls = _priced(random, _calls(random, _sittings(random, start)))
    path, clock = (folder or _temporary()) / "ledger.db", Clock(_instant(start))
    ledger = Ledger(path, clock=clock)
    for holder in _SITTINGS:
        for meter in Meter:
            ledger.set_plan(_account(holder), meter, ALLOTMENT, source="the quarter")
    _book(ledger, clock, calls[calls["sent_at"] < end])
    clock.t = _instant(end)
    ledger.presume()
    ledger.close()
    rates = Rates(path.parent, _account(ME).host, clock=clock)
    for model in _RATES:
        rates.rate(model, Prices())
    return path


def _temporary() -> Path:
    """A folder in memory where there is one, as a disk takes its time over some thousand commits."""
    memory = Path("/dev/shm")  # noqa: S108  the folder in it is made safely
    folder = tempfile.mkdtemp(prefix="asksage-quarter-", dir=memory if memory.is_dir() else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _account(holder: str) -> Account:
    return Account(urlsplit(URL).hostname or "", holder)


def _instant(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def _sittings(random: numpy.random.Generator, start: pandas.Timestamp) -> pandas.DataFrame:
    """A row for each time that somebody sat down at a notebook, over three whole months."""
    days = pandas.date_range(start, start + pandas.DateOffset(months=3), inclusive="left")
    growth = (1 + _MORE_EACH_DAY) ** numpy.arange(len(days))
    busy = numpy.where(days.day_of_week < 5, 1, _ON_A_DAY_OFF) * growth
    each = pandas.MultiIndex.from_product([days, _SITTINGS], names=["day", "holder"]).to_frame(index=False)
    times = random.poisson(numpy.outer(busy, list(_SITTINGS.values())).ravel())
    sittings = each.loc[each.index.repeat(times)].reset_index(drop=True)
    count = len(sittings)
    is_morning = random.random(count) < 0.45
    hours = numpy.where(is_morning, random.normal(10, 0.9, count), random.normal(15, 1.4, count))
    sittings["begun_at"] = sittings["day"] + pandas.to_timedelta(hours.clip(6, 22), unit="h")
    sittings["notebook"] = random.choice(len(_NOTEBOOKS), count, p=[each.share for each in _NOTEBOOKS])
    sittings["is_burst"] = is_burst = random.random(count) < _BURST
    burst, usual = random.poisson(_IN_A_BURST, count), random.geometric(0.3, count)
    sittings["calls"] = numpy.where(is_burst, burst, usual)
    return sittings


def _calls(random: numpy.random.Generator, sittings: pandas.DataFrame) -> pandas.DataFrame:
    """A row a call, in the order they are sent: when, by whom, from which cell, and how long."""
    calls = sittings.loc[sittings.index.repeat(sittings["calls"])]
    count, is_burst = len(calls), calls["is_burst"]
    waits = pandas.Series(random.exponential(numpy.where(is_burst, 15, 240)), calls.index)
    size = numpy.where(is_burst, 0.3, 1)
    notebooks = [_NOTEBOOKS[number] for number in calls["notebook"]]
    numbers = numpy.where(is_burst, 0, random.integers(1, 9, count))
    is_other = random.random(count) < 0.25
    return calls.assign(
        sent_at=calls["begun_at"] + pandas.to_timedelta(waits.groupby(level=0).cumsum(), unit="s"),
        cell=[f"{Path(each.path).stem}-{number}" for each, number in zip(notebooks, numbers, strict=True)],
        model=[each.other if other else each.usual for each, other in zip(notebooks, is_other, strict=True)],
        input_tokens=(random.lognormal(7.4, 0.9, count) * size).astype(int) + 40,
        output_tokens=(random.lognormal(5.9, 0.7, count) * size).astype(int) + 5,
    ).sort_values("sent_at")


def _priced(random: numpy.random.Generator, calls: pandas.DataFrame) -> pandas.DataFrame:
    """The calls with their estimates and bills, and which of their replies were lost."""
    count = len(calls)
    prompt, completion = numpy.array([_RATES[model] for model in calls["model"]]).T
    billed = calls["input_tokens"] * prompt + calls["output_tokens"] * completion + _EACH_CALL
    # What was billed makes the next estimates: they get better until the quarter's middle.
    error = numpy.interp(numpy.linspace(0, 1, count), [0, 0.5], [0.5, 0.25])
    return calls.assign(
        tokens=numpy.ceil(billed).astype(int),
        estimate=numpy.ceil(billed * random.lognormal(0.04, error)).astype(int),
        duration_ms=(700 + 15 * calls["output_tokens"] * random.lognormal(0, 0.3, count)).astype(int),
        is_lost=random.random(count) < _LOST,
        is_found=random.random(count) < _FOUND,
    )


def _book(ledger: Ledger, clock: Clock, calls: pandas.DataFrame) -> None:
    """Hold and settle each call at its time; after each day book what `ME` spent on other devices."""
    for _, day in calls.groupby(calls["sent_at"].dt.date):
        for row in day.itertuples():
            _book_call(ledger, clock, row)
        ledger.presume()
        ledger.correct(_account(ME), Meter.INFERENCE, int(day["tokens"].sum()) // 40, op=new_op())


def _book_call(ledger: Ledger, clock: Clock, row: Any) -> None:
    clock.t = _instant(row.sent_at)
    where = _NOTEBOOKS[row.notebook]
    call = Call(
        new_op(),
        clock.t,
        row.model,
        Meter.INFERENCE,
        row.estimate,
        notebook=where.path,
        cell=row.cell,
        project=where.project,
        user=row.holder,
    )
    try:
        ledger.hold(_account(row.holder), call, due=clock.t + _HOUR)
    except NotEnoughTokens:
        return  # refused, as a cell is
    clock.t += row.duration_ms * 1_000
    if row.is_lost and not row.is_found:
        return
    source, status = (Source.LOG, Status.LOST) if row.is_lost else (Source.BILLED, Status.OK)
    bill = Bill(row.tokens, source, status, row.input_tokens, row.output_tokens, row.duration_ms)
    ledger.settle(call.op, bill)
