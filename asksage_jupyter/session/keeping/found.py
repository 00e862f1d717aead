"""What the store of replies knows of a key, and how a bill is written in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from ...account import Bill, Source, Status


@dataclass(frozen=True, slots=True)
class Found:
    """What the store knows of a key.

    Attributes
    ----------
    op : str
        The move in the ledger that paid, or was to pay, for it.
    owner : str
        The run that claimed it.
    at : int
        When it was claimed, and then when it was answered; microseconds UTC.
    is_kept, is_booked : bool
        Whether its reply came; whether its bill was booked.
    is_textless : bool
        Whether its text was kept at no time, as the person wished.
    text : str or None
        The reply; None where none came, or where it is kept no longer.
    model : str or None
        Which answered.
    bill : Bill or None
    """

    op: str
    owner: str
    at: int
    is_kept: bool
    is_booked: bool
    text: str | None = field(default=None, repr=False)
    model: str | None = None
    bill: Bill | None = None
    is_textless: bool = False


def storable(text: str) -> str:
    """The text as UTF-8 has it: half a surrogate pair has no place there."""
    return text.encode("utf-8", "replace").decode()


def written(bill: Bill | None) -> str | None:
    """A bill as text."""
    return None if bill is None else json.dumps(asdict(bill))


def read(bill: str | None) -> Bill | None:
    """A bill as it was written."""
    if bill is None:
        return None
    plain = json.loads(bill)
    return Bill(**{**plain, "source": Source(plain["source"]), "status": Status(plain["status"])})
