"""Pace and forecast: how fast tokens are spent, how long they last, what expires. Pure; knows no ledger."""

from .course import Course
from .days import HISTORY, daily
from .foretelling import pace
from .pace import Pace
from .working_days import WorkingDays

__all__ = ["HISTORY", "Course", "Pace", "WorkingDays", "daily", "pace"]
