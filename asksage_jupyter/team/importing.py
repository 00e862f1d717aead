"""The organisation's users and limits, as caps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..account import Meter

if TYPE_CHECKING:
    from ..ledger import Member
    from ..service import OrganizationUser


@dataclass(frozen=True, slots=True)
class Change:
    """A cap that the service's limit asks for.

    Attributes
    ----------
    is_new : bool
        Whether they are no member yet.
    before, cap : int or None
        Ask Sage tokens a month; None without a cap.
    """

    holder: str
    meter: Meter
    is_new: bool
    before: int | None
    cap: int

    def __str__(self) -> str:
        if self.is_new:
            return f"  {self.holder}  {self.meter}: joins with a cap of {self.cap:,}"
        before = "no cap" if self.before is None else f"{self.before:,}"
        return f"  {self.holder}  {self.meter}: {before} -> {self.cap:,}"


def planned(users: Iterable[OrganizationUser], meter: Meter, members: Sequence[Member]) -> list[Change]:
    """What has to change on a meter for the caps to be the service's limits; who is unknown there stays."""
    there = {member.account.holder: member.cap for member in members if not member.has_left}
    found = []
    for user in users:
        limit = user.limits.inference if meter is Meter.INFERENCE else user.limits.training
        if limit is not None and (user.email not in there or there[user.email] != limit):
            found.append(Change(user.email, meter, user.email not in there, there.get(user.email), limit))
    return sorted(found, key=lambda change: change.holder)
