"""Connections to one ledger, lent to whoever reads."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TypeVar

from sqlalchemy import Connection

from ...errors import LedgerError
from ...interrupts import handled, is_stop
from .watch import Watch

T = TypeVar("T")

# Where nobody asked for its log, Python prints its warnings, with a traceback: what was lost, or struck by a
# stop, is told in our one line.
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())


class Connections:
    """Connections to read one ledger with, for all threads of this process."""

    faults: tuple[type[BaseException], ...] = ()
    """What the database and its driver raise."""

    def __init__(self) -> None:
        self._idle: deque[Connection] = deque()

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """Lend a connection to read from; with `snapshot` all its statements see one state.

        Raises
        ------
        LedgerError
        """
        before = handled()
        connection = self._idle_one() or self.connect()
        try:
            with self._turn():
                connection = self._begun(connection, snapshot)
                yield connection
                connection.rollback()
        except BaseException as error:
            if is_stop(error, before):
                discard(connection)
                self._let_go()
                raise KeyboardInterrupt from None
            told = self.told(error) if isinstance(error, self.faults) else self._damage(connection, error)
            close(connection)
            if told is not None:
                raise told from None
            raise
        self._keep(connection)

    def read(self, look: Callable[[Connection], T], *, snapshot: bool = False) -> T:
        """Read with `look`, in one view of the ledger where it takes several statements and says so.

        Raises
        ------
        LedgerError
        """
        with self.reading(snapshot=snapshot) as connection:
            return look(connection)

    def connect(self) -> Connection:
        """A new connection of the caller's own, to read from and to close.

        Raises
        ------
        LedgerError
        """
        raise NotImplementedError

    def watch(self, on_change: Callable[[], None], interval_s: float) -> Watch:
        """Call `on_change` after commits, whoever made them.

        Parameters
        ----------
        interval_s : float
            Seconds between two looks, where a look is needed.
        """
        raise NotImplementedError

    def told(self, error: BaseException) -> LedgerError:
        """The error for the person, of one that the database or the system raised."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all idle connections; a later use opens new ones."""
        with suppress(IndexError):
            while True:
                close(self._idle.pop())

    def _idle_one(self) -> Connection | None:
        """A kept connection that can be used now, or None."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _keep(self, connection: Connection) -> None:
        """Keep a connection for whoever reads next."""
        self._idle.append(connection)

    def _begun(self, connection: Connection, snapshot: bool) -> Connection:
        """The connection, or one in its place, ready to be read from."""
        raise NotImplementedError

    def _damage(self, connection: Connection, error: BaseException) -> LedgerError | None:
        """The error for the person, where damage is what no fault of the database's comes of."""
        return None

    def _let_go(self) -> None:
        """Give back the turn, where an interrupt struck at its very end."""

    def _turn(self) -> AbstractContextManager[None]:
        """What a reader waits for; nothing, where readers and writers do not exclude each other."""
        return nullcontext()


def close(connection: Connection) -> None:
    """Close a connection, in whatever state it is."""
    try:
        connection.close()
    except Exception:  # noqa: BLE001  whatever it is, it is of no more use
        discard(connection)


def discard(connection: Connection) -> None:
    """Close a connection that a Ctrl-C struck: neither SQLAlchemy nor the driver knows its state."""
    with suppress(Exception):
        if not connection.closed and not connection.invalidated:
            connection.connection.driver_connection.close()  # type: ignore[union-attr]
    with suppress(Exception):
        connection.invalidate()
