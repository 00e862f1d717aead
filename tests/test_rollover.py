"""The month's end: in every zone, under clocks that jump, and with two processes at the door."""

import calendar
import itertools
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from ledger_desk import DAY, HOUR, INFERENCE, ME, PROCESSES, SECOND, Clock, a_bill, a_call, at, figures
from patience import WAIT_S

from asksage_jupyter.account import Account, Meter
from asksage_jupyter.errors import NotEnoughTokens
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.month import bounds, to_instant
from asksage_jupyter.session.clock import Clock as HeldBack
from asksage_jupyter.session.clock import elapsed

pytest_plugins = ["postgres_server"]

MIDNIGHT = at(2026, 12, 1)

# (zone, the month that begins, its first instant)
BEGINNINGS = [
    ("UTC", "2026-12", at(2026, 12, 1)),
    ("Asia/Kolkata", "2026-12", at(2026, 11, 30, 18, 30)),
    ("Pacific/Kiritimati", "2027-01", at(2026, 12, 31, 10)),
    ("America/New_York", "2026-11", at(2026, 11, 1, 4)),  # the clocks fall back 25 hours later
    ("America/New_York", "2026-12", at(2026, 12, 1, 5)),
    ("America/New_York", "2027-04", at(2027, 4, 1, 4)),  # they sprang forward in March
    ("Europe/Berlin", "2028-03", at(2028, 2, 29, 23)),  # after a leap February
    ("UTC", "2028-03", at(2028, 3, 1)),
    ("UTC", "2100-03", at(2100, 3, 1)),  # no leap year
    # Midnight does not exist: the first instant of the 1st is 01:00 on the clock.
    ("America/Asuncion", "2017-10", at(2017, 10, 1, 4)),
    ("America/Asuncion", "2023-10", at(2023, 10, 1, 4)),
    ("Asia/Amman", "2016-04", at(2016, 3, 31, 22)),
    # Midnight happens twice: the month begins at the earlier one, and the later one does not reopen it.
    ("America/Havana", "2026-11", at(2026, 11, 1, 4)),
]


@pytest.fixture
def clock():
    return Clock(MIDNIGHT - 1)


@pytest.fixture
def ledger(where, clock):
    ledger = Ledger(where, clock=clock)
    yield ledger
    assert ledger.verify().problems == ()
    ledger.close()


def spend(ledger, tokens, *, account=ME):
    call = a_call(tokens, ledger._clock)
    ledger.hold(account, call, due=ledger._clock() + HOUR)
    ledger.settle(call.op, a_bill(tokens))
    return call.op


def before(period):
    year, month = map(int, period.split("-"))
    return f"{year - (month == 1)}-{(month - 2) % 12 + 1:02d}"


@pytest.mark.parametrize(("zone", "period", "first"), BEGINNINGS)
def test_the_old_month_ends_and_the_new_one_begins_at_one_instant(ledger, clock, zone, period, first):
    account, old = Account("api.example", "me@example", zone), before(period)
    clock.t = first - 1
    ledger.set_plan(account, INFERENCE, 1000, source="me")
    spend(ledger, 300, account=account)
    assert ledger.month(account, INFERENCE).period == old
    assert ledger.month(account, INFERENCE).expired == 0
    clock.t = first
    assert ledger.used_in(account, INFERENCE) == 0
    for hours in (0, 1, 2, 25):  # over a midnight that comes twice, and the change of the clocks
        clock.t = first + hours * HOUR
        spend(ledger, 10, account=account)
    new, ended = ledger.month(account, INFERENCE), ledger.month(account, INFERENCE, old)
    assert (new.period, new.granted, new.used, new.remaining) == (period, 1000, 40, 960)
    assert (ended.granted, ended.used, ended.expired, ended.remaining) == (1000, 300, 700, 0)
    assert grants_of(ledger) == [f"allotment:{old}", f"allotment:{period}"]


def grants_of(ledger):
    with ledger._store.reading() as connection:
        return list(connection.exec_driver_sql("SELECT source FROM grant_ ORDER BY id").scalars())


@pytest.mark.parametrize("zone", sorted({zone for zone, *_ in BEGINNINGS}))
def test_months_are_as_long_as_the_calendar_says_give_or_take_a_change_of_clocks(zone):
    for year, month in itertools.product((2016, 2017, 2023, 2026, 2028), range(1, 13)):
        starts, ends = bounds(f"{year}-{month:02d}", zone)
        assert abs(ends - starts - calendar.monthrange(year, month)[1] * DAY) <= HOUR


