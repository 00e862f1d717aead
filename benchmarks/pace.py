"""The 80 % band of what will be spent until the month's end, on simulated people, beside other forecasts.

Run ``python benchmarks/pace.py [PEOPLE [OF_STATSFORECAST]]``: of 1,000 people statsforecast, where it is
installed, forecasts the first 200, and the others are told for these too. A person is seen for 40 to 90 days,
beginners for 8 to 14, up to a day from the 6th to the 24th. The Winkler score is the band's width, and ten
times the distance to what came where that lies outside; here in shares of what the person spends in that time
on the average, so the less the better.

- The method was chosen on people of the first five kinds, drawn with other seeds. As many people of the other
  kinds show what it makes of those it was not made for.
- plain mean: the mean of the days behind times the days to come, as wide as a normal distribution of as many
  days would be.
- statsforecast: AutoETS with a season of a week, and its conformal intervals of two windows. They are of each
  day; a month's are their sums, which holds all days to be wrong the same way at once. Of a beginner's days
  it makes no forecast.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from typing import NamedTuple

from asksage_jupyter import month
from asksage_jupyter.account import Meter, MeterBalance
from asksage_jupyter.forecast import pace

KINDS = ("steady", "growing", "weekly", "bursts", "month's end")
OTHERS = (
    "holidays",
    "one big job",
    "beginner",
    "idle",
    "new habit",
    "drifting",
    "declining",
    "projects",
    "two days",
)
GRANTED = 10**12
ALPHA = 0.2
Band = tuple[float, float]


class Person(NamedTuple):
    """What a person spent on each day before `today`, and from then to the month's end."""

    kind: str
    today: date
    days: dict[date, int]
    to_come: list[int]


def people(number: int, kinds: Sequence[str] = KINDS) -> list[Person]:
    chance = random.Random(20261129)
    return [simulated(kinds[n % len(kinds)], chance) for n in range(number)]


