"""The last calls as lines that a person knows: by their cells, and an upload of many pieces as one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ... import month
from ...account import HELD, Meter, Source, Status
from ...display.dates import day
from ...display.plain import one_line
from ...ledger import CALL_COLUMNS
from .figures import instant

if TYPE_CHECKING:
    from datetime import date

    from .figures import Wire

Label = Callable[[str | None, str], str]

_OF_A_CALL = (
    "model", "meter", "tokens", "estimate", "source", "status", "notebook", "cell", "duration_ms",
)  # fmt: skip
_UPLOAD = re.compile(r"train:(?:user_custom_[^_]+_(?P<own>.+)_content|(?P<name>.*))")
_APART_US = 15 * 60 * 1_000_000  # pieces further apart are of two uploads


def calls(rows: Sequence[Sequence[Any]], zone: str, now: int, label: Label) -> list[Wire]:
    """Calls of the ledger, newest first; neither an id nor who sent it for what project leaves the server.

    Parameters
    ----------
    zone : str
        The account's, in which times are told.
    now : int
        Microseconds UTC: of today the day is not told.
    label : callable
        What a cell is called, given its notebook and its id.
    """
    today = month.local_day(now, zone)
    return [_wire(group, zone, today, label) for group in _grouped(rows)]


def _grouped(rows: Sequence[Sequence[Any]]) -> list[list[dict[str, Any]]]:
    groups: list[list[dict[str, Any]]] = []
    uploads: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        call = dict(zip(CALL_COLUMNS, row, strict=True))
        key = tuple(call[name] for name in ("model", "notebook", "cell", "meter"))
        known = uploads.get(key)
        if known is not None and known[-1]["sent_at"] - call["sent_at"] <= _APART_US:
            known.append(call)
            continue
        groups.append([call])
        if _UPLOAD.match(call["model"]):
            uploads[key] = groups[-1]
    return groups


def _wire(group: Sequence[dict[str, Any]], zone: str, today: date, label: Label) -> Wire:
    newest, tokens = group[0], sum(call["tokens"] for call in group)
    marks = {
        f"{len(group):,} pieces": len(group) > 1,
        "training": newest["meter"] == Meter.TRAINING and not _UPLOAD.match(newest["model"]),
        "held, no bill yet": any(call["source"] == HELD for call in group),
        "presumed": any(call["source"] == Source.PRESUMED for call in group),
        "reply lost": any(call["status"] == Status.LOST for call in group),
    }
    name, is_cells = _name(newest, label)
    model, notebook = one_line(newest["model"]), newest["notebook"]
    words = [
        *([model] if is_cells else []),
        _time(newest["sent_at"], zone, today),
        *(mark for mark, holds in marks.items() if holds),
    ]
    return {
        "sent_at": instant(newest["sent_at"]),
        **{field: newest[field] for field in _OF_A_CALL},
        "tokens": tokens,
        "count": len(group),
        "name": name,
        "of_cell": is_cells,
        "where": one_line(PurePath(notebook).name) if notebook else "",
        "figure": f"{tokens:,}",
        "words": " · ".join(words),
    }


def _time(t: int, zone: str, today: date) -> str:
    """When it was sent; the zone is told once for all."""
    then = month.to_datetime(t).astimezone(month.rules_of(zone))
    return f"{then:%H:%M}" if then.date() == today else f"{day(then)} {then:%H:%M}"


def _name(call: dict[str, Any], label: Label) -> tuple[str, bool]:
    """What a line is called, and whether that is its cell's name."""
    if upload := _UPLOAD.match(call["model"]):
        return f"Upload to {one_line(upload['own'] or upload['name'])}", False
    if call["cell"]:
        return label(call["notebook"], call["cell"]), True
    return one_line(call["model"]), False
