"""The settled calls as data: a pandas DataFrame, its columns' meaning, and the accessor ``.asksage``."""

from .accessor import NotAUsageLog, UsageLog
from .frame import frame
from .log import usage
from .report import UsageReport, report
from .savings import Savings
from .schema import SCHEMA, Column, Schema

__all__ = [
    "SCHEMA",
    "Column",
    "NotAUsageLog",
    "Savings",
    "Schema",
    "UsageLog",
    "UsageReport",
    "frame",
    "report",
    "usage",
]
