"""The frozen records that the rooms hand to one another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from ..display.plain import shown
from ..errors import BadInput

DEMO_HOLDER = "local-demo"
ENVELOPE = "envelope:"
_POOL = "pool:"


class Meter(StrEnum):
    """The two meters of an account; tokens never convert between them."""

    INFERENCE = "inference"
    TRAINING = "training"

    @classmethod
    def named(cls, given: object) -> Self:
        """The meter of that name.

        Raises
        ------
        BadInput
        """
        if isinstance(given, str) and str.__str__(given) in tuple(cls):
            return cls(str.__str__(given))
        raise BadInput(f"{shown(given)} is no meter: write {' or '.join(cls)}")


class Kind(StrEnum):
    """What an entry does to its grant's totals.

    ``grant``: granted += tokens (also a plan change). ``hold``: held += tokens. ``settle``: ends a hold,
    used += tokens. ``presume``: ends a hold past its due time at its estimate. ``correct``: used += tokens
    (signed).
    """

    GRANT = "grant"
    HOLD = "hold"
    SETTLE = "settle"
    PRESUME = "presume"
    CORRECT = "correct"


class Source(StrEnum):
    """Where a debit's figure comes from, best first.

    ``billed``: the reply's own figure. ``log``: the service's prompt log. ``priced``: the service's tokenizer
    rates times the reply's model tokens. ``catalog``: the same with catalog rates, unverified. ``presumed``:
    our estimate.
    """

    BILLED = "billed"
    LOG = "log"
    PRICED = "priced"
    CATALOG = "catalog"
    PRESUMED = "presumed"


class Status(StrEnum):
    """Whether the whole reply arrived; ``lost`` when it was stopped, dropped or crashed away."""

    OK = "ok"
    LOST = "lost"


# Source and status of a call that has no bill yet: no bill ever carries them.
HELD, OPEN = "held", "open"


@dataclass(frozen=True, slots=True)
class Account:
    """One holder on one host; keyed on the person, never on the API key.

    Attributes
    ----------
    host : str
        Host name of the service, without port; ``localhost`` for the local demo.
    holder : str
        The person's e-mail in lower case; ``local-demo`` for the demo, ``pool:<name>`` for a pool.
    zone : str
        IANA zone in which the months of this account begin.
    """

    host: str
    holder: str
    zone: str = "UTC"

    @property
    def is_demo(self) -> bool:
        """Whether its tokens are the local demo's, which pay for nothing elsewhere."""
        return self.host == "localhost" and self.holder == DEMO_HOLDER

    @classmethod
    def of_pool(cls, host: str, name: str, zone: str = "UTC") -> Self:
        """The account of the pool `name`, from whose tokens its members spend."""
        return cls(host, f"{_POOL}{name}", zone)

    @property
    def is_pool(self) -> bool:
        """Whether it is a pool's, and nobody's own."""
        return self.holder.startswith(_POOL)

    @property
    def is_envelope(self) -> bool:
        """Whether it is that of a limit inside a person's account."""
        return self.holder.startswith(ENVELOPE)

    @property
    def pool(self) -> str:
        """The pool's name; empty for a person's account."""
        return self.holder.removeprefix(_POOL) if self.is_pool else ""


@dataclass(frozen=True, slots=True)
class Grant:
    """Tokens given once for ``[starts, ends)``.

    Attributes
    ----------
    id : int
    source : str
        ``allotment:2026-11`` or ``top-up:<receipt>``.
    starts, ends : int
        Microseconds UTC, stored as promised when the grant was made.
    """

    id: int
    source: str
    starts: int
    ends: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of a grant's chain; it carries the grant's running totals.

    Attributes
    ----------
    grant_id, seq : int
        The primary key; `seq` counts from 1 without gaps.
    op : str
        The move's id, made by the client before anything is sent.
    tokens : int
        Signed Ask Sage tokens of this move.
    granted, held, used : int
        The grant's totals after this move.
    t : int
        Microseconds UTC, never before the entry ahead of it.
    due : int or None
        For a hold: when it may be presumed spent.
    hash : bytes
        SHA-256 over the entry and the hash before it.
    """

    grant_id: int
    seq: int
    op: str
    kind: Kind
    tokens: int
    granted: int
    held: int
    used: int
    t: int
    due: int | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked, written with the hold, so that a crash leaves its attribution behind. Never a prompt.

    Attributes
    ----------
    sent_at : int
        Microseconds UTC.
    estimate : int
        Expected Ask Sage tokens, as held.
    notebook, cell : str or None
        Path and cell id; None where the front end does not tell.
    job : str or None
        Name of the job over many rows that it belongs to.
    tags : str or None
        Billing codes, as `tags.text_of` writes them.
    client : str or None
        The program that asked through the endpoint; None for a notebook's own calls.
    """

    op: str
    sent_at: int
    model: str
    meter: Meter
    estimate: int
    notebook: str | None = None
    cell: str | None = None
    project: str | None = None
    user: str | None = None
    job: str | None = None
    tags: str | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """What a call came to, written with the settle.

    Attributes
    ----------
    tokens : int
        Ask Sage tokens debited, in all.
    source : Source
        Where `tokens` comes from.
    input_tokens, output_tokens : int or None
        Model tokens, where the reply tells them.
    model : str or None
        The model that answered, where the reply tells it and it is not the one asked.
    """

    tokens: int
    source: Source
    status: Status = Status.OK
    input_tokens: int | None = None
    output_tokens: int | None = None
    duration_ms: int | None = None
    request_id: str | None = None
    model: str | None = None
