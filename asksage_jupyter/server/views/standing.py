"""How the account stands now: both meters, calls without a bill, what is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import month
from ...errors import AskSageError, LedgerMissing
from ...session import endpoints
from ...session.managing.requests import pending
from ..wire import figures
from ..wire.status import status, without
from ..wire.warning import warning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...account import Account, Balance
    from ...forecast import Pace
    from ...session.holder.access import Noted
    from ..wire.figures import Wire
    from .account_view import AccountView

    CanCheck = Callable[[Account], bool]


def standing(
    view: AccountView,
    balance: Balance,
    can_check: CanCheck,
    checked_at: int | None,
    now: int,
    noted: Noted | None,
) -> Wire:
    """What a readable ledger tells of a balance's account.

    Parameters
    ----------
    can_check : callable
        Whether there is a key to compare an account with the service.
    checked_at : int or None
        When it was compared last, in microseconds UTC.
    noted : Noted or None
        What stands between the account and the service.
    """
    ledger, account = view.ledger, balance.account
    paces = [view.pace(balance, each.meter, now) for each in balance.meters]
    period = figures.period(now, account.zone)
    return {
        "state": "known" if balance.is_known else "unknown",
        "trouble": None,
        "account": figures.holder(balance),
        "period": period,
        "meters": _meters(view, balance, paces, now, noted, period["key"]),
        "open": figures.opened(ledger.open_calls(account)),
        "last_call": next(iter(view.calls(ledger.recent(account, limit=1), account, now)), None),
        "checked_at": None if checked_at is None else figures.instant(checked_at),
        "can_check": can_check(account),
        "now": figures.instant(now),
        "at": month.moment(now, account.zone),
        "reset": balance.resets_words(now),
        "age": _age(balance, checked_at, now),
        "sources": balance.sources,
        "status": status(balance, paces[0], noted, now),
        "access": figures.access(noted),
        "endpoints": [figures.endpoint(each) for each in endpoints.running(view.folder, account)],
    }


def _meters(
    view: AccountView,
    balance: Balance,
    paces: Sequence[Pace | None],
    now: int,
    noted: Noted | None,
    period: str,
) -> list[Wire]:
    """Both meters; before first contact none, where something stands in its way."""
    meters, zone = balance.meters, balance.account.zone
    if noted is not None and not balance.is_known and not any(each.used or each.held for each in meters):
        return []
    requests = pending(view.folder, balance.account)
    return [
        figures.meter(
            each,
            pace,
            zone,
            asked_for=sum(asked.tokens for asked in requests if asked.meter == each.meter),
            may_tell=noted is None,
        )
        | {"warning": warning(balance, each, pace, now, period)}
        for each, pace in zip(meters, paces, strict=True)
    ]


def no_standing(error: AskSageError, now: int, noted: Noted | None, *, can_check: bool) -> Wire:
    """The same where there is no ledger, or none that can be read: that is a state too."""
    trouble = None if isinstance(error, LedgerMissing) else str(error)
    return {
        "state": "trouble" if trouble else "no-ledger",
        "trouble": trouble,
        "account": None,
        "period": None,
        "meters": [],
        "open": figures.opened([]),
        "last_call": None,
        "checked_at": None,
        "can_check": can_check,
        "now": figures.instant(now),
        "at": month.moment(now),
        "reset": "",
        "age": "",
        "sources": "",
        "status": without(trouble, noted),
        "access": figures.access(noted),
        "endpoints": [],
    }


def _age(balance: Balance, checked_at: int | None, now: int) -> str:
    """How old the figures are: since they were compared with the service, or changed."""
    if checked_at is not None:
        return f"Checked {month.moment(checked_at, balance.account.zone, now)}"
    return balance.changed_words(now) or "Not compared with the service yet"
