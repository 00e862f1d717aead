"""Periods and their bounds, where a day has no midnight, or two."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asksage_jupyter.errors import BadInput
from asksage_jupyter.month import bounds, period_at, to_datetime, to_instant

ZONES = [
    "UTC",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "America/Asuncion",
    "America/Havana",
]


def instant(*fields: int) -> int:
    return to_instant(datetime(*fields, tzinfo=UTC))


@pytest.mark.parametrize(
    ("period", "zone", "starts"),
    [
        ("2026-11", "UTC", instant(2026, 11, 1)),
        ("2026-11", "America/New_York", instant(2026, 11, 1, 4)),
        # Midnight does not exist: the first instant of the 1st is 01:00 on the clock.
        ("2017-10", "America/Asuncion", instant(2017, 10, 1, 4)),
        ("2023-10", "America/Asuncion", instant(2023, 10, 1, 4)),
        ("2016-04", "Asia/Amman", instant(2016, 3, 31, 22)),
        # Midnight happens twice: the earlier one counts.
        ("2026-11", "America/Havana", instant(2026, 11, 1, 4)),
    ],
)
def test_a_month_starts_at_the_first_instant_of_its_first_day(period, zone, starts):
    assert bounds(period, zone)[0] == starts
    assert period_at(starts, zone) == period
    assert period_at(starts - 1, zone) < period


@given(st.integers(instant(1990, 1, 1), instant(2060, 1, 1)), st.sampled_from(ZONES))
def test_every_instant_lies_within_the_bounds_of_its_period(t, zone):
    starts, ends = bounds(period_at(t, zone), zone)
    assert starts <= t < ends
    assert period_at(ends, zone) > period_at(t, zone)


def test_instants_and_datetimes_are_each_others_inverse():
    moment = datetime(2026, 11, 23, 9, 36, 1, 234567, tzinfo=UTC)
    assert to_datetime(to_instant(moment)) == moment


@pytest.mark.parametrize(
    ("period", "zone"), [("November", "UTC"), ("2026-13", "UTC"), ("2026-11", "Mars/Olympus")]
)
def test_bad_periods_and_zones_are_told_in_a_line(period, zone):
    with pytest.raises(BadInput):
        bounds(period, zone)


def test_utc_is_known_where_there_are_no_rules_of_zones():
    code = "from asksage_jupyter.month import bounds; print(bounds('2026-11'))"
    bare = {**os.environ, "PYTHONTZPATH": "", "PYTHONSAFEPATH": ""}
    hidden = f"import sys; sys.modules['tzdata'] = None; {code}"
    ran = subprocess.run(
        [sys.executable, "-c", hidden], env=bare, capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == str(bounds("2026-11")), ran.stderr
