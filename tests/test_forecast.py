"""The pace and the forecast: exact small cases, what holds for all, and 1,000 simulated histories."""

import math
import random
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_desk import at

from asksage_jupyter.account import Meter, MeterBalance, Pool
from asksage_jupyter.charts import lines as chart
from asksage_jupyter.errors import BadInput
from asksage_jupyter.forecast import Pace, WorkingDays, daily, pace
from asksage_jupyter.forecast.days import to_come_share, today
from asksage_jupyter.month import bounds, period_at, to_datetime

DAY = timedelta(days=1)
TUESDAY = date(2026, 11, 10)
MIDNIGHT = at(2026, 11, 10)
CALENDAR = WorkingDays()


def balance(remaining, now=MIDNIGHT, zone="UTC", *, granted=200_000):
    """A meter with so much left; None where no allotment is known."""
    resets_at = to_datetime(bounds(period_at(now, zone), zone)[1])
    used = granted - remaining if remaining is not None else 0
    known = granted if remaining is not None else None
    return MeterBalance(Meter.INFERENCE, known, used, 0, "set_plan", None, resets_at)


def before(day, count, tokens):
    """The `count` days before `day`; `tokens` tells what was used on each."""
    days = [day - n * DAY for n in range(count, 0, -1)]
    return {day: tokens(day) for day in days}


def on_working_days(tokens):
    return lambda day: tokens if day in CALENDAR else 0


def told(remaining, days=None, now=MIDNIGHT, zone="UTC", calendar=CALENDAR) -> Pace:
    steady = before(TUESDAY, 30, on_working_days(1000)) if days is None else days
    return pace(balance(remaining, now, zone), steady, now, zone, calendar)


# -- what others spend from too ----------------------------------------------------------------------


def test_a_pool_with_less_left_bounds_the_advice():
    own = balance(199_993)
    common = Pool("lab", 100_000, 7, 0, 0, 0, is_capped=True)
    days = before(TUESDAY, 30, on_working_days(1000))
    found = pace(replace(own, pool=common), days, MIDNIGHT, "UTC", CALENDAR)
    alone = told(99_993)
    assert (found.remaining, found.spendable, found.bound) == (199_993, 99_993, "the pool lab")
    assert (found.up_to, found.lasts, found.expiring) == (alone.up_to, alone.lasts, alone.expiring)
    early = pace(replace(own, pool=common), {}, MIDNIGHT, "UTC", CALENDAR)
    assert early.advice == (
        f"Up to {alone.up_to:,} a working day lasts until the reset, if nobody else spends from the pool lab."
    )
    empty = replace(common, used=100_000)
    used_up = pace(replace(own, pool=empty), days, MIDNIGHT, "UTC", CALENDAR)
    assert (used_up.words, used_up.advice, used_up.lasts) == ("The pool lab is used up.", "", False)
    larger = pace(replace(own, pool=replace(common, granted=900_000)), days, MIDNIGHT, "UTC", CALENDAR)
    assert (larger.bound, larger.spendable, larger.up_to) == ("", None, told(199_993).up_to)


# -- the calendar and the days -----------------------------------------------------------------------


def test_working_days_are_counted_with_both_ends():
    assert CALENDAR.count(TUESDAY, TUESDAY) == 1
    assert CALENDAR.count(date(2026, 11, 1), date(2026, 11, 30)) == 21
    assert CALENDAR.count(TUESDAY, TUESDAY - DAY) == 0
    assert WorkingDays.of(["fri", "Saturday"], ["2026-11-10", "2026-11-13"]).count(
        TUESDAY, TUESDAY + 6 * DAY
    ) == 4  # fmt: skip


@pytest.mark.parametrize(
    ("weekend", "holidays", "message"),
    [
        (["Caturday"], [], "weekend: 'Caturday' is no day of the week: write it like Saturday"),
        (["s"], [], "weekend: 's' is no day of the week"),
        ([], ["26 Nov"], "holidays: '26 Nov' is not a date: write it like 2026-11-26"),
        (["mon", "tue", "wed", "thu", "fri", "sat", "sun"], [], "all seven days are off"),
    ],
)
def test_a_calendar_of_what_is_none_is_refused(weekend, holidays, message):
    with pytest.raises(BadInput, match=message):
        WorkingDays.of(weekend, holidays)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", 10), ("Asia/Kathmandu", 11), ("Pacific/Kiritimati", 11), ("America/New_York", 10)],
)
def test_a_quarter_belongs_to_the_local_day(zone, day):
    assert daily([(at(2026, 11, 10, 18, 15), 5), (at(2026, 11, 10, 18, 30), 2)], zone) == {
        date(2026, 11, day): 7
    }


