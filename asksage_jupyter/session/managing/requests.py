"""Asking the organisation for more tokens, and what became of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...account import Meter
from ...beside import read, write
from ...errors import AskSageError
from ..asking.shortage import follow_limit

if TYPE_CHECKING:
    from pathlib import Path

    from ...account import Account
    from ...service import TokenRequest
    from ..session import Session

_FILE = "requests.json"
_WORDS = {"auto_approved": "approved at once"}


@dataclass(frozen=True, slots=True)
class Requested:
    """A request for tokens and what came of it.

    Attributes
    ----------
    request : TokenRequest
    plan : tuple of (int, int) or None
        The plan before and now, where it changed.
    """

    request: TokenRequest
    plan: tuple[int, int] | None = None

    def __str__(self) -> str:
        asked, plan = self.request, self.plan
        state = _WORDS.get(asked.state, asked.state)
        words = f"{asked.tokens:,} {asked.meter} tokens asked for{f': {state}' if state else ''}"
        if asked.asked_at:
            words += f" (asked {asked.asked_at[:10]})"
        if plan:
            words += f"; the plan is {plan[1]:,} a month now, was {plan[0]:,}"
        elif asked.is_pending:
            words += "; %asksage request tells what becomes of it"
        return f"{words}. {asked.said}".rstrip() if asked.said else f"{words}."


def request_tokens(
    session: Session, tokens: int, reason: str = "", meter: Meter = Meter.INFERENCE
) -> Requested:
    """Ask for `tokens` more; an approved request changes the plan at once.

    Raises
    ------
    BadInput
        What cannot be asked for; nothing was sent.
    Refused
        One is pending, or was denied too short a time ago.
    ReplyLost
        The request may have arrived; it is not sent again.
    """
    session.make_contact()
    asked = session.service.request_tokens(tokens, reason, meter)
    plan = _followed(session, meter, asked.after) if asked.is_approved else None
    if asked.is_pending:
        _keep(session, [asked, *pending(session.ledger.folder, session.account)])
    return Requested(asked, plan)


def token_requests(session: Session) -> list[Requested]:
    """The account's own requests, newest first; a limit that rose by them is the plan from now on.

    Raises
    ------
    Refused
        The tenant does not tell them.
    """
    session.make_contact()
    asked = session.service.token_requests()
    _keep(session, [each for each in asked if each.is_pending])
    plans = {
        meter: _followed(session, meter, None)
        for meter in Meter
        if any(each.is_approved and each.meter == meter for each in asked)
    }
    listed = []
    for each in asked:
        # Told beside the newest one that can have changed it.
        plan = plans.pop(Meter(each.meter), None) if each.is_approved else None
        listed.append(Requested(each, plan))
    return listed


def pending(folder: Path, account: Account) -> list[TokenRequest]:
    """The requests that nobody had decided on when they were last asked about; nobody is asked now.

    Parameters
    ----------
    folder : Path
        The ledger's.
    """
    from ...service import TokenRequest

    found = []
    rows = _kept(folder).get(_name(account))
    for each in rows if isinstance(rows, list) else []:
        match each:
            case {"tokens": int(tokens), "meter": str(meter), "state": str(state)}:
                found.append(TokenRequest(tokens, meter, state))
    return found


def look_again(session: Session) -> None:
    """Ask what became of the requests that wait, if any do; where that is not told, they wait on."""
    if pending(session.ledger.folder, session.account):
        with suppress(AskSageError):
            token_requests(session)


def _followed(session: Session, meter: Meter, told: int | None) -> tuple[int, int] | None:
    """The plan before and now: by the service's limit, else by what the approval told."""
    if (plan := follow_limit(session, meter)) is not None:
        return plan
    ledger, account = session.ledger, session.account
    before = ledger.month(account, meter).granted
    if told is None or told <= before or ledger.pool_of(account, meter) is not None:
        return None
    ledger.set_plan(account, meter, told, source="the service's approval of a request")
    return before, told


def _keep(session: Session, asked: list[TokenRequest]) -> None:
    """For the sidebar, which asks nobody; a file that cannot be written costs only that line there."""
    folder = session.ledger.folder
    rows = [{"tokens": each.tokens, "meter": each.meter, "state": each.state} for each in asked]
    kept = {**_kept(folder), _name(session.account): rows}
    with suppress(OSError):
        write(folder / _FILE, kept)


def _kept(folder: Path) -> dict[str, Any]:
    kept = read(folder / _FILE)
    return kept if isinstance(kept, dict) else {}


def _name(account: Account) -> str:
    return f"{account.holder} at {account.host}"
