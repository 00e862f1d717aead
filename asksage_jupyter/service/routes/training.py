"""Content for datasets: what is uploaded, and what the service tells of it."""

from __future__ import annotations

from pathlib import Path

import httpx

from ...errors import BadInput, ServiceError
from ..records import Trained
from ..replies.failures import lost
from ..replies.scalars import member
from ..replies.wire import Body
from ..way.payload import JSON, encodable, file_part, json_of

_NO_DATASET = "name the dataset that the content is to go to: nothing was sent."


def request_for(client: httpx.Client, content: str, dataset: str, context: str) -> httpx.Request | BadInput:
    """The request that adds text to a dataset, or why there is none: to be raised where no text is held."""
    if not content.strip():
        return BadInput("there is no text to train: nothing was sent.")
    if not dataset.strip():
        return BadInput(_NO_DATASET)
    fields = json_of(content=content, force_dataset=dataset.strip(), context=context)
    return client.build_request("POST", "/server/train", content=fields, headers=JSON)


def request_with_file(client: httpx.Client, path: Path, dataset: str) -> httpx.Request:
    """The request that adds a file to a dataset.

    Raises
    ------
    BadInput
        The file is empty or cannot be read, or there is no dataset; nothing was sent.
    """
    if not dataset.strip():
        raise BadInput(_NO_DATASET)
    part = file_part(path)
    if not part[1]:
        raise BadInput(f"{path} is empty: nothing was sent.")
    form = {"dataset": encodable(dataset.strip())}
    return client.build_request("POST", "/server/train-with-file", data=form, files={"file": part})


def trained_in(body: Body) -> Trained | ServiceError:
    """What came of an upload."""
    # Here "Sorry, ..." stands in `response`, and no model wrote it.
    if failure := body.failure() or body.soft_failure(body.response) or body.soft_failure():
        return failure
    if not (body.get("status") or body.get("response") or body.get("embedding") or body.usage.is_told):
        return body.unreadable(body.http, what="answer to the upload")
    answer, job = body.as_answer(""), body.get("job_id") or member(body.response, "job_id")
    if 202 in (body.http, body.status) and not isinstance(job, str | int):
        return lost("Ask Sage goes on with the upload, and does not say under which name", body.http)
    return Trained(answer.tokens, answer.request_id, body.said, str(job) if job else None)
