"""What a pool's calls went to, by model and by each billing code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..account import Meter, tags

if TYPE_CHECKING:
    from ..ledger import Ledger, Member


@dataclass(frozen=True, slots=True)
class Part:
    """The calls of one model or code; `name` is None where they do not tell it."""

    name: str | None
    calls: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Division:
    """A meter's calls by ``"model"`` or by a code like ``"tag:wbs"``, the most tokens first."""

    meter: Meter
    by: str
    parts: tuple[Part, ...]


def divisions(
    ledger: Ledger, members: Iterable[Member], meter: Meter, since: int, until: int
) -> list[Division]:
    """The calls that members sent within the bounds since they joined, in microseconds UTC."""
    from ..ledger import CALL_COLUMNS

    columns = {name: CALL_COLUMNS.index(name) for name in ("meter", "model", "tags", "tokens")}
    calls = [
        {name: row[at] for name, at in columns.items()}
        for member in members
        for row in ledger.calls(member.account, since=max(since, member.since), until=until)
    ]
    calls = [call for call in calls if call["meter"] == meter]
    return list(_divisions(meter, calls))


def _divisions(meter: Meter, calls: Sequence[dict[str, Any]]) -> Iterator[Division]:
    if not calls:
        return
    yield Division(meter, "model", _parts((call["model"], call["tokens"]) for call in calls))
    read = {text: tags.read(text) for text in {call["tags"] for call in calls}}
    for code in sorted({name for found in read.values() for name in found}):
        named = ((read[call["tags"]].get(code), call["tokens"]) for call in calls)
        yield Division(meter, f"{tags.PREFIX}{code}", _parts(named))


def _parts(calls: Iterable[tuple[str | None, int]]) -> tuple[Part, ...]:
    found: dict[str | None, list[int]] = defaultdict(list)
    for name, tokens in calls:
        found[name].append(tokens)
    parts = (Part(name, len(each), sum(each)) for name, each in found.items())
    return tuple(sorted(parts, key=lambda part: (-part.tokens, part.name is None, part.name or "")))
