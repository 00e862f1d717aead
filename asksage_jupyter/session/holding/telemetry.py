"""Each call with its bill as a span and metrics of OpenTelemetry, by its conventions for generative AI.

Only where the person's own program has loaded OpenTelemetry, as whoever configures a provider must: nothing
is imported here otherwise. Never a prompt, a reply or a key.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...account import Meter, Status

if TYPE_CHECKING:
    from ...account import Bill, Call

_SCOPE = "asksage_jupyter"
_PORTS = {"https": 443, "http": 80}
# Those that the conventions advise.
_TOKEN_BOUNDS = [4**power for power in range(14)]
_SECOND_BOUNDS = [0.01 * 2**power for power in range(14)]


def tell(call: Call, bill: Bill, url: str) -> None:
    """Tell of a call and its bill, to whatever provider is configured; nothing fails for it."""
    if "opentelemetry" in sys.modules:
        with suppress(Exception):
            _tell(call, bill, url)


def _tell(call: Call, bill: Bill, url: str) -> None:
    from ...service.way.address import base_url

    server = urlsplit(base_url(url))
    asked: dict[str, Any] = {
        "gen_ai.operation.name": _operation(call),
        "gen_ai.provider.name": "asksage",
        "gen_ai.request.model": call.model,
        "gen_ai.response.model": bill.model or call.model,
        "server.address": server.hostname,
        "server.port": server.port or _PORTS[server.scheme],
    }
    failed = {} if bill.status is Status.OK else {"error.type": str(bill.status)}
    _span(call, bill, asked, failed)
    by_tokens, by_time = _instruments()
    for kind, tokens in (("input", bill.input_tokens), ("output", bill.output_tokens)):
        if tokens is not None:
            by_tokens.record(tokens, asked | {"gen_ai.token.type": kind})
    if bill.duration_ms is not None:
        by_time.record(bill.duration_ms / 1_000, asked | failed)


def _span(call: Call, bill: Bill, asked: dict[str, Any], failed: dict[str, str]) -> None:
    from opentelemetry.trace import SpanKind, get_tracer
    from opentelemetry.trace.status import StatusCode

    told = {
        "gen_ai.usage.input_tokens": bill.input_tokens,
        "gen_ai.usage.output_tokens": bill.output_tokens,
        "gen_ai.response.id": bill.request_id,
        "asksage.meter": str(call.meter),
        "asksage.tokens": bill.tokens,
        "asksage.tokens.source": str(bill.source),
        "asksage.tokens.estimate": call.estimate,
        "asksage.project": call.project,
    }
    span = get_tracer(_SCOPE).start_span(
        f"{asked['gen_ai.operation.name']} {call.model}",
        kind=SpanKind.CLIENT,
        attributes=asked | failed | {name: value for name, value in told.items() if value is not None},
        start_time=call.sent_at * 1_000,
    )
    if failed:
        span.set_status(StatusCode.ERROR)
    took_ms = bill.duration_ms
    span.end(None if took_ms is None else call.sent_at * 1_000 + took_ms * 1_000_000)


def _operation(call: Call) -> str:
    """In the conventions' words, where they have one."""
    if call.meter is Meter.INFERENCE:
        return "chat"
    return "train" if call.model.startswith("train:") else "embeddings"


@cache
def _instruments() -> tuple[Any, Any]:
    """Of model tokens, and of seconds."""
    from opentelemetry.metrics import get_meter

    meter = get_meter(_SCOPE)
    return (
        meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Model tokens read and written.",
            explicit_bucket_boundaries_advisory=_TOKEN_BOUNDS,
        ),
        meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="From sending to the end of the reply.",
            explicit_bucket_boundaries_advisory=_SECOND_BOUNDS,
        ),
    )