def simulated(kind: str, chance: random.Random) -> Person:
    today = date(2026, chance.randint(4, 11), chance.randint(6, 24))
    last = (today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    behind = chance.randint(8, 14) if kind == "beginner" else chance.randint(40, 90)
    first = today - timedelta(days=behind)
    mean, drift = chance.lognormvariate(8.5, 0.8), chance.uniform(0.005, 0.025)
    span = (last - first).days + 1
    change = changing(kind, chance, behind, span, drift)
    spent = {}
    for n in range(span):
        day = first + timedelta(days=n)
        level = mean * chance.lognormvariate(0, 0.4)
        if day.weekday() > 4:
            level *= 0.05 if kind != "weekly" else 0.0
        spent[day] = round(level * change(n, day))
    days = {day: tokens for day, tokens in spent.items() if day < today}
    return Person(kind, today, days, [tokens for day, tokens in spent.items() if day >= today])


def changing(
    kind: str, chance: random.Random, behind: int, span: int, drift: float
) -> Callable[[int, date], float]:
    """What makes a day of such a person another than the first: a factor, of its number and date."""
    away, until = chance.randrange(span), chance.randint(3, 10)
    since, times = behind - chance.randint(2, 12), chance.choice((0.3, 0.5, 2.0, 3.0))
    size, walk, works = chance.uniform(10, 30), [0.0], [True]

    def drifting() -> float:
        walk[0] += chance.gauss(0, 0.08)
        return math.exp(walk[0])

    def projects() -> float:
        works[0] ^= chance.random() < 0.1
        return 1.6 if works[0] else 0.2

    factors: dict[str, Callable[[int, date], float]] = {
        "growing": lambda n, _: 1 + drift * n,
        "weekly": lambda _, day: (1.8, 1.2, 0.8, 0.6, 0.4, 1, 1)[day.weekday()],
        "two days": lambda _, day: (2, 0.05, 2, 0.05, 0, 1, 1)[day.weekday()],
        "bursts": lambda *_: 6.0 if chance.random() < 0.12 else 0.3,
        "month's end": lambda _, day: 2.0 if day.day >= 25 else 1.0,
        "holidays": lambda n, _: 0.0 if away <= n < away + until else 1.0,
        "one big job": lambda n, _: size if n == away else 1.0,
        "idle": lambda *_: 1.0 if chance.random() < 0.05 else 0.0,
        "new habit": lambda n, _: times if n >= since else 1.0,
        "drifting": lambda *_: drifting(),
        "declining": lambda n, _: max(0.1, 1 - drift * n / 2),
        "projects": lambda *_: projects(),
    }
    return factors.get(kind, lambda *_: 1.0)


def ours(person: Person) -> Band:
    now = month.to_instant(datetime(*person.today.timetuple()[:3], tzinfo=UTC))
    used = sum(tokens for day, tokens in person.days.items() if day.month == person.today.month)
    resets_at = month.to_datetime(month.bounds(f"{person.today:%Y-%m}")[1])
    balance = MeterBalance(Meter.INFERENCE, GRANTED, used, 0, "benchmark", None, resets_at)
    found = pace(balance, person.days, now, "UTC")
    return GRANTED - used - found.expiring_high, GRANTED - used - found.expiring_low


def plain_mean(person: Person) -> Band:
    days, coming = [*person.days.values()], len(person.to_come)
    middle, width = statistics.mean(days) * coming, 1.2816 * statistics.stdev(days) * coming**0.5
    return max(0.0, middle - width), middle + width


def conformal(person: Person) -> Band:
    import pandas
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS
    from statsforecast.utils import ConformalIntervals

    coming = len(person.to_come)
    calls = pandas.DataFrame(
        {"unique_id": 1, "ds": pandas.to_datetime([*person.days]), "y": [*map(float, person.days.values())]}
    )
    windows = ConformalIntervals(n_windows=2, h=min(coming, (len(calls) - 10) // 2))
    model = AutoETS(season_length=7, prediction_intervals=windows)
    found = StatsForecast(models=[model], freq="D").forecast(df=calls, h=windows.h, level=[80])
    # Two windows need twice the days to come: where there are fewer, the last of the band goes on.
    low, high = (found[f"AutoETS-{side}-80"].tolist() for side in ("lo", "hi"))
    for side in (low, high):
        side += side[-1:] * (coming - len(side))
    return sum(max(0.0, each) for each in low), sum(max(0.0, each) for each in high)


def winkler(band: Band, came: float) -> float:
    low, high = band
    return high - low + 2 / ALPHA * (max(0.0, low - came) + max(0.0, came - high))


def tell(name: str, forecast: Callable[[Person], Band], persons: Sequence[Person]) -> None:
    for kind in (*dict.fromkeys(person.kind for person in persons), "all"):
        rows = []
        for person in persons:
            if kind in (person.kind, "all"):
                band, came = forecast(person), sum(person.to_come)
                usual = max(
                    1.0, statistics.mean([*person.days.values(), *person.to_come]) * len(person.to_come)
                )
                rows.append(
                    (band[0] <= came <= band[1], (band[1] - band[0]) / usual, winkler(band, came) / usual)
                )
        inside, width, score = (statistics.mean(column) for column in zip(*rows, strict=True))
        print(
            f"{name:16} {kind:12} {len(rows):5,} people  inside {inside:6.1%}  width {width:5.2f}"
            f"  Winkler {score:5.2f}",
            flush=True,
        )


def main(number: int, of_statsforecast: int) -> None:
    persons, others = people(number), people(number, OTHERS)
    start = time.process_time()
    for group in (persons, others):
        tell("ours", ours, group)
    print(f"ours             {(time.process_time() - start) / (2 * number) * 1000:.1f} ms CPU a forecast")
    for group in (persons, others):
        tell("plain mean", plain_mean, group)
    if not find_spec("statsforecast"):
        print("statsforecast    not there")
        return
    print(f"the first {of_statsforecast:,} of them")
    known = [person for person in others if person.kind != "beginner"]
    for group in (persons, known):
        for name, forecast in (("ours", ours), ("plain mean", plain_mean), ("statsforecast", conformal)):
            tell(name, forecast, group[:of_statsforecast])


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    main(*(numbers + [1_000, 200][len(numbers) :]))
