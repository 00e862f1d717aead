"""What the account is told of itself: who it is, its limits, its log, and its requests for more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..account import Meter
from ..month import to_datetime
from .answer import PERSONAS
from .demo import Demo
from .wire import whole

# The fields of the recorded reply that nothing here fills.
_NOT_HERE = (
    "bot_settings", "company", "country", "custom_intro_prompt", "enabled_models", "force_models",
    "last_name", "organization_id", "persona_source_list", "phone", "plugin_source_list",
    "stripe_customer_id", "type",
)  # fmt: skip
_NO = (
    "cac_auth", "cac_found", "force_post_check", "is_cui_mfa_authorized", "mfa_auth", "mfa_required",
    "new_password_required",
)  # fmt: skip


def full_user(demo: Demo, _: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of the account; the real route sends secrets too, which a client must drop."""
    datasets = [
        {"dataset": name, "classification": "Unclassified", "permissions": "owner", "is_tabular": False}
        for name in demo.counters.datasets()
    ]
    known = {
        "id": 1,
        "email": demo.email,
        "first_name": "Local",
        "role": "user",
        "paid": True,
        "plan_type": "local demo",
        "max_tokens": demo.counters.limit(Meter.INFERENCE),
        "max_train_tokens": demo.counters.limit(Meter.TRAINING),
        "datasets_with_permissions": datasets,
        "token_scopes": ["query", "plugins"],
        "mfa_secret": "DECOY-NOT-A-SECRET",  # this one opens nothing
    }
    return {"response": dict.fromkeys(_NOT_HERE) | dict.fromkeys(_NO, False) | known}


def logs(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    """The prompt log, newest first."""
    before = whole(read, "before_id", 0) or None
    return {"response": demo.log(min(max(whole(read, "limit", 100), 1), 100), before)}


def personas(_: Demo, __: Mapping[str, Any]) -> dict[str, Any]:
    """Who may answer."""
    listed = [{"id": id_, "name": name, "description": text} for id_, (name, text) in PERSONAS.items()]
    return {"response": listed}


def left(demo: Demo, _: Mapping[str, Any]) -> dict[str, Any]:
    """Inference tokens left: of the account's own limit, and no more than its organisation's pool has."""
    if demo.counters.limit(Meter.INFERENCE) < 0:
        return {"response": "Internal error", "status": 500}  # no figure of a limit that is none
    return {"response": max(0, demo.left(Meter.INFERENCE))}


def request_tokens(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for more tokens this month: approved at once."""
    amount = whole(read, "requested_amount", 0)
    if amount <= 0:
        return {"response": "The requested amount must be above 0.", "status": 400}
    try:
        meter = Meter(str(read.get("token_type") or Meter.INFERENCE))
    except ValueError:
        return {"response": "token_type is inference or training.", "status": 400}
    old = demo.counters.limit(meter)
    demo.counters.set_limit(meter, old + amount, lasts=False)
    request = {
        "id": len(demo.requests) + 1,
        "requested_amount": amount,
        "allocation_at_request": old,
        "usage_at_request": demo.used(meter),
        "reason": str(read.get("reason") or ""),
        "status": "auto_approved",
        "source": "user",
        "token_type": meter.value,
        "reviewed_by": None,
        "reviewed_at": None,
        "created_at": to_datetime(demo.clock()).isoformat(),
    }
    demo.requests.insert(0, request)
    told = {"request_id": request["id"], "status": request["status"]}
    return {"response": told | {"old_tokens": old, "new_tokens": old + amount}}


def my_token_requests(demo: Demo, _: Mapping[str, Any]) -> dict[str, Any]:
    """The account's own requests, newest first."""
    return {"response": list(demo.requests)}


def users(demo: Demo, _: Mapping[str, Any]) -> dict[str, Any]:
    """The organisation as its administrator sees it: one user."""
    user = {
        "id": 1,
        "email": demo.email,
        "status": "active",
        "banned": False,
        "suspended_at": None,
        "allocation_pinned": False,
        "email_verified": "True",
        "max_tokens": demo.counters.limit(Meter.INFERENCE),
        "max_train_tokens": demo.counters.limit(Meter.TRAINING),
    }
    return {"response": [user]}
