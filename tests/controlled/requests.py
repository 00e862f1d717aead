"""Requests for more tokens that wait for somebody, or that last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asksage_jupyter.account import Meter
from asksage_jupyter.local import person
from asksage_jupyter.month import to_datetime


def request_tokens(demo: Any, read: Mapping[str, Any]) -> dict[str, Any]:
    """As the demo approves it; or it waits, and the limit stays."""
    if any(request["status"] == "pending" for request in demo.requests):
        return {"response": "A request is pending.", "status": 400}
    answered = person.request_tokens(demo, read)
    if "status" in answered:
        return answered
    told, request = answered["response"], demo.requests[0]
    meter = Meter(request["token_type"])
    if demo.controls.requests_wait:
        demo.counters.set_limit(meter, told["old_tokens"], lasts=False)
        request["status"] = "pending"
        told |= {"status": "pending", "new_tokens": told["old_tokens"]}
    elif demo.controls.requests_last:
        demo.counters.set_limit(meter, told["new_tokens"], lasts=True)
    return answered


def decide(demo: Any, approved: bool) -> None:
    """Somebody decides on the request that waits."""
    for request in demo.requests:
        if request["status"] == "pending":
            request["status"] = "approved" if approved else "denied"
            request["reviewed_by"] = "the administrator"
            request["reviewed_at"] = to_datetime(demo.clock()).isoformat()
            if approved:
                meter = Meter(request["token_type"])
                limit = demo.counters.limit(meter) + request["requested_amount"]
                demo.counters.set_limit(meter, limit, lasts=demo.controls.requests_last)
