"""Whether plans, caps and zones, which no hash binds, are those from which the months were made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, func, select

from ... import month
from ...errors import BadInput
from ..tables.schema import account, grant, member, plan
from ..tables.seek import last, with_tail
from ..tables.state import allotment_of

_NEAR = 3_600_000_000  # microseconds by which the rules of a zone may have been told anew since

_at, _of = plan.alias("at_"), member.alias("of_")
_PERIOD = func.substr(grant.c.source, len(allotment_of("")) + 1)
_PLANNED = select(func.max(_at.c.seq)).where(_at.c.account_id == grant.c.account_id, _at.c.since <= _PERIOD)
_JOINED = select(func.max(_of.c.seq)).where(_of.c.account_id == grant.c.account_id, _of.c.t < grant.c.ends)
# What counted when each month ended, or counts now.
_ALLOTMENTS = (
    with_tail(
        select(
            grant.c.id, grant.c.source, grant.c.starts, grant.c.ends, account.c.zone, last.c.granted,
            _PERIOD.label("period"), plan.c.monthly, member.c.seq.label("joined"), member.c.pool_id,
            member.c.cap,
        ).select_from(grant)
    )
    .join(account, account.c.id == grant.c.account_id)
    .outerjoin(plan, (plan.c.account_id == account.c.id) & (plan.c.seq == _PLANNED.scalar_subquery()))
    .outerjoin(member, (member.c.account_id == account.c.id) & (member.c.seq == _JOINED.scalar_subquery()))
    .where(grant.c.source.startswith(allotment_of("")))
    .order_by(grant.c.id)
)  # fmt: skip


def wrong_allotments(connection: Connection) -> Iterator[str]:
    """One line for each month that was given other tokens, or had other bounds, than is told of it now."""
    for row in connection.execute(_ALLOTMENTS):
        if _is_given_otherwise(row):
            yield f"grant {row.id} ({row.source}): it was not made from the plan or the cap that is there"
        if not _is_of_zone(row):
            yield f"grant {row.id} ({row.source}): it was not made in its account's zone, {row.zone}"
    for table in (plan, member):
        for account_id in connection.execute(_with_gaps(table)).scalars():
            yield f"account {account_id}: a row of its {table.name} is missing"


def _is_given_otherwise(row: Any) -> bool:
    if row.pool_id is not None:
        return row.cap is not None and bool(row.granted != row.cap)  # without a cap, what was taken
    if row.joined is not None and row.monthly is None:
        return False  # who left a pool without a plan has what they had taken
    return bool(row.granted != row.monthly)


def _is_of_zone(row: Any) -> bool:
    try:
        starts, ends = month.bounds(row.period, row.zone)
        return bool(max(abs(row.starts - starts), abs(row.ends - ends)) <= _NEAR)
    except (BadInput, TypeError):  # no month or no zone any more, or no number
        return False


def _with_gaps(table: Table) -> Any:
    """The accounts whose rows are not numbered from one on."""
    of = table.c.account_id
    return select(of).group_by(of).having(func.count() != func.max(table.c.seq))
