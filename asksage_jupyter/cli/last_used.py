"""Whose figures a terminal shows where it is told of nobody: the account used last, as the sidebar does."""

from __future__ import annotations

from ..account import Balance
from ..errors import LedgerMissing, NoKey
from ..server.views.whose import whose
from ..session import current, find_key
from ..settings import AskSage


def follow_last_used() -> bool:
    """Let the settings be those of the account used last, where there is neither an e-mail nor a key.

    Returns
    -------
    bool
        Whether they are now: then only what the ledger knows can be told, unless a keyring has its key.
    """
    from ..ledger import LedgerView

    settings = AskSage.instance()
    if settings.email or _has_key():
        return False
    view = LedgerView(settings.ledger, timeout_s=settings.ledger_timeout_s)
    try:
        found = whose(settings.account, view.accounts(), is_named=False)
    except LedgerMissing:
        return False
    finally:
        view.close()
    if found.holder == settings.account.holder and found.host == settings.account.host:
        return False
    if found.host != settings.account.host:
        settings.url = "http://localhost" if found.host == "localhost" else f"https://{found.host}"
    settings.email = found.holder
    return True


def balance() -> Balance:
    """What is left, asked for where it can be; of the account used last, at least as the ledger has it."""
    is_last = follow_last_used()
    session = current()
    try:
        return session.balance()
    except NoKey:
        if not is_last:
            raise
        return session.ledger.balance(session.account)


def _has_key() -> bool:
    try:
        find_key(AskSage.instance().account)
    except NoKey:
        return False
    return True
