"""Connections to one ledger, lent to whoever reads.

Never open that file a second way in the same process (another SQLite library, or plain `open`): closing
that second handle drops the locks of the first, and acknowledged debits are lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from ..errors import LedgerError, LedgerTooNew, handled, is_stop
from . import forks
from .faults import FAULTS, told
from .forks import File
from .watch import FileWatch, Watch

T = TypeVar("T")

APPLICATION_ID = 0x41534A31  # "ASJ1", in the file's header


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
            close(connection)
            if isinstance(error, self.faults):
                raise self.told(error) from None
            raise
        self._idle.append(connection)

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

    def _begun(self, connection: Connection, snapshot: bool) -> Connection:
        """The connection, or one in its place, ready to be read from."""
        raise NotImplementedError

    def _let_go(self) -> None:
        """Give back the turn, where an interrupt struck at its very end."""

    def _turn(self) -> AbstractContextManager[None]:
        """What a reader waits for; nothing, where readers and writers do not exclude each other."""
        return nullcontext()


class FileConnections(Connections):
    """Connections to a SQLite file.

    Parameters
    ----------
    path : Path
        The file.
    """

    faults = FAULTS

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        forks.know(self)

    def pause(self) -> None:
        """Close what is idle, before a fork."""
        Connections.close(self)

    def resume(self) -> None:
        """After a fork connections are opened as they are needed."""

    def begin_anew(self) -> None:
        """In the child the same."""

    def watch(self, on_change: Callable[[], None], interval_s: float) -> Watch:
        """Call `on_change` after commits, whoever made them."""
        return FileWatch(self, on_change, interval_s)

    def mark(self) -> Hashable:
        """What a kept connection was opened for: of another mark it is of no more use.

        Raises
        ------
        LedgerError
        """
        return None

    def told(self, error: BaseException) -> LedgerError:
        """The error for the person, of one that SQLite or the system raised."""
        return told(self.path, error)

    def _begun(self, connection: Connection, snapshot: bool) -> Connection:
        if snapshot:
            connection.exec_driver_sql("BEGIN")
        return connection


def engine_of(connect: Callable[[], Any], file: Callable[[], File], pragmas: tuple[str, ...]) -> Engine:
    """An engine whose connections are known after a fork.

    Parameters
    ----------
    connect : callable
        Opens a connection of the driver's, in autocommit: transactions begin where the ledger says so.
    file : callable
        Which file it opens.
    pragmas : tuple of str
        Run on each.
    """
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        forks.opened(connection, file())
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "close")
    def closed(connection: object, _record: object) -> None:
        forks.closed(connection)

    return engine


def file_of(path: Path) -> File:
    """Which file lies at `path`.

    Raises
    ------
    OSError
    """
    found = path.stat()
    return found.st_dev, found.st_ino


def version_of(connection: Connection, path: Path, known: int) -> int:
    """The ledger's version, as its header tells it.

    Raises
    ------
    LedgerTooNew
        Above `known`.
    """
    version: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > known:
        raise LedgerTooNew(
            f"{path} was written by a newer asksage_jupyter (ledger version {version}, this one "
            f"knows {known}): upgrade with  pip install -U asksage_jupyter"
        )
    return version


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