def test_the_quarters_beside_a_local_midnight_are_of_two_days():
    quarters = [(at(2026, 11, 10, 18, 0), 1), (at(2026, 11, 10, 18, 15), 2), (at(2026, 11, 10, 18, 15), -5)]
    assert daily(quarters, "Asia/Kathmandu") == {date(2026, 11, 10): 1, date(2026, 11, 11): -3}


def test_half_of_a_day_is_half_of_its_own_hours():
    # Clocks fall back: the day has 25 hours, and half of them are over at 11:30 in winter time.
    assert to_come_share(date(2026, 11, 1), at(2026, 11, 1, 16, 30), "America/New_York") == 0.5
    assert to_come_share(date(2026, 3, 8), at(2026, 3, 8, 16, 30), "America/New_York") == 0.5
    assert to_come_share(TUESDAY, at(2026, 11, 10, 18), "UTC") == 0.25
    assert to_come_share(TUESDAY, at(2026, 11, 9), "UTC") == 1
    assert to_come_share(TUESDAY, at(2026, 11, 12), "UTC") == 0


def test_today_is_of_the_month_that_has_begun():
    # In Amman clocks once fell back from 01:00 of the 1st; in Havana they do so from 01:00 to midnight.
    for zone, now in (("America/Havana", at(2026, 11, 1, 5, 30)), ("America/Havana", at(2026, 11, 1, 4))):
        assert f"{today(now, zone):%Y-%m}" == period_at(now, zone)
    assert today(at(2026, 11, 1, 3), "America/New_York") == date(2026, 10, 31)


# -- exact cases -------------------------------------------------------------------------------------


def test_steady_spending_runs_out_on_the_day_that_passes_what_remains():
    found = told(5000)
    assert found.a_day == 1000
    assert found.exhausted_on == found.earliest == found.latest == date(2026, 11, 17)
    assert (found.lasts, found.expiring, found.days_left, found.up_to) == (False, 0, 15, 333)
    assert found.words == "Lasts until 17 Nov at this pace."
    assert found.advice == "Up to 333 a working day lasts until the reset."


def test_what_remains_may_be_spent_to_the_last_token():
    assert told(15_000).lasts is True
    assert told(14_999).exhausted_on == date(2026, 11, 30)


def test_of_today_the_rest_is_still_to_come():
    assert told(5400, now=at(2026, 11, 10, 12)).exhausted_on == date(2026, 11, 17)
    assert told(5500, now=at(2026, 11, 10, 12)).exhausted_on == date(2026, 11, 18)


def test_what_was_used_today_is_no_whole_day():
    days = before(TUESDAY, 30, on_working_days(1000))
    without = told(5000, days, at(2026, 11, 10))
    begun = told(5000, {**days, TUESDAY: 1}, at(2026, 11, 10))
    assert replace(begun, course=without.course) == without


def test_unused_tokens_are_told_with_two_figures():
    found = told(58_765)
    assert (found.lasts, found.exhausted_on, found.expiring) == (True, None, 43_765)
    assert found.expiring_low == found.expiring_high == 43_765
    assert found.words == "Lasts until the reset at this pace."
    assert found.advice == "About 44,000 will expire unused."


def test_in_the_last_days_what_will_expire_is_told_as_calls():
    usual = ("sage-haiku", 50)
    days = before(date(2026, 11, 24), 30, on_working_days(1000))
    early = pace(balance(58_765, at(2026, 11, 23)), days, at(2026, 11, 23), "UTC")
    assert (early.days_left, early.is_expiring) == (6, False)
    assert early.buying(usual) == early
    last = told(36_999, days, at(2026, 11, 24))
    assert (last.days_left, last.is_expiring, last.expiring) == (5, True, 31_999)
    assert last.advice == "About 32,000 will expire unused."
    assert last.buying(None) == last
    assert last.buying(usual).buys == 639
    assert last.buying(usual).advice == (
        "About 32,000 will expire unused: about 640 calls like yours on sage-haiku."
    )
    assert "about 1 call like yours" in last.buying(("dear", 20_000)).advice
    assert last.buying(("dearest", 40_000)).advice == last.advice


