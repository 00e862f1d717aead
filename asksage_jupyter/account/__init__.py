"""Meter, Grant, Entry, Call, Balance, and their arithmetic. Knows nothing else."""

from .balance import Balance, MeterBalance, Pool
from .records import Account, Bill, Call, Entry, Grant, Kind, Meter, Source, Status

__all__ = [
    "Account", "Balance", "Bill", "Call", "Entry", "Grant", "Kind", "Meter", "MeterBalance", "Pool",
    "Source", "Status",
]  # fmt: skip
