"""Training: text and files are counted and billed, and not stored; a dataset is only its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..account import Meter
from ..tokens import count
from .demo import Demo
from .tariff import sampled, taught

_EMBEDDED = 1536  # figures of a piece
_SYNC_WAIT_S = 20


def train(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    """Bill the training of a text; its context is not counted, as at Ask Sage."""
    content = str(read.get("content") or "")
    return _bill(demo, str(read.get("force_dataset") or ""), {Meter.TRAINING: None}, content)


def train_with_file(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    """Bill the training of a file: text by its tokens, anything else like a recorded sample of its sort."""
    match read.get("file"):
        case (str(name), bytes(body)):
            pass
        case _:
            return _refused("There was no file")
    dataset, content = str(read.get("dataset") or ""), ""
    tokens: Mapping[Meter, int | None] | None = sampled(name, body)
    if tokens is None:
        try:
            tokens, content = {Meter.TRAINING: None}, body.decode()
        except UnicodeDecodeError:
            return _refused("This type of file is not supported")
    return _bill(demo, dataset, tokens, content)


def job_status(_: Demo, __: Mapping[str, Any]) -> dict[str, Any]:
    """How far an upload in the background is: none goes on there."""
    return {"response": "There is no such job", "status": 404}


def upload_limits(_: Demo, __: Mapping[str, Any]) -> dict[str, Any]:
    """How large a file may be, and how long an upload waits before it goes on in the background."""
    return {"response": {"max_file_size_mb": 50, "sync_wait_seconds": _SYNC_WAIT_S}}


def add_dataset(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    """Remember a new dataset's name."""
    name, classification = str(read.get("dataset") or "").strip(), read.get("classification", "Unclassified")
    if not name:
        return _refused("There was no dataset")
    if classification not in ("Unclassified", "CUI"):
        return _refused("The classification must be Unclassified or CUI")
    if not demo.counters.add_dataset(name, classification):
        return _refused("There is already a dataset of that name")
    return {"response": "OK"}


def _bill(demo: Demo, dataset: str, tokens: Mapping[Meter, int | None], content: str = "") -> dict[str, Any]:
    """Debit `tokens` of each meter, and of the training meter what `content` comes to where it is None."""
    for meter in tokens:
        if demo.counters.left(meter) <= 0:
            return _refused("token limit exceeded")
    counted = count(content)
    for meter, fixed in tokens.items():
        debit = taught(counted) if fixed is None else fixed
        demo.book(meter, debit, input_tokens=counted, prompt_length=len(content))
    if dataset:
        demo.counters.add_dataset(dataset)
    return {"response": "Successfully imported", "embedding": [0.0] * _EMBEDDED}


def _refused(why: str) -> dict[str, Any]:
    return {"response": f"{why}.", "embedding": None, "status": 400}
