"""The ledger compared with the service's counters, when the person asks for it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from ...errors import AskSageError, NoKey
from ...session import Session, find_key
from .worker import Busy, Worker

if TYPE_CHECKING:
    from ...account import Account
    from ...settings import AskSage

_log = logging.getLogger(__name__)
_KEY_KEPT_S = 60.0  # a keyring may ask the person
NO_KEY = "Not compared: this server has no key for it; run %asksage reconcile in a notebook."


class Refresh:
    """Compares the configured account, one comparison at a time.

    Parameters
    ----------
    settings : AskSage

    Attributes
    ----------
    checked_at : int or None
        When the service was last asked, in microseconds UTC.
    worker : Worker
        What asks the service, one thing at a time.
    """

    def __init__(self, settings: AskSage) -> None:
        self.checked_at: int | None = None
        self._settings = settings
        self.worker = Worker("asksage-refresh", most=1)
        self._session: Session | None = None
        self._running: asyncio.Task[str] | None = None
        self._key: tuple[float, bool] = (0.0, False)  # until when this is known, in monotonic seconds

    def can_check(self, account: Account) -> bool:
        """Whether there is a key to ask the service with; of nobody but the configured account."""
        configured = self._settings.account
        if (account.host, account.holder) != (configured.host, configured.holder):
            return False
        until, is_there = self._key
        if time.monotonic() >= until:
            is_there = _has_key(configured)
            self._key = time.monotonic() + _KEY_KEPT_S, is_there
        return is_there

    async def compare(self) -> str:
        """Compare, and tell in one line what was found; who asks meanwhile is told the same."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self.worker.do(self._compared))
        try:
            return await asyncio.shield(self._running)
        except Busy:
            return "Not compared: the server is about to end."

    @property
    def is_keyed(self) -> bool:
        """Whether there is a key to ask the service with."""
        try:
            return self.can_check(self._settings.account)
        except AskSageError:
            return False

    async def close(self) -> None:
        """Give up a comparison under way: the ledger is whole at any moment."""
        if self._session is not None and "service" in self._session.__dict__:
            self._session.service.close()
        await self.worker.close(lambda: None, wait_s=2.0)

    def _compared(self) -> str:
        from ...reconciling import reconcile
        from ...session.managing.requests import look_again

        session = self._session = Session(self._settings)
        try:
            found = reconcile(session)
            look_again(session)
        except NoKey:
            return NO_KEY
        except AskSageError as error:
            return f"Not compared: {error}"
        except Exception as error:  # noqa: BLE001  whatever it is, the figures of the ledger are still true
            _log.debug("the ledger could not be compared", exc_info=True)
            return f"Not compared ({type(error).__name__}): try again later."
        finally:
            self._session = None
            session.close()
        self.checked_at = found.as_of
        return found.words


def _has_key(account: Account) -> bool:
    try:
        find_key(account)
    except NoKey:
        return False
    return True
