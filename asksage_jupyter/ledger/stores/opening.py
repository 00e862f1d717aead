"""Which connections a place asks for: those of SQLite, or of PostgreSQL where its driver is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...errors import LedgerUnusable
from .sqlite.readonly import ReadOnly
from .sqlite.store import FileStore

if TYPE_CHECKING:
    from .connections import Connections
    from .place import Place
    from .postgres.store import ServerStore

    AnyStore = FileStore | ServerStore


def reader(place: Place, timeout_s: float) -> Connections:
    """Connections to read with; nothing is opened yet."""
    if place.path is not None:
        return ReadOnly(place.path)
    with _driver():
        from .postgres.server import Server
    return Server(place, timeout_s)


def writer(place: Place, timeout_s: float) -> AnyStore:
    """The ledger at a place, made when it is missing.

    Raises
    ------
    LedgerError
        As of `FileStore` and `ServerStore`.
    """
    if place.path is not None:
        return FileStore(place.path)
    with _driver():
        from .postgres.store import ServerStore
    return ServerStore(place, timeout_s)


@contextmanager
def _driver() -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise LedgerUnusable(
            "a ledger on PostgreSQL needs its driver: install it with  "
            "pip install 'asksage_jupyter[postgres]'  and restart the kernel."
        ) from None