def test_days_off_count_where_they_are_worked():
    found = told(6000, before(TUESDAY, 30, lambda day: 1000))
    assert found.exhausted_on == date(2026, 11, 16)
    # Six days off take 6,000, which leaves nothing for the working days.
    assert (found.a_day, found.up_to) == (1000, 0)
    assert told(21_000, before(TUESDAY, 30, lambda day: 1000)).up_to == 1000


def test_a_holiday_is_a_day_off():
    calendar = WorkingDays(holidays=frozenset({date(2026, 11, 11), date(2026, 11, 26)}))
    found = told(5000, calendar=calendar)
    assert (found.exhausted_on, found.days_left, found.up_to) == (date(2026, 11, 18), 13, 384)


def test_another_weekend_is_observed_too():
    calendar = WorkingDays.of(["Friday", "Saturday"], [])
    days = before(TUESDAY, 30, lambda day: 1000 if day in calendar else 0)
    assert told(5000, days, calendar=calendar).exhausted_on == date(2026, 11, 17)


def test_days_without_use_count():
    days = before(TUESDAY, 60, lambda day: 1000 if day.weekday() in (0, 2) else 0)
    used = {day: tokens for day, tokens in days.items() if tokens}
    assert told(9000, {min(days): 0, **used}) == told(9000, days)
    assert 300 < told(9000, days).a_day < 500


def test_a_change_of_habit_shows_within_days():
    changed = before(TUESDAY, 60, lambda day: on_working_days(3000 if day > TUESDAY - 8 * DAY else 1000)(day))
    found = told(30_000, changed)
    assert 1900 < found.a_day <= 3000
    assert found.earliest < date(2026, 11, 30)


def test_weekdays_and_the_months_last_week_are_known_again():
    def use(day):
        last_week = (day + 7 * DAY).month != day.month
        return (3000 if day.weekday() == 0 else 500) * (1 + last_week) if day in CALENDAR else 0

    to_come = sum(use(TUESDAY + n * DAY) for n in range(21))
    found = told(100_000, before(TUESDAY, 90, use))
    assert found.expiring == pytest.approx(100_000 - to_come, abs=0.05 * to_come)
    assert found.expiring_high - found.expiring_low < 0.3 * to_come
    # Fridays are cheap here: what the two Mondays leave lasts from one to the other.
    assert told(8500, before(TUESDAY, 90, use)).exhausted_on.weekday() == 0


def test_with_fewer_days_the_band_is_wider():
    def width(count, seed):
        source = random.Random(seed)
        use = before(TUESDAY, 90, lambda day: int(1000 * source.lognormvariate(0, 0.6)) * (day in CALENDAR))
        found = told(100_000, {day: use[day] for day in [*use][-count:]})
        return found.expiring_high - found.expiring_low

    few, many = (sum(width(count, seed) for seed in range(10)) for count in (9, 90))
    assert few > 1.2 * many


def test_days_without_use_stay_so():
    found = told(100_000, before(TUESDAY, 60, lambda day: 1000 if day.day == 20 else 0))
    assert found.expiring_high == 100_000
    assert 90_000 < found.expiring_low <= found.expiring


def test_the_first_day_is_not_taken_for_a_whole_one():
    elsewhere = {**before(TUESDAY, 30, on_working_days(1000)), TUESDAY - 31 * DAY: 90_000}
    assert told(5000, elsewhere) == told(5000)


def test_what_was_given_back_is_no_negative_day():
    days = {**before(TUESDAY, 30, on_working_days(1000)), TUESDAY - DAY: -50_000}
    assert 0 < told(5000, days).a_day < 1000


def test_with_less_than_a_week_it_is_too_early():
    early = told(15_000, before(TUESDAY, 7, lambda day: 700))
    assert (early.a_day, early.lasts, early.exhausted_on, early.expiring) == (None, None, None, None)
    assert early.words == "Too early to say how long it lasts."
    assert early.advice == "Up to 1,000 a working day lasts until the reset."
    assert told(15_000, {}).words == "Too early to say how long it lasts."
    assert told(15_000, before(TUESDAY, 8, lambda day: 700)).a_day == 700


