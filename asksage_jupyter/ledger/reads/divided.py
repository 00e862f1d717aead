"""Calls divided: what was used by each model or other column of theirs, and by each billing code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...account import tags
from ..tables.reading import CALL_COLUMNS


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the calls.

    Attributes
    ----------
    name : str or None
        The model, notebook, project, source or code; None where the calls do not tell it.
    calls : int
    tokens : int
        Ask Sage tokens.
    """

    name: str | None
    calls: int
    tokens: int


def by_column(name: str, calls: Sequence[Sequence[Any]]) -> tuple[Section, ...]:
    """The tokens of calls, as `LedgerView.calls` lists them, by one of their columns, the most first."""
    column = CALL_COLUMNS.index(name)
    return _sections([call[column] for call in calls], calls)


def by_code(calls: Sequence[Sequence[Any]]) -> dict[str, tuple[Section, ...]]:
    """The same by each billing code that any of the calls has, like ``tag:wbs``."""
    column = CALL_COLUMNS.index("tags")
    read = {text: tags.read(text) for text in {call[column] for call in calls}}
    names = sorted({name for found in read.values() for name in found})
    return {
        f"{tags.PREFIX}{name}": _sections([read[call[column]].get(name) for call in calls], calls)
        for name in names
    }


def _sections(names: Sequence[str | None], calls: Sequence[Sequence[Any]]) -> tuple[Section, ...]:
    figure = CALL_COLUMNS.index("tokens")
    tokens: dict[str | None, list[int]] = defaultdict(list)
    for name, call in zip(names, calls, strict=True):
        tokens[name].append(call[figure])
    parts = (Section(value, len(found), sum(found)) for value, found in tokens.items())
    return tuple(sorted(parts, key=lambda part: (-part.tokens, part.name is None, part.name or "")))
