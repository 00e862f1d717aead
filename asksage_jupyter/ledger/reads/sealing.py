"""What a copy of closed months needs to know of the ledger: what to copy, and what has changed since.

The calls of a month change after its end only through new entries of their grants: a late settle, or a void
after a presume. Whoever keeps a copy notes where each chain stood, and asks later what came after.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, func, select

from ...account import Account, Kind
from ..tables.schema import account, call, entry, grant

Chains = dict[int, tuple[int, str]]
"""The last entry of each grant: its sequence number, and its hash in hex."""

_OF = (account.c.host == bindparam("host"), account.c.holder == bindparam("holder"))
_GRANTS = select(grant.c.id).join(account, account.c.id == grant.c.account_id).where(*_OF)
_LAST = (
    select(entry.c.seq, entry.c.hash)
    .where(entry.c.grant_id == bindparam("grant_id"))
    .order_by(entry.c.seq.desc())
    .limit(1)
)
_HASH = select(entry.c.hash).where(entry.c.grant_id == bindparam("grant_id"), entry.c.seq == bindparam("seq"))
_SETTLED = (
    select(call.c.sent_at)
    .join(entry, entry.c.op == call.c.op)
    .where(
        entry.c.grant_id == bindparam("grant_id"),
        entry.c.seq > bindparam("seq"),
        entry.c.kind.in_([Kind.SETTLE.value, Kind.PRESUME.value]),
        call.c.sent_at < bindparam("before"),
    )
)
_METERS = select(account.c.id).where(*_OF)
_FIRST = select(func.min(call.c.sent_at)).where(call.c.account_id == bindparam("account_id"))
_WITHIN = select(call.c.op).where(
    call.c.account_id == bindparam("account_id"),
    call.c.sent_at >= bindparam("since"),
    call.c.sent_at < bindparam("until"),
)


def chains(connection: Connection, holder: Account) -> Chains:
    """Where each chain of an account stands."""
    found: Chains = {}
    for grant_id in connection.scalars(_GRANTS, _asked(holder)).all():
        seq, hashed = connection.execute(_LAST, {"grant_id": grant_id}).one()
        found[grant_id] = seq, hashed.hex()
    return found


def settled_after(
    connection: Connection, holder: Account, stood: Mapping[int, tuple[int, str]], before: int
) -> list[int] | None:
    """When the calls were sent, earlier than `before`, whose bill came after the chains stood so.

    Returns
    -------
    list of int, or None
        Microseconds UTC; None where the chains never stood so: they are another ledger's.
    """
    for grant_id, (seq, hashed) in stood.items():
        found = connection.scalar(_HASH, {"grant_id": grant_id, "seq": seq})
        if found is None or found.hex() != hashed:
            return None
    sent: list[int] = []
    for grant_id in connection.scalars(_GRANTS, _asked(holder)).all():
        seq = stood[grant_id][0] if grant_id in stood else 0
        sent += connection.scalars(_SETTLED, {"grant_id": grant_id, "seq": seq, "before": before})
    return sent


def first_sent(connection: Connection, holder: Account) -> int | None:
    """When the first call was sent, in microseconds UTC; None before it."""
    meters = connection.scalars(_METERS, _asked(holder)).all()
    found = [connection.scalar(_FIRST, {"account_id": account_id}) for account_id in meters]
    return min((sent for sent in found if sent is not None), default=None)


def count_calls(
    connection: Connection, holder: Account, since: int, until: int, limit: int | None = None
) -> int:
    """How many calls were sent within the bounds, open ones included; counted to `limit` at most a meter."""
    counted = select(func.count()).select_from(_WITHIN.limit(limit).subquery())
    asked = {"since": since, "until": until}
    meters = connection.scalars(_METERS, _asked(holder)).all()
    return sum(
        connection.execute(counted, {**asked, "account_id": account_id}).scalar_one() for account_id in meters
    )


def _asked(holder: Account) -> dict[str, str]:
    return {"host": holder.host, "holder": holder.holder}
