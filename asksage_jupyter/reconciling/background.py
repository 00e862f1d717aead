"""Reconcile by itself, some time after use."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from typing import TYPE_CHECKING

from ..errors import AskSageError
from ..interrupts import begin
from .parties import Parties
from .run import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..session import Session
    from .parties import Agreed
    from .report import Reconciled

_log = logging.getLogger(__name__)
_LOOK_BACK_S = 3 * 86_400.0  # read often, so not far; what is older waits for `reconcile`


class Background:
    """Compares a session's account with the service in a daemon thread, at most every few minutes.

    A call only says that there was use; nothing of a cell waits.

    Parameters
    ----------
    session : Session
    every_s : float
        Seconds between two runs at least.
    after_s : float
        Seconds to wait after a call: the service's counters lag, and more calls may follow.
    clock : callable
        Monotonic seconds.
    tell : callable
        Hears, in the thread, of each run that changed the ledger.

    Attributes
    ----------
    trouble : str
        Why the latest run failed; empty when it did not.
    """

    def __init__(
        self,
        session: Session,
        *,
        every_s: float = 300.0,
        after_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[Reconciled], None] = lambda found: None,
    ) -> None:
        self.trouble = ""
        self._session, self._every_s, self._after_s = session, every_s, after_s
        self._clock, self._tell = clock, tell
        self._next = clock()
        self._is_asked = False
        self._parties: Parties | None = None
        self._agreed: Agreed = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()

    def after_call(self) -> None:
        """Have the account compared before long; returns at once, whatever happens."""
        if self._over.is_set():
            return
        with self._lock:
            try:
                # Taken here, where the session is surely open: the thread might find it closed.
                self._parties = self._ready()
                self._is_asked = True
                if self._thread is not None:
                    return
                self._thread = threading.Thread(target=self._run, name="asksage-reconcile", daemon=True)
                begin(self._thread)
            except BaseException as error:
                self._thread = None
                if not isinstance(error, AskSageError | RuntimeError):  # no key any more; or no threads here
                    raise
                self.trouble = str(error)
                return
        # Before the interpreter ends: later, a thread would be cut off in the midst.
        atexit.unregister(self.close)
        atexit.register(self.close)

    def close(self, wait_s: float = 5.0) -> None:
        """Stop, and wait a little for a run under way; call it before the session closes its ledger."""
        self._over.set()
        atexit.unregister(self.close)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(wait_s)

    def _ready(self) -> Parties:
        return Parties.of(self._session, self._over.wait, _LOOK_BACK_S, agreed=self._agreed)

    def _run(self) -> None:
        with self._lock:
            # A Ctrl-C may have kept back the news of this one, and another may be there by now.
            if self._thread not in (None, threading.current_thread()):
                return
            self._thread = threading.current_thread()
        while not self._over.wait(max(self._after_s, self._next - self._clock())):
            self._next = self._clock() + self._every_s
            with self._lock:
                self._is_asked, parties = False, self._parties
            self.trouble = self._trouble(parties)
            with self._lock:
                if not self._is_asked:
                    self._thread = None
                    return

    def _trouble(self, parties: Parties | None) -> str:
        """Compare; returns why that failed."""
        try:
            if parties is not None and (found := run(parties)).changed:
                self._tell(found)
        except AskSageError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  whatever it is, it must not end in a cell's output
            _log.debug("a reconciliation in the background failed", exc_info=True)
            return f"the account could not be compared ({type(error).__name__})"
        return ""