def test_an_allotment_that_is_not_known_is_asked_for():
    found = told(None)
    assert (found.a_day, found.up_to, found.lasts, found.expiring) == (1000, None, None, None)
    assert found.words == "The allotment is not known: tell it with %asksage plan --inference N."
    assert found.advice == ""


@pytest.mark.parametrize(("remaining", "words"), [(0, "Used up."), (-1200, "Used up, 1,200 over.")])
def test_what_is_used_up_is_said_so_at_once(remaining, words):
    for days in ({}, None):
        found = told(remaining, days)
        assert (found.exhausted_on, found.lasts, found.up_to, found.expiring) == (TUESDAY, False, 0, 0)
        assert (found.words, found.advice) == (words, "")


def test_bands_are_told_in_words():
    wide = before(TUESDAY, 60, lambda day: 3000 if day.day % 3 == 0 else 0)
    day = r"\d+ Nov"
    for remaining, words in (
        (5000, rf"Lasts until {day} at this pace \({day} to {day}\)\."),
        (19_000, rf"Lasts until {day} at this pace \({day} to the reset\)\."),
        (25_000, rf"Lasts until the reset at this pace \({day} at the earliest\)\."),
    ):
        assert re.fullmatch(words, told(remaining, wide).words)


def test_on_the_last_day_only_its_rest_is_left():
    now = at(2026, 11, 30, 12)
    days = before(date(2026, 11, 30), 30, on_working_days(1000))
    assert told(500, days, now).lasts is True
    assert told(499, days, now).exhausted_on == date(2026, 11, 30)
    assert told(499, days, now).up_to == 499


def test_no_working_day_may_be_left():
    now = at(2026, 10, 31, 12)
    found = told(500, before(date(2026, 10, 31), 30, on_working_days(1000)), now)
    assert (found.days_left, found.up_to, found.lasts) == (0, None, True)
    assert "0 working days until the reset" in str(found)


def test_on_the_first_day_the_month_before_is_known():
    now = at(2027, 1, 1)
    found = told(5000, before(date(2027, 1, 1), 60, on_working_days(1000)), now)
    assert (found.as_of, found.last_day) == (date(2027, 1, 1), date(2027, 1, 31))
    assert found.exhausted_on == date(2027, 1, 8)


def test_the_month_is_that_of_the_zone():
    now = at(2026, 11, 1, 3)  # still October in New York
    found = told(500, before(date(2026, 10, 31), 30, on_working_days(1000)), now, "America/New_York")
    assert (found.as_of, found.last_day, found.days_left) == (date(2026, 10, 31), date(2026, 10, 31), 0)


def test_a_balance_from_before_the_reset_tells_nothing_of_the_new_month():
    old = balance(5000, at(2026, 10, 31))
    found = pace(old, before(date(2026, 11, 2), 30, on_working_days(1000)), at(2026, 11, 2), "UTC")
    assert (found.days_left, found.lasts, found.words) == (0, None, "Too early to say how long it lasts.")


# -- what holds for all ------------------------------------------------------------------------------

ZONES = st.sampled_from(["UTC", "America/New_York", "America/Havana", "Pacific/Kiritimati", "Asia/Kolkata"])
AMOUNTS = st.one_of(st.just(0), st.integers(-5000, 100_000))
HISTORIES = st.lists(AMOUNTS, max_size=120)
NOWS = st.integers(at(2026, 1, 1), at(2027, 1, 1))


def cases(history, now, zone):
    local = to_datetime(now).astimezone(ZoneInfo(zone)).date()
    return {local - n * DAY: tokens for n, tokens in enumerate(reversed(history))}


@settings(max_examples=60)
@given(HISTORIES, NOWS, ZONES, st.one_of(st.none(), st.integers(-10_000, 3_000_000)))
def test_figures_are_possible_and_bands_in_order(history, now, zone, remaining):
    days = cases(history, now, zone)
    found = pace(balance(remaining, now, zone, granted=1_000_000), days, now, zone)
    assert found == pace(balance(remaining, now, zone, granted=1_000_000), days, now, zone)
    far = date.max
    assert found.as_of <= (found.earliest or far) <= (found.exhausted_on or far) <= (found.latest or far)
    assert all(day is None or day <= found.last_day for day in (found.earliest, found.latest))
    if found.expiring is not None:
        assert 0 <= found.expiring_low <= found.expiring <= found.expiring_high <= max(0, remaining)
    assert all(figure is None or figure >= 0 for figure in (found.a_day, found.up_to, found.days_left))
    assert found.lasts is None or found.lasts == (found.exhausted_on is None)
    assert found.words
    assert "None" not in str(found) + found._repr_html_()


