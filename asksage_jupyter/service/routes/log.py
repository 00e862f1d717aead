"""The service's prompt log: what each call was billed, and nothing of what was said in it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ...errors import BadInput, Refused
from ...month import to_instant
from ..records import LogRow
from ..replies.scalars import flag, member, natural, text_in
from ..replies.wire import Pairs
from ..way.payload import json_of

if TYPE_CHECKING:
    from ..way.connection import Connection

_PATH = "/user/get-user-logs"
_LONGEST = 100  # rows the service gives at once
_FIGURES = (
    "id",
    "date_time",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_length",
    "response_length",
    "teach",
)
_ROW = {*_FIGURES, "prompt", "ip", "user_id"}


def read(connection: Connection, limit: int, before_id: int | None) -> list[LogRow]:
    """The newest rows ahead of `before_id`, newest first.

    Raises
    ------
    BadInput
        `limit` is not 1 to 100; nothing was sent.
    Refused
    """
    if not 1 <= limit <= _LONGEST:
        raise BadInput(f"the prompt log gives 1 to {_LONGEST} rows at once, not {limit}.")
    asked = {"limit": limit} if before_id is None else {"limit": limit, "before_id": before_id}
    listed = connection.personal(_PATH, json_of(**asked), keep=_figures_only).rows
    if listed is None:
        raise Refused(f"Ask Sage's answer to {_PATH} is no list. Nothing was billed.")
    # Who pages must come to an end also where a tenant takes no notice of `before_id`.
    rows = [row for row in map(_row, listed) if row is not None]  # the others make no sense
    told = [row for row in rows if before_id is None or row.id < before_id]
    return sorted(told, key=lambda row: row.id, reverse=True)


def _figures_only(pairs: Pairs) -> dict[str, object]:
    """Of a row: its figures. Of what is around rows: the envelope, and what may hold them."""
    if any(name in _ROW for name, _ in pairs):
        return {name: value for name, value in pairs if name in _FIGURES and _is_plain(value)}
    kept = ("response", "status", "error", "message")
    return {name: value for name, value in pairs if name in kept or not _is_plain(value)}


def _is_plain(value: object) -> bool:
    return not isinstance(value, dict | list)


def _row(entry: object) -> LogRow | None:
    number, tokens = natural(member(entry, "id")), natural(member(entry, "total_tokens"))
    sent_at = _instant(member(entry, "date_time"))
    if number is None or tokens is None or sent_at is None:
        return None
    return LogRow(
        id=number,
        sent_at=sent_at,
        model=text_in(member(entry, "model")),
        tokens=tokens,
        input_tokens=natural(member(entry, "prompt_tokens")),
        output_tokens=natural(member(entry, "completion_tokens")),
        prompt_length=natural(member(entry, "prompt_length")),
        response_length=natural(member(entry, "response_length")),
        teach=flag(member(entry, "teach")),
    )


def _instant(value: Any) -> int | None:
    """Microseconds UTC of ``2026-09-26T04:04:43.72+00:00`` or ``Thu, 08 May 2025 21:42:04 GMT``."""
    if not isinstance(value, str):
        return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(value.strip())
            # The service's own dates without a zone are in UTC.
            return to_instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, TypeError, OverflowError):
            continue
    return None
