"""What came of one prompt of a map."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RowStatus(StrEnum):
    """How a row stands.

    ``ok``: answered. ``skipped``: a value was missing, nothing was asked. ``invalid``: answered, but not as
    the schema wants it. ``refused``: certainly not billed. ``unknown``: it may be billed, and is not sent
    again by itself. ``unsent``: it was not asked.
    """

    OK = "ok"
    SKIPPED = "skipped"
    INVALID = "invalid"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNSENT = "unsent"


class How(StrEnum):
    """Where a row's answer comes from: asked now, an equal prompt's of this map, or kept from before."""

    SENT = "sent"
    SAME = "same"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One prompt's end.

    Attributes
    ----------
    status : RowStatus
    how : How or None
    text : str or None
        The reply as it came.
    value : object
        The reply as the schema reads it.
    reason : str
        Why there is no value, on one line.
    tokens : int
        Ask Sage tokens debited by this run.
    before : int
        Those that a replayed reply had cost when it was asked.
    model : str or None
        The model that answered.
    attempts : int
        How many times it was sent in this run.
    op : str or None
        The move in the ledger.
    seconds : float or None
        From the hold to the settle.
    input_tokens, output_tokens : int or None
        Model tokens of the call that answered, where they are told.
    at : int or None
        When a replayed reply came; microseconds UTC.
    """

    status: RowStatus
    how: How | None = None
    text: str | None = field(default=None, repr=False)
    value: Any = field(default=None, repr=False)
    reason: str = ""
    tokens: int = 0
    before: int = 0
    model: str | None = None
    attempts: int = 0
    op: str | None = None
    seconds: float | None = None
    at: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
