"""Uploads that go on in the background: a job is told at once, and what it took in is billed at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from asksage_jupyter.local import training
from controlled.controls import FaultKind

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


def train_with_file(demo: Any, read: Mapping[str, Any]) -> dict[str, Any]:
    """As the demo does it; or it is taken in, and answered before it is done."""
    fault = demo.controls.take(FaultKind.BACKGROUND)
    if fault is None:
        return training.train_with_file(demo, read)

    def bill() -> None:
        """All of it, the half of it, or nothing."""
        if fault.outcome != "failed":
            demo.controls.divisor = 2 if fault.outcome == "partial" else 1
            training.train_with_file(demo, read)
            demo.controls.divisor = 1

    job_id = f"job-{len(demo.jobs) + 1}"
    demo.jobs[job_id] = Job(str(read.get("dataset") or ""), fault.outcome, bill)
    return {
        "response": "The upload goes on in the background",
        "job_id": job_id,
        "embedding": "",
        "status": 202,
    }


def status(demo: Any, read: Mapping[str, Any]) -> dict[str, Any]:
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
