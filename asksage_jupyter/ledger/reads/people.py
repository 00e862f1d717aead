"""Whose tokens a ledger counts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from ...account import Account
from ..tables.reading import is_persons
from ..tables.schema import account, call


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account of the ledger.

    Attributes
    ----------
    account : Account
        With the zone of first contact.
    last_used : int or None
        When its newest call was sent, in microseconds UTC; None before the first.
    """

    account: Account
    last_used: int | None


_NEWEST = select(func.max(call.c.sent_at)).where(call.c.account_id == account.c.id).scalar_subquery()
_KNOWN = (
    select(account.c.host, account.c.holder, func.min(account.c.zone), func.max(_NEWEST).label("newest"))
    .where(is_persons(account))
    .group_by(account.c.host, account.c.holder)
    .order_by(func.max(_NEWEST).desc().nulls_last(), account.c.host, account.c.holder)
)


_ZONE = select(func.min(account.c.zone)).where(
    account.c.host == bindparam("host"), account.c.holder == bindparam("holder")
)


def zone_of(connection: Connection, holder: Account) -> str | None:
    """The zone of an account's first contact; None before it."""
    zone: str | None = connection.scalar(_ZONE, {"host": holder.host, "holder": holder.holder})
    return zone


def known_accounts(connection: Connection) -> list[KnownAccount]:
    """All people of the ledger, and no pools; whoever sent a call last first."""
    return [
        KnownAccount(Account(host, holder, zone), newest)
        for host, holder, zone, newest in connection.execute(_KNOWN)
    ]
