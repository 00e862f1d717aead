"""Hold, ask, settle or leave open; and the functions a person calls from Python."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Unpack

from ..settings import AskSage
from .credentials import find_key
from .query import Options, build_query
from .reply import Reply
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..account import Balance
    from ..rates import Estimate

__all__ = [
    "Options",
    "Reply",
    "Session",
    "ask",
    "balance",
    "build_query",
    "current",
    "estimate",
    "find_key",
    "forget",
    "set_plan",
]

_lock = threading.Lock()
_current: tuple[tuple[object, ...], Session] | None = None


def current() -> Session:
    """The session of this kernel; a new one after a setting changed that it was made from."""
    global _current
    settings = AskSage.instance()
    made_from = (settings.account, settings.url, settings.ca_bundle, settings.ledger, settings.timeout_s)
    with _lock:
        if _current is None or _current[0] != made_from:
            _close()
            _current = made_from, Session(settings)
        return _current[1]


def forget() -> None:
    """Close this kernel's session; the next use makes a new one."""
    with _lock:
        _close()


def _close() -> None:
    global _current
    if _current is not None:
        _current[1].close()
        _current = None


def ask(
    prompt: str,
    *,
    model: str | None = None,
    max_tokens: int | None = None,
    on_text: Callable[[str], None] | None = None,
    **options: Unpack[Options],
) -> Reply:
    """Send a prompt to a model; hold its estimate first, debit what was billed.

    Parameters
    ----------
    prompt : str
    model : str, optional
        An exact model id; ``AskSage.model`` when absent.
    max_tokens : int, optional
        Refuse when the estimate is above this many Ask Sage tokens.
    on_text : callable, optional
        Called with the whole text so far while the reply arrives.
    **options
        system, persona, dataset, live, temperature, reasoning, history, file: see `Options`.

    Returns
    -------
    Reply
        ``.text``, ``.tokens`` (debited), ``.source``, ``.balance`` and ``.receipt``.

    Raises
    ------
    NotEnoughTokens, OverLimit, BadInput, NoKey
        Nothing was sent.
    Refused
        Certainly not billed; the hold is voided.
    ReplyLost, Interrupted
        The hold stays open until the bill is known.
    """
    session = current()
    return session.ask(build_query(session, prompt, model, options), limit=max_tokens, on_text=on_text)


def estimate(prompt: str, model: str | None = None, **options: Unpack[Options]) -> Estimate:
    """Price a prompt; nothing is sent to a model and nothing is debited.

    Parameters
    ----------
    prompt, model, **options
        As of `ask`.

    Returns
    -------
    Estimate
        ``.low``, ``.expected``, ``.high`` in Ask Sage tokens, and the ``.parts`` they are made of.
    """
    session = current()
    return session.estimate(build_query(session, prompt, model, options))


def balance() -> Balance:
    """What is left on both meters: ``.inference`` and ``.training``.

    Each has ``.granted``, ``.used``, ``.held``, ``.remaining``, ``.source`` and ``.as_of``. At first contact
    with an account the service is asked what it has; later the ledger answers.
    """
    return current().balance()


def set_plan(inference: int | None = None, training: int | None = None) -> Balance:
    """Tell the monthly allotments where the service does not, from this month on; returns the new balance."""
    return current().set_plan(inference, training)