@settings(max_examples=60)
@given(HISTORIES, NOWS, ZONES, st.integers(-1000, 1_000_000), st.integers(1, 1_000_000))
def test_with_more_left_nothing_comes_earlier(history, now, zone, remaining, more):
    days = cases(history, now, zone)
    little, much = (
        pace(balance(left, now, zone, granted=3_000_000), days, now, zone)
        for left in (remaining, remaining + more)
    )
    if little.lasts is None:
        return
    far = date.max
    for name in ("earliest", "exhausted_on", "latest"):
        assert (getattr(little, name) or far) <= (getattr(much, name) or far) or much.lasts is None
    assert (little.up_to or 0) <= (much.up_to or 0)
    assert much.expiring is None or little.expiring <= much.expiring


# -- simulated people --------------------------------------------------------------------------------


def steady(source):
    level = 10 ** source.uniform(3, 5)
    return lambda day, age: source.gauss(level, level / 4) if day in CALENDAR else 0


def bursty(source):
    level, often = 10 ** source.uniform(3, 5), source.uniform(0.2, 0.6)

    def use(day, age):
        chance = often if day in CALENDAR else often / 5
        return level * source.lognormvariate(0, 0.8) if source.random() < chance else 0

    return use


def growing(source):
    level, growth = 10 ** source.uniform(3, 5), source.uniform(0.002, 0.01)

    def use(day, age):
        return level * math.exp(growth * age) * source.lognormvariate(0, 0.4) if day in CALENDAR else 0

    return use


def weekday_heavy(source):
    level = 10 ** source.uniform(3, 5)
    busy = [source.uniform(0.2, 2) for _ in range(5)] + [0.3, 0.1]
    return lambda day, age: level * busy[day.weekday()] * source.expovariate(1)


def busy_at_the_end(source):
    level, times = 10 ** source.uniform(3, 5), source.uniform(1.5, 3)

    def use(day, age):
        return level * source.lognormvariate(0, 0.4) * (times if day.day >= 25 else 1) * (day in CALENDAR)

    return use


def simulated(style, seed):
    """A meter in mid-month, its days, now, and the day on which it will truly run out."""
    source = random.Random(f"{style.__name__} {seed}")
    use = style(source)
    as_of = date(2026, source.randint(4, 11), source.randint(1, 24))
    begun = as_of - source.randint(10, 100) * DAY
    end = (as_of.replace(day=28) + 5 * DAY).replace(day=1)
    ages = range((end - begun).days)
    days = {begun + age * DAY: max(0, int(use(begun + age * DAY, age))) for age in ages}
    over = source.random()
    to_come = [days[as_of] - int(days[as_of] * over)] + [days[day] for day in days if day > as_of]
    fair = [use(day, age) for age, day in enumerate(days) if day >= as_of for _ in range(20)]
    remaining = max(1, int(sum(fair) / 20 * source.uniform(0.3, 1.2)))
    now = at(as_of.year, as_of.month, as_of.day) + int(over * 86_400_000_000)
    known = {day: tokens for day, tokens in days.items() if day < as_of}
    return balance(remaining, now, granted=3 * remaining), known, now, runs_out(as_of, to_come, remaining)


def runs_out(day, to_come, remaining):
    """The day that passes what remains; the end of time where none of the month does."""
    for tokens in to_come:
        remaining -= tokens
        if remaining < 0:
            return day
        day += DAY
    return date.max


@pytest.mark.long
def test_the_band_covers_80_percent_of_1000_simulated_months():
    # To last past the reset is an outcome like a day: it is covered where the band reaches to the reset.
    covered = dict.fromkeys((steady, bursty, growing, weekday_heavy, busy_at_the_end), 0)
    said = 0
    for style in covered:
        for seed in range(200):
            meter, days, now, truth = simulated(style, seed)
            found = pace(meter, days, now, "UTC")
            said += found.lasts is not None
            covered[style] += (found.earliest or date.max) <= truth <= (found.latest or date.max)
    assert said == 1000
    assert 0.75 <= sum(covered.values()) / 1000 <= 0.87
    # No style is told much worse or much too cautiously.
    assert all(0.70 <= count / 200 <= 0.97 for count in covered.values()), covered


