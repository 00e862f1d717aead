"""Whose figures are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...account import Account
    from ...ledger import KnownAccount


def whose(configured: Account, known: Sequence[KnownAccount], *, is_named: bool) -> Account:
    """The configured account; or the one used last, where only a notebook was told which it is.

    Parameters
    ----------
    known : sequence of KnownAccount
        The accounts of the ledger, whoever used it last first.
    is_named : bool
        Whether the server was told whose tokens to show: then nobody else's are.
    """
    accounts = [each.account for each in known]
    for account in accounts:
        if (account.host, account.holder) == (configured.host, configured.holder):
            return account  # with the zone of first contact, in which its months are
    if is_named:
        accounts = [account for account in accounts if account.holder == configured.holder]
    return accounts[0] if accounts else configured
