"""Connections to a SQLite file, known before and after a fork.

Never open that file a second way in the same process (another SQLite library, or plain `open`): closing
that second handle drops the locks of the first, and acknowledged debits are lost.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from .... import forks
from ....errors import AskSageError, LedgerError, LedgerTooNew
from ..connections import Connections
from ..watch import Watch
from .driver import FileConnection
from .faults import FAULTS, damaged, told
from .kinds import strange_tables
from .watch import FileWatch

File = tuple[int, int]  # device and inode
APPLICATION_ID = 0x41534A31  # "ASJ1", in the file's header


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
        return FileWatch(self.connect, self.mark, on_change, interval_s)

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

    def _damage(self, connection: Connection, error: BaseException) -> LedgerError | None:
        """Of an error that values may have caused which are not of their columns' kinds."""
        is_ours = isinstance(error, AskSageError) or not isinstance(error, Exception)
        return None if is_ours or not any(strange_tables(connection)) else damaged(self.path)

    def _keep(self, connection: Connection) -> None:
        super()._keep(connection)
        if forks.is_near():
            Connections.close(self)

    def _begun(self, connection: Connection, snapshot: bool) -> Connection:
        if snapshot:
            connection.exec_driver_sql("BEGIN")
        return connection


def engine_of(connect: Callable[[], FileConnection], pragmas: tuple[str, ...]) -> Engine:
    """An engine for one file.

    Parameters
    ----------
    connect : callable
        Opens a connection of the driver's, in autocommit: transactions begin where the ledger says so.
    pragmas : tuple of str
        Run on each.
    """
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

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
