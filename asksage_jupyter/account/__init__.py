"""Meter, Grant, Entry, Call, Balance, and their arithmetic. Knows nothing else."""

from .balance import Balance, MeterBalance, Pool, unbilled_words
from .records import HELD, OPEN, Account, Bill, Call, Entry, Grant, Kind, Meter, Source, Status

__all__ = [
    "HELD", "OPEN", "Account", "Balance", "Bill", "Call", "Entry", "Grant", "Kind", "Meter", "MeterBalance",
    "Pool", "Source", "Status", "unbilled_words",
]  # fmt: skip
