"""What a copy of closed months needs to know of the ledger: what to copy, and what has changed since.

The calls of a month change after its end only through new entries of their grants: a late settle, or a void
after a presume. Whoever keeps a copy notes where each chain stood, and asks later what came after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import bindparam, func, select

from ...account import Account, Kind
from ..stores.connections import Connections
from ..tables.schema import account, call, entry, grant
from .columns import columns

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


class Copying:
    """What whoever keeps a copy of an account's calls asks of the ledger, as `LedgerView.copying` gives it.

    Its methods raise what those of `LedgerView` do.
    """

    def __init__(self, store: Connections, holder: Account) -> None:
        self._store, self._holder = store, holder
        self._asked = {"host": holder.host, "holder": holder.holder}

    def columns(self, since: int | None, until: int | None, *, size: int = 65_536) -> Iterator[str]:
        """As `LedgerView.calls`, but as `columns` and in their order, for whoever need not hold all."""
        with self._store.reading(snapshot=True) as connection:
            yield from columns(connection, self._holder, since, until, size)

    def count(self, since: int, until: int, *, limit: int | None = None) -> int:
        """How many calls were sent within the bounds, open ones included; counted to `limit` a meter."""
        counted = select(func.count()).select_from(_WITHIN.limit(limit).subquery())
        within = {"since": since, "until": until}
        with self._store.reading() as connection:
            meters = connection.scalars(_METERS, self._asked).all()
            return sum(
                connection.execute(counted, {**within, "account_id": account_id}).scalar_one()
                for account_id in meters
            )

    def first_sent(self) -> int | None:
        """When the first call was sent, in microseconds UTC; None before it."""
        with self._store.reading() as connection:
            meters = connection.scalars(_METERS, self._asked).all()
            found = [connection.scalar(_FIRST, {"account_id": account_id}) for account_id in meters]
        return min((sent for sent in found if sent is not None), default=None)

    def chains(self) -> Chains:
        """Where each chain stands."""
        found: Chains = {}
        with self._store.reading(snapshot=True) as connection:
            for grant_id in connection.scalars(_GRANTS, self._asked).all():
                seq, hashed = connection.execute(_LAST, {"grant_id": grant_id}).one()
                found[grant_id] = seq, hashed.hex()
        return found

    def settled_after(self, stood: Mapping[int, tuple[int, str]], *, before: int) -> list[int] | None:
        """When the calls were sent, earlier than `before`, that a copy made when `stood` has not as they are.

        Parameters
        ----------
        stood : mapping
            As `chains` told it.
        before : int
            Microseconds UTC.

        Returns
        -------
        list of int, or None
            Microseconds UTC; None where the chains never stood so: they are another ledger's.
        """
        with self._store.reading(snapshot=True) as connection:
            for grant_id, (seq, hashed) in stood.items():
                found = connection.scalar(_HASH, {"grant_id": grant_id, "seq": seq})
                if found is None or found.hex() != hashed:
                    return None
            sent: list[int] = []
            for grant_id in connection.scalars(_GRANTS, self._asked).all():
                seq = stood[grant_id][0] if grant_id in stood else 0
                sent += connection.scalars(_SETTLED, {"grant_id": grant_id, "seq": seq, "before": before})
        return sent
