"""The ledger on a PostgreSQL server: how it is made, and written one move at a time.

A move is one transaction at READ COMMITTED that first takes its turn (`turns`), in this process and then
among all. What it writes is put off until it commits: its turn lasts for as long as its reads, and one way
there and back. What the keys refuse nevertheless, and what the database itself breaks off, is run again:
moves converge.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from ....errors import LedgerUnusable
from ....interrupts import handled, is_stop
from ..connections import close, discard
from ..place import Place
from ..steps import Step
from ..turns import Of, take_turn
from .faults import DATABASE, is_lost, is_raced
from .roles import OWNS_TABLES
from .server import Server
from .steps import STEPS, VERSION, version_table
from .watch import CHANNEL

T = TypeVar("T")

_RACES = 10  # of which one is lost at most where an account is met for the first time, and none later
# What is acknowledged is on the disk, whatever the role or the database is set to.
_DURABLE = "replace(current_setting('synchronous_commit'), 'off', 'on')"
_BEGIN, _TELL = "BEGIN ISOLATION LEVEL READ COMMITTED", f"NOTIFY {CHANNEL}"


class ServerStore(Server):
    """The ledger in one database, made when it is missing, for all threads of this process.

    Raises
    ------
    LedgerError, LedgerUnusable, LedgerTooNew
        The database is as it was.
    """

    def __init__(self, place: Place, timeout_s: float, *, steps: tuple[Step, ...] = STEPS) -> None:
        super().__init__(place, timeout_s)
        self._steps = steps
        # The server gives up a little earlier than this side, which then knows why.
        limit_ms = round(timeout_s * 800)
        limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        wanted = {"synchronous_commit": _DURABLE} | dict.fromkeys(limits, f"'{limit_ms}'")
        settings = (f"set_config('{name}', {value}, true)" for name, value in wanted.items())
        self._settings = f"SELECT {', '.join(settings)}"
        self._prepare()

    def write(self, move: Callable[[Connection], T], *, of: Of = (), vital: bool = False) -> T:
        """Run `move` in one durable transaction.

        `move` runs again when another was faster, and once when the connection is lost: a commit that reports
        an error may have happened, so a move must converge.

        Parameters
        ----------
        of : Account or list of str
            Whose chains, or which calls', the move appends to.
        vital : bool
            The move records what is already spent; it is not written otherwise here.

        Raises
        ------
        LedgerError
            Busy or not reachable; or, as `LedgerUnusable`, not writable. Nothing is written, unless the
            commit itself reported the error: the same move again finds out.
        """
        until = time.monotonic() + self.timeout_s
        left = {"lost": 1, "raced": _RACES}
        while True:
            try:
                return self._transact(move, of)
            except DATABASE as error:
                why = "lost" if is_lost(error) else "raced" if is_raced(error) else ""
                if not left.get(why) or time.monotonic() > until:
                    raise self.told(error) from None
                left[why] -= 1

    def _transact(self, move: Callable[[Connection], T], of: Of) -> T:
        before = handled()
        if self._pid != os.getpid():
            self._begin_process()
        # One writer a process is enough: its threads would wait for one another on the server. Whoever waits
        # here waits for transactions that have their own limits.
        with self._mutex:
            connection = self._idle_one() or self._connected()
            try:
                driver = _driver(connection)
                driver.is_bounded = True
                driver.put_off(_BEGIN)
                driver.put_off(self._settings)
                take_turn(connection, of)
                result = move(connection)
                driver.put_off(_TELL)
                driver.execute("COMMIT", prepare=False)  # and all that was put off
                driver.is_bounded = False
                connection.commit()
            except BaseException as error:
                if is_stop(error, before):  # of what it struck nobody knows the state
                    discard(connection)
                    raise KeyboardInterrupt from None
                self._give_up(connection, error)
                raise
            self._idle.append(connection)
            return result

    def _begin_process(self) -> None:
        super()._begin_process()
        self._mutex = threading.Lock()  # a thread of the parent may have had the other

    def _give_up(self, connection: Connection, error: BaseException) -> None:
        if isinstance(error, DATABASE) and is_lost(error):
            self._lose(connection)
            return
        try:
            driver = _driver(connection)
            driver.forget_put_off()
            driver.rollback()
            driver.is_bounded = False
            connection.rollback()
        except DATABASE:
            self._lose(connection)
        else:
            self._idle.append(connection)

    def _prepare(self) -> None:
        """Make or migrate the tables in one transaction; of several who come together, one does."""
        connection = self._connected()
        try:
            version = self._version(connection)
            missing = version < len(self._steps)
            if missing and version and not connection.exec_driver_sql(OWNS_TABLES).scalar_one():
                raise LedgerUnusable(
                    f"the ledger {self.title} was made by an older asksage_jupyter: let its owner open "
                    f"it once with this version, by  asksage-jupyter team report"
                )
        except DATABASE as error:
            raise self.told(error) from None
        finally:
            close(connection)
        if missing:
            self.write(self._migrate)

    def _migrate(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {version_table} (version INTEGER NOT NULL)")
        connection.exec_driver_sql(f"LOCK TABLE {version_table}")
        version = connection.scalar(VERSION)
        for step in self._steps[version or 0 :]:
            step(connection)
        written = {"version": len(self._steps)}
        connection.execute(version_table.insert() if version is None else version_table.update(), written)


def _driver(connection: Connection) -> Any:
    """The driver's own connection: of what is run there, as `Prepared` does, SQLAlchemy knows nothing."""
    return connection.connection.driver_connection
