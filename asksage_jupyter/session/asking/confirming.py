"""A question before what costs much is sent; where nobody can answer it, a refusal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ...account import Meter
from ...errors import NeedsConfirmation
from .. import given

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..session import Session

OFF = "off"


def _nobody(question: str) -> bool:
    return False


_ask: Callable[[str], bool] = _nobody


def answer_by(ask: Callable[[str], bool] | None) -> None:
    """Let `ask` put questions to the person from now on, as a front end can; without one, nobody answers."""
    global _ask
    _ask = _nobody if ask is None else ask


def confirm(session: Session, tokens: int, how: str, *, usual: str = OFF) -> None:
    """Ask the person, where an estimate is above ``AskSage.confirm_above``.

    Parameters
    ----------
    tokens : int
        The estimate.
    how : str
        What confirms it beforehand.
    usual : str
        Above what is asked where the setting says nothing.

    Raises
    ------
    NeedsConfirmation
        They said no, or nobody can be asked; nothing was sent.
    """
    above = session.settings.confirm_above or usual
    if above == OFF or (limit := _limit(session, above)) is None or tokens <= limit:
        return
    why = f"{above} of what is left" if above.endswith("%") else "AskSage.confirm_above"
    question = f"About {tokens:,} tokens, which is above {why} ({limit:,}). Send it? [y/N] "
    # Only the cell's own thread reaches its front end.
    if threading.current_thread() is threading.main_thread() and _ask(question):
        return
    raise NeedsConfirmation(tokens, limit, how)


def _limit(session: Session, above: str) -> int | None:
    """The tokens above which is asked; None where a share is of what nobody knows."""
    if not above.endswith("%"):
        return given.figure(above)
    balance = session.ledger.balance(session.account)  # whatever an envelope bounds
    left = balance.of(Meter.INFERENCE).spendable
    return None if left is None else int(max(0, left) * float(above[:-1]) / 100)
