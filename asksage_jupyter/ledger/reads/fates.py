"""What became of calls, by their ops: whoever was stopped between a hold and its end asks it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import Connection, func, select

from ...account import Kind
from ..tables.schema import entry

_AT_ONCE = 500


class Fate(StrEnum):
    """What became of a call.

    ``held``: its tokens are set aside. ``presumed``: they count as spent, its bill is not known. ``settled``:
    it was billed. ``voided``: certainly nothing was billed.
    """

    HELD = "held"
    PRESUMED = "presumed"
    SETTLED = "settled"
    VOIDED = "voided"


def fates(connection: Connection, ops: Sequence[str]) -> dict[str, Fate]:
    """The fate of each op; one that was never held is left out."""
    found: dict[str, dict[str, int]] = {}
    for first in range(0, len(ops), _AT_ONCE):
        asked = (
            select(entry.c.op, entry.c.kind, func.sum(entry.c.tokens))
            .where(entry.c.op.in_(ops[first : first + _AT_ONCE]))
            .group_by(entry.c.op, entry.c.kind)
        )
        for op, kind, tokens in connection.execute(asked):
            found.setdefault(op, {})[kind] = int(tokens)
    return {op: _fate(booked) for op, booked in found.items()}


def _fate(booked: dict[str, int]) -> Fate:
    if Kind.SETTLE in booked:
        # A settle after a presume books the difference alone.
        billed = booked[Kind.SETTLE] + booked.get(Kind.PRESUME, 0)
        return Fate.SETTLED if billed else Fate.VOIDED
    return Fate.PRESUMED if Kind.PRESUME in booked else Fate.HELD
