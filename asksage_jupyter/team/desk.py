"""What the owner of a pool does with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from .. import month
from ..account import Account, Meter
from ..display.plain import shown
from ..errors import BadInput, LedgerRefused
from ..forecast import WorkingDays
from ..session.forecasting import pace_in
from ..session.near import near
from ..session.spent_days import SpentDays
from ..span import dated, span
from .figures import row_of
from .importing import Change
from .parts import divisions
from .report import TeamReport

if TYPE_CHECKING:
    from ..ledger import Ledger

_SOURCE = "the pool's owner"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Added:
    """What adding a member changed.

    Attributes
    ----------
    account : Account
    meters : tuple of Meter
        The meters on which they spend from the pool, or spend under another cap, since.
    login : str or None
        The database's login that acts for them since; None where nothing was changed.
    """

    account: Account
    meters: tuple[Meter, ...]
    login: str | None


class Team:
    """One pool of a ledger.

    Parameters
    ----------
    ledger : Ledger
    pool : Account
        As `Account.of_pool` makes it.
    """

    def __init__(self, ledger: Ledger, pool: Account) -> None:
        self.ledger = ledger
        self.pool = pool

    @classmethod
    def of(cls, ledger: Ledger, host: str, name: str | None) -> Self:
        """The pool `name` of a host, or the only one there is.

        Raises
        ------
        BadInput
            There is none of that name, or more than one and no name.
        """
        known = ledger.pools(host)
        found = [pool for pool in known if name in (None, pool.pool)]
        if len(found) == 1:
            return cls(ledger, found[0])
        if not known:
            raise BadInput(
                "there is no pool yet: make one with  asksage-jupyter team init --pool NAME --monthly N"
            )
        names = ", ".join(pool.pool for pool in known)
        missing = "" if name is None else f"there is no pool {name}: "
        raise BadInput(f"{missing}name one of the pools with --pool: {names}")

    @classmethod
    def make(cls, ledger: Ledger, host: str, name: str, zone: str, monthly: Mapping[Meter, int]) -> Self:
        """Make a pool, or tell its tokens anew; who is a member of it is one on each of its meters.

        Raises
        ------
        BadInput
            The name is empty or no name, or the pool is new and none of its tokens are told.
        """
        if not name.strip() or not name.isprintable():
            raise BadInput(f"{shown(name)} cannot be a pool's name: write a short word such as lab")
        team = cls(ledger, Account.of_pool(host, name.strip(), zone))
        if not monthly and team.pool.holder not in {pool.holder for pool in ledger.pools(host)}:
            raise BadInput(f"tell the tokens of the pool {team.pool.pool} a month with --monthly N")
        members = team.members()
        for meter, tokens in monthly.items():
            ledger.set_plan(team.pool, meter, tokens, source=_SOURCE)
            for account in members:
                if ledger.pool_of(account, meter) is None:
                    ledger.join_pool(account, meter, team.pool)
        return team

    def members(self) -> list[Account]:
        """Who spends from the pool on any meter, by name."""
        found = {
            member.account.holder: member.account
            for meter in Meter
            for member in self.ledger.members(self.pool, meter)
            if not member.has_left
        }
        return [found[holder] for holder in sorted(found)]

    def add(self, name: str, caps: Mapping[Meter, int], login: str | None) -> Added:
        """Let a person spend from the pool, on each meter that it has tokens of.

        Parameters
        ----------
        name : str
            Their e-mail, as at Ask Sage.
        caps : mapping
            Ask Sage tokens a month; a meter that is missing has no cap.
        login : str or None
            The login of theirs in the database, if any.

        Raises
        ------
        BadInput
            It is no e-mail, and nobody of that name has used the ledger.
        """
        account = self._person(name)
        if not _EMAIL.fullmatch(account.holder) and not self._is_known(account):
            raise BadInput(f"{shown(name)} is nobody's e-mail: write it as at Ask Sage")
        changed = tuple(
            meter
            for meter in Meter
            if self.ledger.knows_month(self.pool, meter)
            and self.ledger.join_pool(account, meter, self.pool, caps.get(meter))
        )
        is_let_in = login is not None and self.ledger.let_in(account, login)
        return Added(account, changed, login if is_let_in else None)

    def remove(self, name: str) -> None:
        """Let a member go; their history stays.

        Raises
        ------
        BadInput
            They are no member.
        """
        account = self._member(name)
        left = [self.ledger.leave_pool(account, meter, self.pool) for meter in Meter]
        if not any(left):
            there = {member.holder: member.holder for member in self.members()}
            raise BadInput(f"{account.holder} is no member of {self.pool.pool}.{near(account.holder, there)}")

    def cap(self, name: str, meter: Meter, tokens: int | None) -> bool:
        """Change a member's cap, or take it away with None; False when it was so already.

        Raises
        ------
        BadInput
            They are no member.
        """
        account = self._member(name)
        if self.ledger.pool_of(account, meter) != self.pool.pool:
            raise BadInput(
                f"{account.holder} is no member of {self.pool.pool} on the {meter} meter: add them with  "
                f"asksage-jupyter team add {account.holder}"
            )
        return self.ledger.join_pool(account, meter, self.pool, tokens)

    def grant(self, name: str, meter: Meter, tokens: int, until: str) -> int | None:
        """Let a member spend more than their cap, through a day; spent first, and the pool pays it.

        Parameters
        ----------
        tokens : int
            Ask Sage tokens.
        until : str
            The last day, in the pool's zone.

        Returns
        -------
        int or None
            The first instant at which it is over, in microseconds UTC; None when it was granted already.

        Raises
        ------
        BadInput
            They are no member with a cap, or the day is over or none.
        LedgerConflict
            Other tokens were granted until that day.
        """
        account = self._member(name)
        zone = self.pool.zone
        ends = span(None, None, dated(until, month.now(), zone), zone).last
        assert ends is not None  # noqa: S101  for mypy
        is_new = self.ledger.grant_in_pool(account, meter, self.pool, tokens, ends=ends)
        return ends if is_new else None

    def report(self, now: int | None = None, calendar: WorkingDays = WorkingDays()) -> TeamReport:  # noqa: B008  frozen
        """What each member used and holds this month, what the pool has, and how long that lasts.

        Parameters
        ----------
        now : int, optional
            Microseconds UTC; the present instant when absent.
        calendar : WorkingDays
        """
        now = month.now() if now is None else now
        balance, zone = self.ledger.balance(self.pool), self.pool.zone
        starts, ends = month.bounds(month.period_at(now, zone), zone)
        rows, paces, parts = [], [], []
        for meter in Meter:
            members = self.ledger.members(self.pool, meter)
            rows += [row_of(meter, each, zone) for each in members]
            if balance.of(meter).granted is not None:
                paces.append(pace_in(SpentDays(self.ledger), balance, meter, now, calendar))
                parts += divisions(self.ledger, members, meter, starts, ends)
        return TeamReport(self.pool.pool, balance, tuple(rows), tuple(paces), tuple(parts))

    def apply(self, changes: Iterable[Change]) -> int:
        """Book caps as `planned` lists them; returns how many changed."""
        changed = 0
        for change in changes:
            if self.ledger.knows_month(self.pool, change.meter):
                account = self._person(change.holder)
                changed += self.ledger.join_pool(account, change.meter, self.pool, change.cap)
        return changed

    def _member(self, name: str) -> Account:
        """A member by their e-mail, or by what stands before its @ where that names one.

        Raises
        ------
        LedgerRefused
            Whoever asks sees no members but themselves.
        """
        short = name.strip().lower()
        members = self.members()
        found = [each for each in members if each.holder.partition("@")[0] == short]
        if len(found) == 1:
            return found[0]
        account = self._person(name)
        if account.holder not in [each.holder for each in members] and not self.ledger.is_owners():
            raise LedgerRefused(f"only an owner of {self.pool.pool} changes what others may spend: ask them")
        return account

    def _is_known(self, account: Account) -> bool:
        return any(each.account.holder == account.holder for each in self.ledger.accounts())

    def _person(self, name: str) -> Account:
        holder = name.strip().lower()
        if not holder or not holder.isprintable():
            raise BadInput(f"{shown(name)} is nobody's e-mail: write it as at Ask Sage")
        return Account(self.pool.host, holder, self.pool.zone)
