"""Uploads that go on in the background: a job is told at once, and what it took in is billed at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .demo import Demo

SYNC_WAIT_S = 20
_COURSE = ("queued", "running")  # what the first looks at a job find


@dataclass(slots=True)
class Job:
    """An upload under way.

    Attributes
    ----------
    outcome : str
        ``succeeded``, ``partial`` or ``failed``.
    bill : callable
        Debits what the outcome comes to; called once.
    looks : int
        How often it was asked for: the third time it is over.
    """

    dataset: str
    outcome: str
    bill: Callable[[], object]
    looks: int = 0
    is_billed: bool = False


def begin(demo: Demo, job: Job) -> dict[str, Any]:
    """Take an upload in, and answer before it is done."""
    job_id = f"job-{len(demo.jobs) + 1}"
    demo.jobs[job_id] = job
    return {
        "response": "The upload goes on in the background",
        "job_id": job_id,
        "embedding": "",
        "status": 202,
    }


def status(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    """How far a job is."""
    job_id = str(read.get("job_id") or "")
    job = demo.jobs.get(job_id)
    if job is None:
        return {"response": "There is no such job", "status": 404}
    state = _COURSE[job.looks] if job.looks < len(_COURSE) else job.outcome
    job.looks += 1
    if state == job.outcome and not job.is_billed:
        job.is_billed = True
        job.bill()
    return {"response": {"job_id": job_id, "status": state, "dataset": job.dataset}}


def upload_limits(_: Demo, __: Mapping[str, Any]) -> dict[str, Any]:
    """How large a file may be, and how long an upload waits before it goes on in the background."""
    return {"response": {"max_file_size_mb": 50, "sync_wait_seconds": SYNC_WAIT_S}}
