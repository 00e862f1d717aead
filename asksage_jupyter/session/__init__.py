"""Hold, ask, settle or leave open; and the functions a person calls from Python."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .api import ask, balance, choose_model, compare, estimate, set_plan, top_up, train
from .kernel import accompany, current, dismiss, forget

if TYPE_CHECKING:
    from .asking.query import Options as Options
    from .asking.query import build_query as build_query
    from .asking.query import chosen_model as chosen_model
    from .asking.reply import Reply as Reply
    from .booking import booked as booked
    from .comparing.comparison import Comparison as Comparison
    from .holder.credentials import find_key as find_key
    from .managing.plan import overdrawn as overdrawn
    from .session import Session as Session

# Imported when first asked for: `%load_ext` needs none of them.
_HOMES = {
    "Comparison": ".comparing.comparison",
    "Options": ".asking.query",
    "Reply": ".asking.reply",
    "Session": ".session",
    "booked": ".booking",
    "build_query": ".asking.query",
    "chosen_model": ".asking.query",
    "find_key": ".holder.credentials",
    "overdrawn": ".managing.plan",
}
__all__ = [
    "Comparison",
    "Options",
    "Reply",
    "Session",
    "accompany",
    "ask",
    "balance",
    "booked",
    "build_query",
    "choose_model",
    "chosen_model",
    "compare",
    "current",
    "dismiss",
    "estimate",
    "find_key",
    "forget",
    "overdrawn",
    "set_plan",
    "top_up",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
