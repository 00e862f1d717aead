"""Whose turn it is: on a server, a move locks its accounts before it reads them.

Safety is in the keys and checks, which refuse whoever read what is stale by then; the turn only spares
them the second try. Several accounts are locked in the order of their ids: no two moves wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Select, bindparam, select

from ...account import Account
from ..tables.prepared import Prepared
from ..tables.schema import account, call, member

Of = Account | Sequence[str]
"""An account, or the ops of calls."""

_mine = account.alias("mine")


def _with_pools(accounts: Select[tuple[int]]) -> Select[tuple[int]]:
    """Lock accounts and the pools they ever spent from: a late bill may belong to one that was left."""
    pools = select(member.c.pool_id).where(member.c.account_id.in_(accounts), member.c.pool_id.is_not(None))
    wanted = account.c.id.in_(accounts) | account.c.id.in_(pools)
    return select(account.c.id).where(wanted).order_by(account.c.id).with_for_update()


_OF_HOLDER = Prepared(
    _with_pools(
        select(_mine.c.id).where(_mine.c.host == bindparam("host"), _mine.c.holder == bindparam("holder"))
    )
)
_OF_CALL = Prepared(_with_pools(select(call.c.account_id).where(call.c.op == bindparam("op"))))
_OF_CALLS = _with_pools(select(call.c.account_id).where(call.c.op.in_(bindparam("ops", expanding=True))))


def take_turn(connection: Connection, of: Of) -> None:
    """Wait until no other move is writing to these accounts; until the transaction ends none will."""
    if isinstance(of, Account):
        _OF_HOLDER.run(connection, {"host": of.host, "holder": of.holder})
    elif len(of) == 1:
        _OF_CALL.run(connection, {"op": of[0]})
    elif of:
        connection.execute(_OF_CALLS, {"ops": list(of)}).close()
