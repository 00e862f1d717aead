"""The options of a call, checked, as the query that the service sends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ..errors import BadInput
from .credentials import find_key
from .offering import nameless

if TYPE_CHECKING:
    from ..service import Query
    from .session import Session

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
    from ..service import Query

    settings = session.settings
    if unknown := options.keys() - Options.__annotations__.keys():
        raise BadInput(
            f"unknown option {min(unknown)!r}; allowed are {', '.join(sorted(Options.__annotations__))}"
        )
    chosen = _named(session, model)
    if not prompt.strip():
        raise BadInput("the prompt is empty: write it below the %%asksage line")
    live, reasoning, temperature = (
        options.get("live", 0),
        options.get("reasoning"),
        options.get("temperature"),
    )
    if live not in LIVE:
        raise BadInput(f"live is 0 (no web search), 1 or 2, not {live!r}")
    if reasoning is not None and reasoning not in REASONING:
        raise BadInput(f"reasoning is one of {', '.join(REASONING)}, not {reasoning!r}")
    if temperature is not None and not 0 <= temperature <= 1:
        raise BadInput(f"temperature lies between 0 and 1, not {temperature:g}")
    history = options.get("history", 0)
    if history < 0:
        raise BadInput(f"history is how many exchanges to re-send, 0 or more, not {history}")
    file = Path(given).expanduser() if (given := options.get("file")) else None
    if file is not None and not file.is_file():
        raise BadInput(f"no file {file}")
    persona, system = options.get("persona"), options.get("system")
    if system is None and persona is None:
        system = settings.system or None
    query = Query(
        prompt=prompt,
        model=chosen,
        system=system,
        persona=persona,
        dataset=options.get("dataset", "none"),
        live=live,
        temperature=temperature,
        reasoning=reasoning,
        file=file,
        history=session.history(history),
    )
    return _sure_of_its_model(session, query)


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
    chosen = model or session.settings.model
    if not chosen:
        find_key(session.account)  # where there is none either, that is what to say first
    return chosen


def _sure_of_its_model(session: Session, query: Query) -> Query:
    if not query.model:
        raise nameless(session, query)  # with what this very query would cost
    return query
