"""A grant's chain: each entry carries the running totals and a hash over all before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection

from ...account import Bill, Call, Kind
from .prepared import Prepared
from .schema import entry
from .state import Tail

_INSERT = Prepared(entry.insert())
_encode = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` makes one of these each time


def append(
    connection: Connection,
    tail: Tail,
    kind: Kind,
    op: str,
    tokens: int,
    *,
    now: int,
    released: int = 0,
    due: int | None = None,
    about: Sequence[object] = (),
) -> Tail:
    """Write the grant's next entry and return its new tail.

    Parameters
    ----------
    tokens : int
        Signed Ask Sage tokens: given, held or used, as `kind` says.
    now : int
        Microseconds UTC; the entry's time is never before the one ahead of it.
    released : int
        Tokens of the hold that this settle or presume ends.
    about : sequence
        Fields of the record that is written with the entry, to be bound by its hash.
    """
    granted, held, used = totals(tail.granted, tail.held, tail.used, kind, tokens, released)
    seq, t = tail.seq + 1, max(now, tail.t)
    fields = (tail.grant_id, seq, op, kind.value, tokens, granted, held, used, t, due)
    hashed = digest(tail.hash, fields, about)
    _INSERT.run(connection, dict(zip(_COLUMNS, (*fields, hashed), strict=True)))
    return Tail(tail.grant_id, tail.source, tail.starts, tail.ends, seq, granted, held, used, t, hashed)


def totals(granted: int, held: int, used: int, kind: str, tokens: int, released: int) -> tuple[int, int, int]:
    """The totals after a move of `kind`: ``(granted, held, used)``."""
    if kind == Kind.GRANT:
        return granted + tokens, held, used
    if kind == Kind.HOLD:
        return granted, held + tokens, used
    return granted, held - released, used + tokens


def digest(ahead: bytes, fields: Sequence[object], about: Sequence[object]) -> bytes:
    """SHA-256 over the hash ahead, an entry's fields and the record written with it."""
    return hashlib.sha256(_encode([ahead.hex(), *fields, *about]).encode()).digest()


OF_CALL = ("sent_at", "model", "estimate", "notebook", "cell", "project", "user")
OF_SOME_CALLS = ("job", "tags", "client")


of_call: Callable[[Call], tuple[object, ...]] = attrgetter(*OF_CALL, *OF_SOME_CALLS)
"""The fields of a call in the order of the table's columns."""


def about_call(call: Call) -> tuple[object, ...]:
    """What of `call` its hold's hash binds."""
    return bound(of_call(call))


def bound(fields: Sequence[object]) -> tuple[object, ...]:
    """A call's fields as a hash binds them: those of `OF_SOME_CALLS` by name, and only where there is one.

    So a call without them has the hash that it had before there were such fields.
    """
    always, sometimes = fields[: len(OF_CALL)], fields[len(OF_CALL) :]
    named = {name: value for name, value in zip(OF_SOME_CALLS, sometimes, strict=True) if value is not None}
    return (*always, named) if named else tuple(always)


def about_bill(bill: Bill) -> tuple[object, ...]:
    """The fields of `bill` that its entry's hash binds, in the order of the table's columns."""
    return (
        bill.tokens, bill.source.value, bill.status.value, bill.input_tokens, bill.output_tokens,
        bill.duration_ms, bill.request_id, bill.model,
    )  # fmt: skip


_COLUMNS: tuple[Any, ...] = tuple(entry.c.keys())
