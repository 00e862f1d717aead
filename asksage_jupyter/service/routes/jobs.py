"""An upload that goes on in the background: how far it is, in whichever members a tenant tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import NoRoute, Refused
from ..records import UploadJob
from ..replies.scalars import member, natural, one_line
from ..replies.wire import Body, Pairs
from ..way.payload import json_of

if TYPE_CHECKING:
    from ..way.connection import Connection

_PATH = "/server/train-with-file-status"
UNDER_WAY = ("queued", "running")
OVER = ("succeeded", "partial", "failed")
_ALSO = {"success": "succeeded", "completed": "succeeded", "done": "succeeded", "error": "failed"}
_TAKEN_IN = (
    "chunks_embedded",
    "embedded_chunks",
    "processed_chunks",
    "completed_chunks",
    "processed",
    "done",
)
_IN_ALL = ("total_chunks", "chunks_total", "chunk_count", "chunks", "total")
_WHY = ("job_error", "message", "detail", "reason")


def status(connection: Connection, job_id: str) -> UploadJob:
    """How far a job is; its state is ``unknown`` where the service does not know it.

    Raises
    ------
    NoRoute
        The tenant tells nothing of jobs.
    Refused
    """
    try:
        body = connection.free(_PATH, json_of(job_id=job_id), keep=_apart)
    except NoRoute:
        raise
    except Refused as error:
        if error.status != 404:
            raise
        return UploadJob("unknown")
    return _job_in(body, connection.credentials.hide)


def _apart(pairs: Pairs) -> dict[str, object]:
    """What a failed job says of its failure is none of the question that was asked."""
    told = dict(pairs)
    if _state(told) in OVER:
        error = told.pop("error", None)
        told["job_error"] = member(error, "message") or error
    return told


def _state(value: object) -> str | None:
    words = value if isinstance(value, str) else member(value, "state") or member(value, "status")
    found = words.strip().lower() if isinstance(words, str) else ""
    found = _ALSO.get(found, found)
    return found if found in UNDER_WAY or found in OVER else None


def _job_in(body: Body, hide: object) -> UploadJob:
    places = [place for place in (body.response, body.value) if isinstance(place, dict)]
    state = next(filter(None, map(_state, (body.response, body.value, body.get("job")))), "running")
    why = next((text for text in _each(places, _WHY) if isinstance(text, str) and text.strip()), "")
    return UploadJob(
        state,
        taken_in=next(filter(None, map(natural, _each(places, _TAKEN_IN))), None),
        in_all=next(filter(None, map(natural, _each(places, _IN_ALL))), None),
        tokens=_tokens(places),
        told=one_line(hide(why)) if callable(hide) else "",
    )


def _each(places: list[dict[str, object]], names: tuple[str, ...]) -> list[object]:
    return [place[name] for place in places for name in names if name in place]


def _tokens(places: list[dict[str, object]]) -> int | None:
    found = [member(place.get("usage"), "asksage_tokens") for place in places]
    found += _each(places, ("asksage_tokens", "tokens_used", "tokens"))
    return next((figure for figure in map(natural, found) if figure is not None), None)
