"""The options of a call, checked, as the query that the service sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from ...display.plain import shown
from ...errors import BadInput
from .. import given
from ..holder.credentials import find_key
from .offering import nameless

if TYPE_CHECKING:
    from pathlib import Path

    from ...service import Query
    from ..session import Session

REASONING = ("low", "medium", "high")
LIVE = (0, 1, 2)


class Options(TypedDict, total=False):
    """What may be said of a call beside its prompt and model.

    ``system`` : str, the system prompt. ``persona`` : int, a persona's id. ``dataset`` : str, ``"none"``
    unless given. ``live`` : 0, 1 or 2, web search. ``temperature`` : float, 0 to 1. ``reasoning`` :
    ``"low"``, ``"medium"`` or ``"high"``. ``history`` : int, previous exchanges to re-send. ``file`` : path
    of a file to send along.
    """

    system: str | None
    persona: int | None
    dataset: str
    live: int
    temperature: float | None
    reasoning: str | None
    history: int
    file: str | Path | None


def build_query(session: Session, prompt: str, model: str | None, options: Options) -> Query:
    """The query that `options` describe, checked.

    Raises
    ------
    BadInput
        A value that is not allowed; the message says which are.
    NoKey
        Neither a model is named nor a key there.
    """
    from ...service import Query

    settings = session.settings
    if unknown := options.keys() - Options.__annotations__.keys():
        raise BadInput(
            f"unknown option {shown(min(unknown))}; allowed are {', '.join(sorted(Options.__annotations__))}"
        )
    chosen = _named(session, model)
    prompt = given.text(prompt, "the prompt")
    if not prompt.strip():
        raise BadInput("the prompt is empty: write it below the %%asksage line")
    told = {name: value for name, value in options.items() if value is not None}
    system = given.text(told["system"], "system") if "system" in told else None
    persona = given.whole(told["persona"], "persona") if "persona" in told else None
    if system is None and persona is None:
        system = settings.system or None
    query = Query(
        prompt=prompt,
        model=chosen,
        system=system,
        persona=persona,
        dataset=given.text(told.get("dataset", "none"), "dataset"),
        live=_live(told.get("live", 0)),
        temperature=_temperature(told["temperature"]) if "temperature" in told else None,
        reasoning=_reasoning(told["reasoning"]) if "reasoning" in told else None,
        file=given.file(told["file"], "file") if _is_told(told.get("file")) else None,
        history=session.history(given.whole(told.get("history", 0), "history")),
    )
    return _sure_of_its_model(session, query)


def limit_of(max_tokens: object) -> int | None:
    """The person's own limit for a call.

    Raises
    ------
    BadInput
    """
    return None if max_tokens is None else given.whole(max_tokens, "max_tokens")


def _is_told(file: object) -> bool:
    return file is not None and not (isinstance(file, str) and not file)


def _live(value: object) -> int:
    number = given.whole(value, "live")
    if number not in LIVE:
        raise BadInput(f"live is 0 (no web search), 1 or 2, not {number}", "live")
    return number


def _temperature(value: object) -> float:
    number = given.real(value, "temperature")
    if not 0 <= number <= 1:
        raise BadInput(f"temperature lies between 0 and 1, not {number:g}", "temperature")
    return number


def _reasoning(value: object) -> str:
    return given.one_of(given.text(value, "reasoning"), REASONING, "reasoning")


def chosen_model(session: Session, model: str | None) -> str:
    """`model`, else the setting's.

    Raises
    ------
    BadInput, NoKey
        As of `build_query`.
    """
    if chosen := _named(session, model):
        return chosen
    raise nameless(session, None)


def _named(session: Session, model: str | None) -> str:
    """`model`, else the setting's; empty where neither names one, and there is a key to ask for them with."""
    chosen = session.settings.model if model is None else given.text(model, "the model")
    chosen = chosen or session.settings.model
    if not chosen:
        find_key(session.account)  # where there is none either, that is what to say first
    return chosen


def _sure_of_its_model(session: Session, query: Query) -> Query:
    if not query.model:
        raise nameless(session, query)  # with what this very query would cost
    return query
