"""Models to choose from, where a person named none: the cheapest, the one used most, the largest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ...errors import AskSageError, BadInput, NotReached

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...service import ModelInfo, Query
    from ..session import Session

_LOOK_BACK = 90 * 24 * 3600 * 1_000_000
_INPUT, _REPLY = 50, 300  # model tokens of an ordinary question, to order models by what it costs


class Offer(NamedTuple):
    """A model, why it is offered, and what the prompt would cost there; None where that is not known."""

    model: str
    why: str
    tokens: int | None

    def __str__(self) -> str:
        price = "" if self.tokens is None else f", about {self.tokens:,} tokens"
        return f"{self.model} ({self.why}{price})"


def nameless(session: Session, query: Query | None) -> BadInput:
    """What to say where neither the call nor a setting names a model.

    Parameters
    ----------
    query : Query or None
        Priced with each model that is offered; its own model does not matter. None prices nothing.

    Raises
    ------
    NotReached, BadKey
        The service cannot be asked for its models.
    """
    from .shares import shares

    models = session.models()
    parts = shares(query) if query else None
    found = session.asking(lambda _: offers(session, models, parts))
    if not found:
        return BadInput("name a model: your tenant lists none", "model")
    return BadInput(
        f"no model is named here or set. {'This prompt would go to' if query else 'Choose'} "
        f"{', '.join(map(str, found[:-1]))}{' or ' * (len(found) > 1)}{found[-1]}. Set one with "
        f'%config AskSage.model = "{found[0].model}" (or ASKSAGE_MODEL), and run this again; '
        f"%asksage models lists all {len(models)}.",
        "model",
    )


def offers(session: Session, models: Sequence[ModelInfo], parts: Mapping[str, int] | None) -> list[Offer]:
    """At most three of `models`, each once."""
    current = [model for model in models if model.deprecated is None] or list(models)
    priced = sorted((model for model in current if _cost(model)), key=_cost)
    chosen: dict[str, str] = {}
    if priced:
        chosen[priced[0].id] = "the cheapest"
    if used := _most_used(session, {model.id for model in models}):
        chosen.setdefault(used, "the one you used most")
    if large := max(priced, key=lambda model: (model.max_context or 0, _cost(model)), default=None):
        chosen.setdefault(large.id, "the largest")
    for model in [*priced[len(priced) // 2 :], *current]:
        if len(chosen) < 3:
            chosen.setdefault(model.id, "another")
    return [
        Offer(model, why, None if parts is None else _price(session, model, parts))
        for model, why in chosen.items()
    ]


def cheapest(models: Sequence[ModelInfo]) -> str | None:
    """The model whose listed rates are the lowest; None where no rates are listed."""
    current = [model for model in models if model.deprecated is None and _cost(model)]
    return min(current, key=_cost).id if current else None


def _cost(model: ModelInfo) -> float:
    """By the catalog, which is not what is billed, but orders models about as bills do; 0 where not told."""
    if model.prompt_rate is None or model.completion_rate is None:
        return 0.0
    return _INPUT * model.prompt_rate + _REPLY * model.completion_rate


def _most_used(session: Session, offered: set[str]) -> str | None:
    from ...ledger import CALL_COLUMNS

    name = CALL_COLUMNS.index("model")
    calls = session.ledger.calls(session.account, since=session.clock() - _LOOK_BACK)
    used = Counter(call[name] for call in calls if call[name] in offered)
    return used.most_common(1)[0][0] if used else None


def _price(session: Session, model: str, parts: Mapping[str, int]) -> int | None:
    try:
        return session.pricing.estimate(model, parts).expected
    except NotReached:
        raise
    except AskSageError:
        return None
