"""Meter, Grant, Entry, Call, Balance, their arithmetic, and how a meter is told. Knows nothing else."""

from .balance import Balance, unbilled_words
from .envelope import Envelope, Per
from .gauge import Gauge, Segment, advice, gauges, limiting
from .level import THRESHOLDS, Level
from .meters import MeterBalance, Pool
from .records import HELD, OPEN, Account, Bill, Call, Entry, Grant, Kind, Meter, Source, Status

__all__ = [
    "HELD", "OPEN", "THRESHOLDS", "Account", "Balance", "Bill", "Call", "Entry", "Envelope", "Gauge",
    "Grant", "Kind", "Level", "Meter", "MeterBalance", "Per", "Pool", "Segment", "Source", "Status", "advice",
    "gauges", "limiting", "unbilled_words",
]  # fmt: skip
