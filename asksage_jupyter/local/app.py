"""The service's routes, and what those answer that need no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tornado.web import Application

from ..account import Meter
from ..tokens import count
from . import tariff
from .answer import PERSONAS, replies
from .commands import COMMANDS, Command
from .demo import Demo
from .engine import CONTEXT
from .plugins import execute_plugin, follow_up, listed
from .route import STREAM, Billed, Chunks, Exchange, Generated, Plain, Route
from .training import add_dataset, train, train_with_file
from .wire import flag, whole

# What Ask Sage's own tokenizer adds to every text.
_WRAPPER = 19


def application(demo: Demo, *, controlled: bool) -> Application:
    """The service as a Tornado application; only a `controlled` one has the routes of its controls."""
    routes: list[tuple[str, type[Route], dict[str, Any]]] = [("/user/get-token-with-api-key", Exchange, {})]
    routes += [(path, Generated, {"chunks": chunks}) for path, chunks in _GENERATED.items()]
    routes += [(path, Plain, {"answered": answered}) for path, answered in _PLAIN.items()]
    routes += [(path, Billed, {"answered": answered}) for path, answered in _BILLED.items()]
    if controlled:
        routes += [(path, Command, {"run": run}) for path, run in COMMANDS.items()]
    return Application([*routes], log_function=lambda _: None, demo=demo)


def _full_user(demo: Demo, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "response": {
            "email": demo.email,
            "max_tokens": demo.counters.limit(Meter.INFERENCE),
            "max_train_tokens": demo.counters.limit(Meter.TRAINING),
            "plan_type": "local demo",
            "force_models": None,
            "enabled_models": None,
            # The real route sends secrets too; a client must drop them. This one opens nothing.
            "mfa_secret": "DECOY-NOT-A-SECRET",
        }
    }


def _models(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    listed = {
        "id": demo.model,
        "name": demo.model,
        "object": "model",
        "created": "na",
        "owned_by": "local demo",
    }
    full = {
        "id": demo.model,
        "display_name": f"{demo.model} (local demo)",
        "aliases": [],
        "capabilities": ["chat"],
        "cui_capable": False,
        "tier": "demo",
        "vendor": "local demo",
        "limits": {"max_context": CONTEXT, "max_output": demo.output_limit},
        "paid_only": False,
        "date_added": None,
        "deprecation": None,
        "token_conversion_rate": tariff.CATALOG_RATE,
    }
    response = [full] if read.get("format") == "full" else [demo.model]
    return {"object": "list", "data": [listed], "response": response}


def _tokenizer(_: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    counted = count(str(read.get("content") or "")) + _WRAPPER
    if flag(read.get("convert_to_asksage")):
        counted = tariff.converted(counted, whole(read, "completion_estimate", 0))
    return {"response": str(counted)}


def _logs(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    before = whole(read, "before_id", 0) or None
    return {"response": demo.log(min(max(whole(read, "limit", 100), 1), 100), before)}


def _personas(_: Demo, __: Mapping[str, Any]) -> dict[str, Any]:
    listed = [{"id": id_, "name": name, "description": text} for id_, (name, text) in PERSONAS.items()]
    return {"response": listed}


def _request_tokens(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    """Approve at once: the real service may do so."""
    amount = whole(read, "requested_amount", 0)
    if amount <= 0:
        return {"response": "The requested amount must be above 0.", "status": 400}
    limit = demo.counters.limit(Meter.INFERENCE) + amount
    demo.counters.set_limit(Meter.INFERENCE, limit, lasts=demo.controls.requests_last)
    return {"response": f"Approved: {amount:,} more tokens. This month's limit is now {limit:,}."}


_GENERATED: dict[str, Callable[[Demo, Mapping[str, Any]], Chunks]] = {
    "/server/query": replies,
    STREAM: replies,
    "/server/execute-plugin": execute_plugin,
    "/server/follow-up-questions": follow_up,
}
_BILLED: dict[str, Callable[[Demo, Mapping[str, Any]], dict[str, Any]]] = {
    "/server/train": train,
    "/server/train-with-file": train_with_file,
}
_PLAIN: dict[str, Callable[[Demo, Mapping[str, Any]], dict[str, Any]]] = {
    "/user/validate_token_with_full_user": _full_user,
    "/user/get-user-logs": _logs,
    "/user/request-tokens": _request_tokens,
    "/server/get-models": _models,
    "/server/tokenizer": _tokenizer,
    "/server/get-personas": _personas,
    "/server/get-datasets": lambda demo, read: {"response": demo.counters.datasets()},
    "/server/add-dataset": add_dataset,
    "/user/add-dataset": add_dataset,  # tenants differ in the path
    "/server/get-plugins": lambda demo, read: {"response": listed()},
    "/server/count-monthly-tokens": lambda demo, read: {"response": demo.used(Meter.INFERENCE)},
    "/server/count-monthly-teach-tokens": lambda demo, read: {"response": demo.used(Meter.TRAINING)},
    "/server/count-monthly-tokens-left-with-org": lambda demo, read: {"response": demo.left(Meter.INFERENCE)},
}
