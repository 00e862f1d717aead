"""Whose key it is, beside whose tokens are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...display.notices import warn
from ...errors import ConfigurationError
from ...settings import NO_EMAIL

if TYPE_CHECKING:
    from ...account import Account


def check_holder(account: Account, email: str | None) -> None:
    """Refuse to count one person's tokens as another's; tell who counts them under no e-mail whose they are.

    Parameters
    ----------
    account : Account
    email : str or None
        Of the key's holder; None where the service does not tell.

    Raises
    ------
    ConfigurationError
        They are two people. Nothing was booked.
    """
    if email is None or account.is_demo or email.lower() == account.holder:
        return
    if account.holder.endswith(NO_EMAIL):
        warn(
            f"this key is {email}'s; its tokens are counted for {account.holder}. Set ASKSAGE_EMAIL={email} "
            "to have one account on every machine.",
            stacklevel=2,
        )
        return
    raise ConfigurationError(
        f"this key is {email}'s, and tokens are counted for {account.holder}: set ASKSAGE_EMAIL={email} (or "
        f'%config AskSage.email = "{email}"), or use the other person\'s key. Nothing was sent or booked.'
    )