def test_a_hold_of_the_old_month_settles_in_it_after_the_end_and_leaves_less_to_expire(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    call = a_call(100, clock)
    ledger.hold(ME, call, due=clock.t + HOUR)
    clock.t = MIDNIGHT
    spend(ledger, 10)
    old = ledger.month(ME, INFERENCE, "2026-11")
    assert (old.used, old.held, old.open_holds, old.expired) == (0, 100, 1, 900)
    assert [found.period for found in ledger.unsettled(ME, INFERENCE)] == ["2026-11"]
    ledger.settle(call.op, a_bill(130))
    old = ledger.month(ME, INFERENCE, "2026-11")
    assert (old.used, old.held, old.open_holds, old.expired) == (130, 0, 0, 870)
    assert figures(ledger) == (1000, 10, 0)


def test_a_clock_set_back_over_midnight_stays_in_the_new_month(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    spend(ledger, 300)
    clock.t = MIDNIGHT
    spend(ledger, 10)
    clock.t = MIDNIGHT - 20 * DAY
    spend(ledger, 5)
    assert ledger.month(ME, INFERENCE).period == "2026-12"
    assert (ledger.used_in(ME, INFERENCE), ledger.used_in(ME, INFERENCE, "2026-11")) == (15, 300)
    with pytest.raises(NotEnoughTokens):
        spend(ledger, 986)


def test_a_call_sent_just_before_midnight_and_held_just_after_is_the_new_months(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    call = a_call(10, clock)
    clock.t = MIDNIGHT
    ledger.hold(ME, call, due=clock.t + HOUR)
    ledger.settle(call.op, a_bill(10))
    found, calls = ledger.month_with_calls(ME, INFERENCE, "2026-12")
    assert (found.used, [row[0] for row in calls]) == (10, [call.op])
    assert ledger.month_with_calls(ME, INFERENCE, "2026-11")[1] == []


def test_a_plan_change_lasts_over_the_end_and_the_old_month_keeps_its_own_source(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 1000, source="the service")
    clock.t = MIDNIGHT
    ledger.set_plan(ME, INFERENCE, 2000, source="me")
    old, new = ledger.month(ME, INFERENCE, "2026-11"), ledger.month(ME, INFERENCE)
    assert (old.granted, old.source) == (1000, "the service")
    assert (new.granted, new.source) == (2000, "me")


def test_a_month_that_no_hold_has_begun_is_told_as_the_first_one_will_find_it(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    clock.t = MIDNIGHT
    assert ledger.month(ME, INFERENCE).granted == 1000
    assert ledger.month(ME, INFERENCE, "2027-01").granted == 0
    assert grants_of(ledger) == ["allotment:2026-11"]


def test_what_is_left_of_a_top_up_is_brought_into_the_next_months_until_it_ends(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 100, source="me")
    starts, ends = at(2026, 11, 20), at(2027, 1, 10)
    ledger.grant(ME, INFERENCE, 50, source="top-up:1", starts=starts, ends=ends)
    spend(ledger, 120)
    clock.t = MIDNIGHT
    spend(ledger, 107)
    clock.t = at(2027, 1, 20)
    spend(ledger, 1)
    told = [ledger.month(ME, INFERENCE, period) for period in ("2026-11", "2026-12", "2027-01", "2027-02")]
    assert [month.brought for month in told] == [0, 30, 23, 0]
    assert [month.topped_up for month in told] == [50, 0, 0, 0]
    assert [month.used for month in told] == [120, 107, 1, 0]
    assert [month.expired for month in told] == [0, 0, 23, 0]
    assert [month.remaining for month in told] == [30, 23, 99, 0]


def test_a_top_ups_share_of_a_call_is_of_the_month_that_held_it_not_of_its_bills(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 100, source="me")
    ledger.grant(ME, INFERENCE, 50, source="top-up:1", starts=at(2026, 11, 1), ends=at(2027, 3, 1))
    call = a_call(120, clock)
    ledger.hold(ME, call, due=clock.t + HOUR)
    clock.t = MIDNIGHT
    assert ledger.month(ME, INFERENCE).brought == 30
    ledger.settle(call.op, a_bill(110))
    assert (ledger.used_in(ME, INFERENCE, "2026-11"), ledger.used_in(ME, INFERENCE)) == (110, 0)
    assert ledger.month(ME, INFERENCE).brought == 40


def test_a_call_presumed_after_the_end_is_used_in_its_month_and_no_longer_held(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    ledger.hold(ME, a_call(100, clock), due=MIDNIGHT)
    clock.t = MIDNIGHT
    ledger.presume()
    old = ledger.month(ME, INFERENCE, "2026-11")
    assert (old.used, old.held, old.open_holds, old.expired) == (100, 0, 0, 900)


def test_overage_ends_with_its_month_and_nothing_of_it_expires(ledger, clock):
    ledger.set_plan(ME, INFERENCE, 100, source="me")
    call = a_call(100, clock)
    ledger.hold(ME, call, due=clock.t + HOUR)
    ledger.settle(call.op, a_bill(130))
    clock.t = MIDNIGHT
    old, new = ledger.month(ME, INFERENCE, "2026-11"), ledger.month(ME, INFERENCE)
    assert (old.used, old.expired, old.remaining) == (130, 0, -30)
    assert (new.brought, new.remaining) == (0, 100)


# Two processes.


def cross_midnight(path, start, results):
    """Spend once before the month's end and ten times after it, at the same moment as the others."""
    clock = Clock(MIDNIGHT - 1)
    ledger = Ledger(path, clock=clock)
    spend(ledger, 1)
    start.wait(WAIT_S)
    clock.t = MIDNIGHT
    for _ in range(10):
        spend(ledger, 7)
    ledger.close()
    results.put("ok")


def test_two_processes_that_cross_midnight_together_make_one_allotment(ledger, where, clock):
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    start, results = PROCESSES.Barrier(2), PROCESSES.Queue()
    kernels = [PROCESSES.Process(target=cross_midnight, args=(where, start, results)) for _ in range(2)]
    for kernel in kernels:
        kernel.start()
    assert [results.get(timeout=WAIT_S) for _ in kernels] == ["ok", "ok"]
    for kernel in kernels:
        kernel.join()
    clock.t = MIDNIGHT
    assert grants_of(ledger) == ["allotment:2026-11", "allotment:2026-12"]
    assert figures(ledger) == (1000, 140, 0)
    assert ledger.month(ME, INFERENCE, "2026-11").expired == 998
    assert ledger.month(ME, Meter.TRAINING).is_known is False


# A clock that jumps ahead.


def date(t):
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=t)


def test_a_clock_that_jumps_ahead_does_not_begin_a_month_that_the_service_does_not_know(tmp_path):
    wall, passed = Clock(MIDNIGHT - 2 * HOUR), Clock(0)
    clock = HeldBack(wall, lambda: passed.t / SECOND)
    ledger = Ledger(tmp_path / "ledger.sqlite", clock=clock)
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    clock.heard(date(wall.t))
    wall.t += 40 * DAY
    spend(ledger, 10)
    assert clock.words == "this machine's clock is 40 days ahead of Ask Sage's"
    passed.t = 2 * HOUR - SECOND  # to its last second
    spend(ledger, 10)
    assert grants_of(ledger) == ["allotment:2026-11"]
    passed.t = 2 * HOUR  # and the true month ends all the same
    spend(ledger, 10)
    assert grants_of(ledger) == ["allotment:2026-11", "allotment:2026-12"]
    ledger.close()


def test_the_held_back_clock_goes_on_with_the_time_that_passes():
    wall, passed = Clock(), Clock(0)
    clock = HeldBack(wall, lambda: passed.t / SECOND)
    told = wall.t
    clock.heard(date(told))
    wall.t += DAY
    assert clock() == told
    passed.t = HOUR
    assert clock() == told + HOUR
    passed.t = 2 * DAY
    assert clock() == wall.t


def test_a_clock_a_little_ahead_or_behind_is_believed_and_so_is_one_that_nobody_checked():
    wall = Clock()
    clock = HeldBack(wall, lambda: 0.0)
    wall.t += 400 * DAY
    assert clock() == wall.t
    clock.heard(None)
    clock.heard(datetime(2026, 11, 23))  # of no zone: nothing can be said of it
    assert clock() == wall.t
    for off in (-30 * DAY, 0, 4 * 60 * SECOND):
        clock = HeldBack(wall, lambda: 0.0)
        clock.heard(date(wall.t - off))
        assert clock() == wall.t


def test_a_date_that_comes_late_or_from_a_cache_holds_nothing_back():
    wall = Clock()
    clock = HeldBack(wall, lambda: 0.0)
    clock.heard(date(wall.t))
    clock.heard(date(wall.t - DAY))
    assert clock() == wall.t
    assert to_instant(date(wall.t)) == wall.t


def test_a_clock_behind_is_put_forward_by_three_dates_and_not_by_one_that_lies():
    wall, passed = Clock(MIDNIGHT - 2 * HOUR), Clock(0)
    clock = HeldBack(wall, lambda: passed.t / SECOND)
    for t in (MIDNIGHT + DAY, MIDNIGHT):  # the first of a proxy that is ahead itself
        clock.heard(date(t))
        assert clock() == wall.t
    clock.heard(date(MIDNIGHT))
    assert clock() == MIDNIGHT
    passed.t = HOUR
    assert clock() == MIDNIGHT + HOUR


def test_the_month_that_is_over_for_the_service_is_over_for_a_clock_that_is_behind(tmp_path):
    wall, passed = Clock(MIDNIGHT - DAY), Clock(0)
    clock = HeldBack(wall, lambda: passed.t / SECOND)
    with closing(Ledger(tmp_path / "ledger.sqlite", clock=clock)) as ledger:
        ledger.set_plan(ME, INFERENCE, 1000, source="me")
        for _ in range(3):
            clock.heard(date(MIDNIGHT + HOUR))
        spend(ledger, 10)
        assert grants_of(ledger) == ["allotment:2026-11", "allotment:2026-12"]
    assert clock.words == "this machine's clock is 25 h behind Ask Sage's"


def test_elapsed_time_never_goes_back():
    assert 0 <= elapsed() <= elapsed()
