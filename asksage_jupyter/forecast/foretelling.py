"""A meter's pace, told from its balance and the days behind."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from ..account import MeterBalance
from ..month import rules_of
from .course import Course
from .days import to_come_share, today
from .pace import Pace
from .paths import look_ahead
from .working_days import WorkingDays

# A week of work, in which every weekday was seen: with fewer days the band covers much less than it says.
ENOUGH_DAYS = 5
LOW, HIGH = 0.1, 0.9  # the 80 % band


def pace(
    balance: MeterBalance,
    days: Mapping[date, int],
    now: int,
    zone: str,
    calendar: WorkingDays = WorkingDays(),  # noqa: B008  frozen
) -> Pace:
    """Tell the pace of one meter; pure, and the same for the same input.

    Parameters
    ----------
    balance : MeterBalance
        The meter's figures now; tokens held count as spent.
    days : mapping of date to int
        Tokens used on each local day of this month and up to 90 days before it, corrections included; days
        that are missing are days without use. The first is left out, as no whole day.
    now : int
        Microseconds UTC.
    zone : str
        IANA zone of the days and the month.
    calendar : WorkingDays

    Returns
    -------
    Pace
        With fewer than `ENOUGH_DAYS` finished working days, without a forecast.
    """
    known = _so_far(balance, days, now, zone, calendar)
    as_of, left, days_left = known.as_of, known.left, known.days_left
    to_come = [as_of + timedelta(days=n) for n in range((known.last_day - as_of).days + 1)]
    ahead = look_ahead(days, to_come, as_of, calendar)
    is_early = ahead.working.count < ENOUGH_DAYS
    if not is_early:
        known = replace(known, a_day=round(ahead.working.a_day))
    if left is None:
        return known
    if days_left:
        on_days_off = 0 if is_early else round(ahead.off.a_day * (len(to_come) - days_left))
        known = replace(known, up_to=max(0, left - on_days_off) // days_left)
    if left <= 0:
        used_up = replace(known, exhausted_on=as_of, earliest=as_of, latest=as_of, lasts=False)
        return replace(used_up, expiring=0, expiring_low=0, expiring_high=0)
    if is_early or not to_come:
        return known
    return _forecast(known, left, ahead.courses(to_come_share(as_of, now, zone)))


def _so_far(
    balance: MeterBalance, days: Mapping[date, int], now: int, zone: str, calendar: WorkingDays
) -> Pace:
    """What there is, without what the days behind tell of those to come."""
    as_of, remaining = today(now, zone), balance.remaining
    last_day = (balance.resets_at - timedelta(microseconds=1)).astimezone(rules_of(zone)).date()
    course = Course.until(as_of, last_day, days, balance.held, None, calendar)
    known = Pace(
        balance.meter,
        as_of,
        last_day,
        balance.granted,
        remaining,
        calendar.count(as_of, last_day),
        course if remaining is None else replace(course, allotment=course.taken + remaining),
    )
    if remaining is not None and balance.spendable is not None and balance.spendable < remaining:
        known = replace(known, bound=balance.short, spendable=balance.spendable)
    if balance.pool is not None and balance.is_uncapped:
        known = replace(known, granted=None, remaining=None, pool=balance.pool.name, course=course)
    return known


def _forecast(known: Pace, remaining: int, courses: Sequence[Sequence[int]]) -> Pace:
    """The pace with the day on which each course of spending passes what remains, and what is left of it."""
    # A course that never passes it gets the day behind the last: the censored case sorts as the latest.
    ends = sorted(bisect_right(course, remaining) for course in courses)
    left = sorted(max(0, remaining - course[-1]) for course in courses)
    exhausted_on = _day_of(known, _quantile(ends, 0.5))
    earliest, latest = (_day_of(known, end) for end in _band_of_days(ends))
    low, middle, high = (_quantile(left, share) for share in (LOW, 0.5, HIGH))
    return replace(
        known,
        exhausted_on=exhausted_on,
        earliest=earliest,
        latest=latest,
        lasts=exhausted_on is None,
        expiring=middle,
        expiring_low=low,
        expiring_high=high,
    )


def _quantile(ordered: Sequence[int], share: float) -> int:
    return ordered[round(share * (len(ordered) - 1))]


def _band_of_days(ordered: Sequence[int]) -> tuple[int, int]:
    """The first and last day of the band.

    A day is within when the cases before it and half of its own are `LOW` to `HIGH` of all: with whole days
    at both ends, the band would hold well more than 80 %.
    """
    within = [
        day
        for day in sorted(set(ordered))
        if LOW <= (bisect_left(ordered, day) + bisect_right(ordered, day)) / (2 * len(ordered)) <= HIGH
    ]
    return within[0], within[-1]


def _day_of(known: Pace, number: int) -> date | None:
    """The day with this number, 0 for today; None behind the month's last."""
    day = known.as_of + timedelta(days=number)
    return day if day <= known.last_day else None
