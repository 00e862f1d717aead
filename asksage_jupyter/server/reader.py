"""What the routes ask the ledger, from one kept view; called from one thread."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import forecast, month
from ..account import Meter
from ..errors import AskSageError, BadInput, LedgerMissing
from ..forecast import daily
from ..ledger import CALL_COLUMNS, LedgerView, NotebookSpending
from ..ledger.stores.place import place_of
from ..ledger.stores.watch import MarkWatch
from ..rates import Rates
from ..session import endpoints
from ..session.asking.rerun import NotebookCost, cost_again
from ..session.envelopes import of_project
from ..session.holder import access
from ..session.holder.access import Access, Noted, Standing
from ..session.labels import cell_label
from ..session.managing.requests import pending
from ..session.renames import called_before, called_now, note
from . import figures
from .calls import calls
from .footing import Footing, footing_of
from .history import History
from .status import status, without
from .summary import summary
from .warning import warning
from .whose import whose

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from datetime import date

    from ..account import Account, Balance, MeterBalance
    from ..forecast import Pace
    from ..settings import AskSage
    from .figures import Wire

_CALLS = 20
_NOTES_EVERY_S = 0.5
_PIECES = 400  # looked at for as many lines: of an upload each piece is a call
_NO_KEY = "No Ask Sage key yet: in a notebook, run %asksage login."
_NOTEBOOK, _SENT_AT = map(CALL_COLUMNS.index, ("notebook", "sent_at"))


class Reader:
    """Answers as they go over the wire.

    Parameters
    ----------
    settings : AskSage
        Whose ledger, and whose tokens.
    clock : callable
        The present instant, in microseconds UTC.

    Attributes
    ----------
    latest : Balance or None
        What was read last.
    """

    def __init__(self, settings: AskSage, *, clock: Callable[[], int] = month.now) -> None:
        self._settings, self._clock = settings, clock
        self.latest: Balance | None = None
        self._cost: tuple[Hashable, NotebookCost] | None = None  # of the notebook that was asked about last

    def balance(self, can_check: Callable[[Account], bool], checked_at: int | None) -> Wire:
        """Both meters, calls without a bill, the last call; a ledger that cannot be read is a state too."""
        now, noted = self._clock(), self._noted()
        try:
            return self._balance(can_check, checked_at, now, noted)
        except LedgerMissing:
            state, trouble = "no-ledger", None
            noted = noted or self._keyless(can_check, now)
        except AskSageError as error:
            state, trouble = "trouble", str(error)
        return {
            "state": state,
            "trouble": trouble,
            "account": None,
            "period": None,
            "meters": [],
            "open": figures.opened([]),
            "last_call": None,
            "checked_at": None,
            "can_check": self._may(can_check),
            "now": figures.instant(now),
            "at": month.moment(now),
            "reset": "",
            "age": "",
            "sources": "",
            "status": without(trouble, noted),
            "access": figures.access(noted),
            "endpoints": [],
        }

    def meters(self) -> tuple[MeterBalance, ...]:
        """Both meters, without what else there is to say of them.

        Raises
        ------
        LedgerError
            There is no ledger, or it cannot be read.
        """
        balance = self._view.balance(self._whose())
        return balance.inference, balance.training

    def month(self, meter: Meter, period: str | None) -> Wire:
        """A meter's month day by day, and its last calls on both meters.

        Raises
        ------
        BadInput
            `period` is no month.
        LedgerError
            The ledger cannot be read; where there is none, nothing was used.
        """
        now = self._clock()
        account = self._known_or_configured()
        period, starts, ends = _month(period, now, account.zone)
        is_now = starts <= now < ends
        try:
            used = self._days(account, meter, starts, ends, now)
            recent = self._view.recent(account, since=starts, until=ends, limit=_PIECES)
            granted = self._granted(account, meter, None if is_now else period)
        except LedgerMissing:
            used, recent, granted = {}, [], None
        days = figures.days(used, starts, ends, account.zone)
        return {
            "meter": meter.value,
            "period": period,
            "starts": figures.instant(starts),
            "ends": figures.instant(ends),
            "granted": granted,
            "today": month.local_day(now, account.zone).isoformat() if is_now else None,
            "days": days,
            "even": figures.even(granted, days, self._settings.working_days),
            "words": figures.picture(meter, days),
            "calls": self._calls(recent, account)[:_CALLS],
            "zone": f"{month.to_datetime(now).astimezone(month.rules_of(account.zone)):%Z}",
        }

    def markdown(self, period: str | None) -> str:
        """A month's summary as Markdown.

        Raises
        ------
        BadInput
            `period` is no month.
        LedgerError
            There is no ledger, or it cannot be read.
        """
        now = self._clock()
        account = self._whose()
        period, starts, ends = _month(period, now, account.zone)
        balance = self._view.balance(account)
        months = [self._view.month(account, meter, period) for meter in Meter]
        paces = [self._pace(balance, meter, now) for meter in Meter] if starts <= now < ends else []
        return summary(balance.title, months, [pace for pace in paces if pace is not None], now)

    def notebook(self, path: str, file: str) -> Wire:
        """What a notebook used this month on the inference meter.

        Parameters
        ----------
        path, file : str
            As the front end knows it, and as its kernels do.

        Raises
        ------
        LedgerError
            The ledger cannot be read; where there is none, nothing was used.
        """
        try:
            account = self._whose()
            _, starts, ends = _month(None, self._clock(), account.zone)
            names = list(called_before(self._view.folder, file, starts, ends))
            found = [
                self._view.notebook_spending(account, Meter.INFERENCE, name, since=since, until=until)
                for name, since, until in names
            ]
            opened = [
                row
                for row in self._view.open_calls(account)
                for name, since, until in names
                if row[_NOTEBOOK] == name and since <= row[_SENT_AT] < until
            ]
        except LedgerMissing:
            found, opened = [], []
        spending = NotebookSpending.together(found)
        return figures.notebook(
            path, spending, opened, self._bound_of(Path(file)), self._again(Path(file), spending)
        )

    def _again(self, file: Path, spending: NotebookSpending) -> str:
        """What running a notebook again costs; its calls are looked through when it was billed or saved."""
        if not spending.calls or not file.is_absolute() or ".." in file.parts:
            return ""
        account, saved_at = self._whose(), file.stat().st_mtime_ns if file.exists() else 0
        told = (account, file, saved_at, spending.calls, spending.tokens)
        if self._cost is None or self._cost[0] != told:
            rates = Rates(self._view.folder, account.host, clock=self._clock)
            self._cost = told, cost_again(self._view, account, rates, self._clock(), str(file))
        left = self._view.balance(account).inference.spendable
        return replace(self._cost[1], remaining=left).again

    def _bound_of(self, file: Path) -> str:
        """What the envelope of the project's file that binds a notebook leaves, in words."""
        if not file.is_absolute() or ".." in file.parts:
            return ""
        try:
            found = list(of_project(str(file), folder=file.parent))
            left = self._view.left_in(self._whose(), Meter.INFERENCE, found)
        except LedgerMissing:
            return ""
        except AskSageError as error:
            return str(error)
        bounds = sorted(zip(left, found, strict=True), key=itemgetter(0))
        return "".join(figures.bound(each, tokens) for tokens, each in bounds[:1])

    def stop_endpoint(self, name: str) -> bool:
        """Ask one of the account's endpoints to end; returns whether it runs.

        Raises
        ------
        LedgerError
            There is no ledger, or it cannot be read.
        """
        return endpoints.stop(self._view.folder, self._whose(), name)

    def footing(self, file: str | None) -> Footing:
        """How a notebook stands, for a price; None of what is no notebook.

        Raises
        ------
        LedgerError
            The ledger cannot be read.
        """
        return footing_of(self._settings, self._view, self._known_or_configured(), file)

    def renamed(self, old: str, new: str) -> None:
        """Note that a notebook has another name: calls are listed for it under both."""
        note(self._view.folder, old, new, self._clock())

    def watch(self, on_change: Callable[[], None], interval_s: float) -> Callable[[], None]:
        """Call `on_change` in a thread of its own after each change; returns what stops that."""
        folder = place_of(self._settings.ledger).folder

        def mark() -> Hashable:
            return access.mark(folder), endpoints.mark(folder)

        stops = (
            self._view.watch(on_change, interval_s=interval_s),
            MarkWatch(mark, on_change, interval_s=_NOTES_EVERY_S).stop,
        )

        def stop() -> None:
            for each in stops:
                each()

        return stop

    def close(self) -> None:
        """Close the view."""
        if "_view" in self.__dict__:
            self._view.close()

    @cached_property
    def _view(self) -> LedgerView:
        return LedgerView(self._settings.ledger, clock=self._clock, timeout_s=self._settings.ledger_timeout_s)

    @cached_property
    def _history(self) -> History:
        return History(self._view)

    def _balance(
        self, can_check: Callable[[Account], bool], checked_at: int | None, now: int, noted: Noted | None
    ) -> Wire:
        account = self._whose()
        balance = self.latest = self._view.balance(account)
        meters = (balance.inference, balance.training)
        paces = [self._pace(balance, each.meter, now) for each in meters]
        opened = self._view.open_calls(account)
        newest = self._view.recent(account, limit=1)
        requests = pending(self._view.folder, account)
        period = figures.period(now, account.zone)
        is_known = any(meter.granted is not None for meter in meters)
        # Before first contact there is nothing to see, but what stands in its way.
        is_before = noted is not None and not is_known and not any(each.used or each.held for each in meters)
        return {
            "state": "known" if is_known else "unknown",
            "trouble": None,
            "account": figures.holder(balance),
            "period": period,
            "meters": []
            if is_before
            else [
                figures.meter(
                    each,
                    pace,
                    account.zone,
                    asked_for=sum(asked.tokens for asked in requests if asked.meter == each.meter),
                    may_tell=noted is None,
                )
                | {"warning": warning(balance, each, pace, now, period["key"])}
                for each, pace in zip(meters, paces, strict=True)
            ],
            "open": figures.opened(opened),
            "last_call": next(iter(self._calls(newest, account)), None),
            "checked_at": None if checked_at is None else figures.instant(checked_at),
            "can_check": can_check(account),
            "now": figures.instant(now),
            "at": month.moment(now, account.zone),
            "reset": balance.resets_words(now),
            "age": _age(balance, checked_at, now),
            "sources": balance.sources,
            "status": status(balance, paces[0], noted, now),
            "access": figures.access(noted),
            "endpoints": [figures.endpoint(each) for each in endpoints.running(self._view.folder, account)],
        }

    def _calls(self, rows: Sequence[Sequence[Any]], account: Account) -> list[Wire]:
        """The calls as lines, each under its notebook's present name."""
        folder = self._view.folder
        present = {each: each and called_now(folder, each, 0) for each in {row[_NOTEBOOK] for row in rows}}
        rows = [(*row[:_NOTEBOOK], present[row[_NOTEBOOK]], *row[_NOTEBOOK + 1 :]) for row in rows]
        return calls(
            rows, account.zone, self._clock(), lambda notebook, cell: cell_label(folder, notebook, cell)
        )

    def _may(self, can_check: Callable[[Account], bool]) -> bool:
        try:
            return can_check(self._settings.account)
        except AskSageError:
            return False

    def _noted(self) -> Noted | None:
        """What stands between the account and the service, as a kernel noted it."""
        with suppress(AskSageError):
            account = self._known_or_configured()
            return Access(place_of(self._settings.ledger).folder, account, self._clock).noted()
        return None

    def _keyless(self, can_check: Callable[[Account], bool], now: int) -> Noted | None:
        """That there is no key, where no kernel has asked yet and so none noted it."""
        with suppress(AskSageError):
            if not can_check(self._settings.account):
                return Noted(Standing.NO_KEY, _NO_KEY, now)
        return None

    def _whose(self) -> Account:
        return whose(self._settings.account, self._view.accounts(), is_named=bool(self._settings.email))

    def _known_or_configured(self) -> Account:
        try:
            return self._whose()
        except LedgerMissing:
            return self._settings.account

    def _pace(self, balance: Balance, meter: Meter, now: int) -> Pace | None:
        found = balance.of(meter)
        if found.granted is None or found.is_uncapped:
            return None
        account = balance.account
        days = self._history.days(account, meter, now)
        pace = forecast.pace(found, days, now, account.zone, self._settings.working_days)
        return pace.buying(self._view.usual_call(account, meter)) if pace.is_expiring else pace

    def _days(self, account: Account, meter: Meter, starts: int, ends: int, now: int) -> dict[date, int]:
        if starts <= now < ends:
            return self._history.days(account, meter, now)
        return daily(self._view.spending(account, meter, starts, ends), account.zone)

    def _granted(self, account: Account, meter: Meter, period: str | None) -> int | None:
        """What was given for a month; for this one as the balance tells it."""
        if period is None:
            found = self._view.balance(account).of(meter)
            return None if found.is_uncapped else found.granted
        past = self._view.month(account, meter, period)
        return past.given if past.is_known else None


def _age(balance: Balance, checked_at: int | None, now: int) -> str:
    """How old the figures are: since they were compared with the service, or changed."""
    if checked_at is not None:
        return f"Checked {month.moment(checked_at, balance.account.zone, now)}"
    return balance.changed_words(now) or "Not compared with the service yet"


def _month(period: str | None, now: int, zone: str) -> tuple[str, int, int]:
    """A month as it is written, and its bounds; this one where none is told."""
    try:
        starts, ends = month.bounds(period or month.period_at(now, zone), zone)
    except OverflowError:
        raise BadInput(f"{period!r} is no month of this age: write it like 2026-11") from None
    return month.period_at(starts, zone), starts, ends
