"""How well calls are priced before they are sent: recorded bills replayed, and simulated calls.

    python benchmarks/estimates.py [--bills FILE] [--simulated 2000]

Recorded bills, figures alone, are read from ``shared/recorded/bills.csv`` beside the checkout where it is.
Our count of their texts is worked back from their model tokens, at the figures of plain English; the
caches of other routes are billed as the native route bills them. Each line tells the share of bills inside
[low, high], the interval's mean width, the bias of what was expected, and how many bills were within 5 % or 2
tokens of it.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from asksage_jupyter.account import Source
from asksage_jupyter.rates import Cached, Rate, Rates

BILLS = Path(__file__).resolve().parents[2] / "shared" / "recorded" / "bills.csv"
# Model tokens a cl100k token of plain English, recorded in September 2026; the first match counts.
ENGLISH = {"sonnet-5": 1.22, "opus-5": 1.22, "claude": 1.016, "gemini": 1.012, "": 1.0}
WRAPPER = 8  # model tokens around a message on the routes of most bills
SETTLED = 10  # calls of a model after which its estimates are looked at apart


class Call(NamedTuple):
    """A call with its bill; `one_kind` where all of its input was billed alike."""

    rate: Rate
    counted: int
    input_tokens: int
    output_tokens: int
    tokens: int
    one_kind: bool = True


def english(model: str) -> float:
    return next(factor for name, factor in ENGLISH.items() if name in model)


def recorded(path: Path) -> Iterator[tuple[Call, int, int]]:
    """Each recorded call as the native route bills it; its true bill; and what the rule makes of that."""
    kinds = ("prompt_cache_read", "prompt_cache_write_5m", "prompt_cache_write_1h")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not row["p"]:
                continue
            rate = Rate(row["model_billed"], 1.3 * float(row["p"]), 1.3 * float(row["c"]), Source.PRICED, 0)
            cached = Cached(*(int(row[kind] or 0) for kind in kinds))
            inputs = int(row["prompt_uncached"]) + cached.read + cached.written + cached.written_for_an_hour
            outputs = int(row["completion_tokens"])
            counted = max(1, round((inputs - WRAPPER) / english(rate.model)))
            native = int(rate.bill(inputs, outputs))
            call = Call(rate, counted, inputs, outputs, native, cached == Cached())
            yield call, int(row["billed_asksage_tokens"]), int(rate.bill(inputs, outputs, cached))


def simulated(number: int, seed: int = 7) -> Iterator[Call]:
    """Calls with texts and replies of all lengths; a model's count of a text varies by 3 %."""
    chance = random.Random(seed)
    models = {
        "google-claude-45-haiku": (0.055, 0.275),
        "google-claude-sonnet-5": (0.165, 0.825),
        "google-gemini-2.5-flash": (0.015, 0.125),
        "gpt-5.4-nano": (0.011, 0.06875),
        "gpt-4.1": (0.11, 0.44),
    }
    for _ in range(number):
        model = chance.choice(list(models))
        prompt, completion = models[model]
        rate = Rate(model, 1.3 * prompt, 1.3 * completion, Source.PRICED, 0)
        counted = max(5, round(chance.lognormvariate(math.log(800), 1.2)))
        inputs = round(counted * english(model) * chance.gauss(1, 0.03)) + chance.randint(26, 34)
        outputs = max(1, round(chance.lognormvariate(math.log(250), 0.8)))
        yield Call(rate, counted, max(1, inputs), outputs, int(rate.bill(inputs, outputs)))


def replay(name: str, calls: Iterable[Call], *, learns: bool) -> None:
    """Price each call as if it were next; print a line, and one for what came after ten calls of a model."""
    seen: Counter[str] = Counter()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        rates = Rates(Path(folder), "benchmark")
        for call in calls:
            shares = {"prompt": call.counted}
            estimate = rates.estimate(call.rate, shares)
            off = estimate.expected - call.tokens
            is_inside = estimate.low <= call.tokens <= estimate.high
            is_close = abs(off) <= max(2, 0.05 * call.tokens)
            is_late = seen[call.rate.model] >= SETTLED
            rows.append((is_inside, estimate.high - estimate.low, off, is_close, is_late))
            seen[call.rate.model] += 1
            if learns:
                told = {"input_tokens": call.input_tokens, "output_tokens": call.output_tokens}
                rates.learn(call.rate, shares, **told, tokens=call.tokens, estimate=estimate)
    _told(f"{name}, {'as it learns' if learns else 'before learning'}", rows)
    if learns:
        _told(f"{name}, after {SETTLED} calls of a model", [row for row in rows if row[-1]])


def _told(name: str, rows: list[tuple[bool, int, int, bool, bool]]) -> None:
    if rows:
        inside, width, off, close, _ = (sum(column) / len(rows) for column in zip(*rows, strict=True))
        print(
            f"{name:48} {len(rows):5,} calls  inside {inside:6.1%}  width {width:7.1f}"
            f"  bias {off:+7.1f}  close {close:6.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bills", type=Path, default=BILLS)
    parser.add_argument("--simulated", type=int, default=2_000)
    asked = parser.parse_args()
    if asked.bills.is_file():
        found = list(recorded(asked.bills))
        exact = sum(billed == ruled for _, billed, ruled in found)
        print(f"{exact} of {len(found)} recorded bills are what the rule makes of them")
        every = [call for call, _, _ in found]
        for name, calls in (
            ("recorded, one kind of input", [call for call in every if call.one_kind]),
            ("recorded, billed as native", every),
        ):
            replay(name, calls, learns=False)
            replay(name, calls, learns=True)
    else:
        print(f"no recorded bills at {asked.bills}")
    for learns in (False, True):
        replay("simulated", simulated(asked.simulated), learns=learns)


if __name__ == "__main__":
    main()
