"""Hold, ask, settle or leave open; and the functions a person calls from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily
from .api import ask as ask
from .api import balance as balance
from .api import choose_model as choose_model
from .api import compare as compare
from .api import estimate as estimate
from .api import notebook_cost as notebook_cost
from .api import set_plan as set_plan
from .api import top_up as top_up
from .api import train as train
from .kernel import accompany as accompany
from .kernel import current as current
from .kernel import dismiss as dismiss
from .kernel import forget as forget

if TYPE_CHECKING:
    from .asking.query import Options as Options
    from .asking.query import build_query as build_query
    from .asking.query import chosen_model as chosen_model
    from .asking.reply import Reply as Reply
    from .budgeting import budget as budget
    from .comparing.comparison import Comparison as Comparison
    from .holder.credentials import find_key as find_key
    from .managing.plan import overdrawn as overdrawn
    from .origins.booking import booked as booked
    from .session import Session as Session

__getattr__, __all__ = lazily(
    __name__,
    {
        ".comparing.comparison": "Comparison",
        ".asking.query": "Options build_query chosen_model",
        ".asking.reply": "Reply",
        ".session": "Session",
        ".origins.booking": "booked",
        ".budgeting": "budget",
        ".holder.credentials": "find_key",
        ".managing.plan": "overdrawn",
    },
    "accompany",
    "ask",
    "balance",
    "choose_model",
    "compare",
    "current",
    "dismiss",
    "estimate",
    "forget",
    "notebook_cost",
    "set_plan",
    "top_up",
    "train",
)
