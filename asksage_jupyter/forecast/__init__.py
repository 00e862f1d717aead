"""Pace and forecast: how fast tokens are spent, how long they last, what expires. Pure; knows no ledger."""

from .course import Course
from .days import HISTORY, daily
from .pace import Pace, pace
from .working_days import WorkingDays

__all__ = ["HISTORY", "Course", "Pace", "WorkingDays", "daily", "pace"]
