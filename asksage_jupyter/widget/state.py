"""The state behind a panel: an account's figures, followed whoever changes them."""

from __future__ import annotations

import atexit
import logging
import threading
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from traitlets import HasTraits, Instance

from ..errors import AskSageError, LedgerError
from ..interrupts import begin
from ..month import now
from ..session import endpoints
from ..session.forecasting import is_limited, is_told, own_pace
from ..session.spent_days import SpentDays
from .words import LastCall, Shown, is_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..account import Balance, Meter
    from ..forecast import Pace
    from ..ledger import Ledger
    from ..session import Session

_ENDPOINTS_EVERY_S = 0.5

_log = logging.getLogger(__name__)


class PanelState(HasTraits):
    """What a panel shows of a session's account.

    It follows the ledger from threads of its own until `stop`: after any commit, of this kernel or another,
    and once a minute, because ages grow and months end without one.

    Parameters
    ----------
    session : Session
    contact : bool
        Whether the service may be asked, once, what the account has.
    clock : callable
        The present instant in microseconds UTC.
    tick_s : float
        Seconds between two looks while nothing is committed.

    Attributes
    ----------
    shown : Shown
        Replaced as a whole, so that no half-new figures are ever shown.
    """

    shown = Instance(Shown, args=())

    def __init__(
        self,
        session: Session,
        *,
        contact: bool = True,
        clock: Callable[[], int] = now,
        tick_s: float = 60.0,
    ) -> None:
        super().__init__()
        self._session, self._clock, self._tick_s = session, clock, tick_s
        self._ledger: Ledger | None = None
        self._stop_watching: Callable[[], None] | None = None
        self._turn = threading.RLock()  # a slow read must not replace what a later one found
        self._over = threading.Event()
        self._no_contact = _try_contact(session) if contact else ""
        self.refresh()
        # Before the interpreter ends: later, a join would wait for a thread that can run no more.
        atexit.register(self.stop)
        try:
            with suppress(RuntimeError):  # no threads here
                begin(threading.Thread(target=self._tick, name="asksage-panel", daemon=True))
        except KeyboardInterrupt:
            self.stop()  # nobody will know of it
            raise

    def refresh(self) -> None:
        """Read the figures again; if that fails, what is known stays, with the reason beside it."""
        with self._turn:
            if not self._over.is_set():
                self.shown = self._look()

    def stop(self) -> None:
        """Follow no more; harmless when it has stopped."""
        self._over.set()
        atexit.unregister(self.stop)
        with self._turn:
            stop_watching, self._stop_watching = self._stop_watching, None
        if stop_watching is not None:
            stop_watching()

    def _look(self) -> Shown:
        try:
            return self._read()
        except AskSageError as error:
            trouble = str(error)
        except Exception as error:  # noqa: BLE001  the panel must outlive whatever it is, and say so
            _log.debug("a panel could not read the ledger", exc_info=True)
            trouble = f"the ledger could not be read ({type(error).__name__})"
        return replace(self.shown, trouble=trouble, now=self._clock())

    def _read(self) -> Shown:
        # The ledger is kept, as a session that was closed would open another one.
        ledger = self._ledger = self._ledger or self._session.ledger
        if self._stop_watching is None:
            self._stop_watching = self._watch(ledger)
        account, moment = self._session.account, self._clock()
        call, opened = ledger.last_call(account), ledger.open_calls(account)
        balance = ledger.balance(account)
        shown = Shown(
            self._session.within_envelopes(balance, ledger),
            LastCall.of(call) if call else None,
            (len(opened), sum(LastCall.of(each).tokens for each in opened)),
            paces=self._paces(balance, moment),
            endpoints=tuple(endpoints.running(ledger.folder, account)),
            read_at=moment,
            now=moment,
        )
        return shown if is_known(shown) else replace(shown, trouble=self._no_contact)

    def _paces(self, balance: Balance, moment: int) -> dict[Meter, str]:
        return {
            found.meter: self._pace(balance, found.meter, moment).told
            for found in balance.meters
            if is_limited(found) and is_told(found)
        }

    def _pace(self, balance: Balance, meter: Meter, moment: int) -> Pace:
        return own_pace(self._spent_days, balance, meter, moment, self._session.settings.working_days)

    @cached_property
    def _spent_days(self) -> SpentDays:
        return SpentDays(self._ledger or self._session.ledger)

    def _watch(self, ledger: Ledger) -> Callable[[], None]:
        from ..ledger.stores.watch import MarkWatch

        stops = (
            ledger.watch(self.refresh),
            MarkWatch(lambda: endpoints.mark(ledger.folder), self.refresh, _ENDPOINTS_EVERY_S).stop,
        )

        def stop() -> None:
            for each in stops:
                each()

        return stop

    def _tick(self) -> None:
        while not self._over.wait(self._tick_s):
            try:
                self.refresh()
            except Exception:  # noqa: BLE001  a front end that went away must not end the watch
                _log.debug("a panel could not be written", exc_info=True)


def _try_contact(session: Session) -> str:
    """Ask the service what the account has, if nobody did yet; returns why that failed."""
    try:
        session.balance()
    except LedgerError:
        return ""  # the ledger is about to be read: it will say so itself, for as long as it is so
    except AskSageError as error:
        return str(error)
    return ""
