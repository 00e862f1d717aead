"""Waiting for an upload that goes on at the service."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...errors import NoRoute, ReplyLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...service import FreeService, UploadJob

_FIRST_S, _LONGEST_S, _ALL_S = 0.2, 5.0, 3600.0
_STRANGE = 3  # times that a job may be unknown, just after it was made


def over(service: FreeService, job_id: str, name: str, tell: Callable[[str], None]) -> UploadJob:
    """Look until the job is over, and `tell` how far it is; a Ctrl-C ends the waiting only.

    Returns
    -------
    UploadJob
        Its state is ``unknown`` where the service does not know it any more, and ``untold`` where the
        tenant tells nothing of jobs.

    Raises
    ------
    Refused
        The service cannot be asked now.
    ReplyLost
        It does not end.
    """
    wait_s, waited_s, strange = _FIRST_S, 0.0, 0
    while waited_s < _ALL_S:
        try:
            job = service.training_job(job_id)
        except NoRoute:
            return _untold()
        strange += job.state == "unknown"
        if job.is_over and (job.state != "unknown" or strange >= _STRANGE):
            return job
        parts = f", {job.taken_in or 0:,} of {job.in_all:,} parts" if job.in_all else ""
        tell(f"{job.state}{parts}")
        time.sleep(wait_s)
        waited_s, wait_s = waited_s + wait_s, min(_LONGEST_S, 1.5 * wait_s)
    raise ReplyLost(f"the upload of {name} (job {job_id}) is not over after an hour.")


def _untold() -> UploadJob:
    from ...service import UploadJob

    return UploadJob("untold")