# -- for people --------------------------------------------------------------------------------------


def test_a_pace_shows_itself_as_text():
    assert str(told(5000)) == (
        "inference: Lasts until 17 Nov at this pace. Up to 333 a working day lasts until the reset.\n"
        "  5,000 left · 15 working days until the reset, today included · 1,000 a working day lately"
    )
    assert repr(told(5000)) == str(told(5000))


def picture(found):
    html = found._repr_html_()
    start = html.find("<svg")
    return None if start < 0 else ElementTree.fromstring(html[start : html.find("</svg>") + 6])


def test_the_picture_has_words_and_the_colours_of_the_theme():
    drawn = picture(told(5000))
    assert drawn.get("role") == "img"
    assert (
        drawn.get("aria-label") == "6,000 used or held, 5,000 left; used evenly, it would be 3,666 by today."
    )
    colours = {part.get(name) for part in drawn for name in ("stroke", "fill")} - {None, "none"}
    assert colours and all(colour.startswith("var(--jp-") and "," in colour for colour in colours)


def test_the_picture_is_the_months_course_against_the_even_line_of_working_days():
    days = before(TUESDAY, 60, lambda day: 3000 if day.day % 3 == 0 else 0)
    found = told(60_000, days)
    spent = [days.get(TUESDAY.replace(day=n), 0) for n in range(1, TUESDAY.day + 1)]
    used, even = found.course.used_line(), found.course.even_line()
    assert used == [(0.5, 0), *((n + 1.5, sum(spent[: n + 1])) for n in range(len(spent)))]
    weekends = [n for n in range(1, 31) if TUESDAY.replace(day=n).weekday() > 4]
    assert weekends and all(even[n][1] == even[n - 1][1] for n in weekends)
    assert even[-1] == (30.5, pytest.approx(sum(spent) + 60_000))
    drawn = [part.get("d") for part in picture(found) if part.tag == "path"]
    assert [path.count("L") for path in drawn[1:3]] == [30, TUESDAY.day]  # each day so far, and now


@pytest.mark.parametrize(("remaining", "paths"), [(5000, 5), (60_000, 5), (19_000, 5), (0, 3), (-500, 3)])
def test_the_picture_ends_where_the_allotment_or_the_month_does(remaining, paths):
    drawn = picture(told(remaining, before(TUESDAY, 60, lambda day: 3000 if day.day % 3 == 0 else 0)))
    assert [part.tag for part in drawn].count("path") == paths
    x, y, width, height = map(float, drawn.get("viewBox").split())
    circle = drawn.find("circle")
    assert x <= float(circle.get("cx")) <= x + width
    assert y <= float(circle.get("cy")) <= y + height


def test_card_and_chart_are_the_same_lines():
    days = before(TUESDAY, 60, lambda day: 3000 if day.day % 3 == 0 else 0)
    found = told(19_000, days)
    line = chart.draw(found.course, found).to_dict()
    drawn = [path.get("d") for path in picture(found) if path.tag == "path"]
    for points, path in ((found.course.even_line(), drawn[1]), (found.course.used_line(), drawn[2])):
        placed = [tuple(map(float, at.split(","))) for at in re.findall(r"[\d.]+,[\d.]+", path)]
        whole = found.course.allotment
        back = [(x / 240 * 30 + 0.5, whole * (1 - y / 60)) for x, y in placed]
        assert back == [pytest.approx(point, abs=whole / 500) for point in points]
        rows = ["day,tokens", *(f"{day},{round(tokens)}" for day, tokens in points)]
        assert "\n".join(rows) + "\n" in line["datasets"].values()


def test_what_a_top_up_from_before_had_spent_is_not_of_this_month():
    own = replace(balance(5_000), granted=900_000, used=895_000)  # most of it in the months before
    found = pace(own, before(TUESDAY, 30, on_working_days(1000)), MIDNIGHT, "UTC", CALENDAR)
    assert found.course.allotment == found.course.used + 5_000


def test_without_an_allotment_there_is_no_picture():
    assert picture(told(None)) is None
