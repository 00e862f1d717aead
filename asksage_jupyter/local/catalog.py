"""The one model as the catalog lists it, and the tokenizer's prices for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..tokens import count
from . import tariff
from .demo import Demo
from .engine import CONTEXT
from .wire import flag, whole

# Names by which a query may ask for the model; the log and the reply tell the id.
ALIASES = ("local", "auto")


def models(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    """The catalog: ids, or all that is known of each."""
    full = {
        "id": demo.model,
        "display_name": f"{demo.model} (local demo)",
        "aliases": [ALIASES[0]],
        "capabilities": ["chat"],
        "cui_capable": False,
        "tier": "demo",
        "vendor": "local demo",
        "limits": {"max_context": CONTEXT, "max_output": demo.output_limit},
        "paid_only": False,
        "date_added": None,
        "deprecation": {"state": "active", "message": None, "replacement_id": None, "sunset_at": None},
        "token_conversion_rate": tariff.CATALOG_RATE,
    }
    listed = {
        "id": demo.model,
        "name": demo.model,
        "object": "model",
        "created": "na",
        "owned_by": "local demo",
    }
    if read.get("format") == "full":
        return {"object": "list", "data": [full | listed], "response": [full]}
    return {"object": "list", "data": [listed], "response": [demo.model]}


def tokenizer(_: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    """A text's tokens, or their price; all fields of the request are counted, as they are at Ask Sage."""
    if not read.get("content"):
        return {"response": "No content", "status": 400}
    counted = count(json.dumps(dict(read), default=str))
    if flag(read.get("convert_to_asksage")):
        counted = tariff.billed(counted, whole(read, "completion_estimate", 0))
    return {"response": str(counted)}
