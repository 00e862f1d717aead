"""A connection to PostgreSQL that never waits for ever."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from ....errors import LedgerUnusable
from .faults import Blocked, Silent, is_crowded

T = TypeVar("T")

# As of `connections`: where nobody asked for the driver's log, Python prints its warnings.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_OLDEST = 120_000  # what hashes, and what triggers on tables in parts
_KEPT_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class BoundedConnection(psycopg.Connection[Any]):
    """Gives up when the server has been silent for `silence_s` seconds and is not at work.

    This is for when the network or the server itself is stuck, which a long query is not: half the time is
    for its answer, and then the server is asked after it. The statements of a move are bounded by the server.
    """

    silence_s = 10.0
    is_at_work: Callable[[int], bool] | None = None
    """Tells of one of the server's processes whether it works on an answer.

    It raises `Silent` without one, and `Blocked` where another keeps it waiting.
    """
    is_bounded = False
    """Whether the server itself bounds what is run, so that it need not be asked."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._put_off: list[tuple[str, Any]] = []
        self.cursor_factory = _Cursor

    def put_off(self, sql: str, values: Any = None) -> None:
        """Run a statement whose rows nobody wants with the next one: both go one way there and back."""
        self._put_off.append((sql, values))

    def forget_put_off(self) -> list[tuple[str, Any]]:
        """Take what was put off, which is then run by whoever took it, or never."""
        waiting, self._put_off = self._put_off, []
        return waiting

    @contextmanager
    def pipeline(self) -> Iterator[psycopg.Pipeline]:
        """What is run within goes one way there and back."""
        try:
            with super().pipeline() as pipeline:
                yield pipeline
        except psycopg.Error as error:
            # What is left unread by a stop cannot be left in order, and the stop is what counts.
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            raise

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **options: Any) -> T:
        """Run one exchange with the server."""
        try:
            return super().wait(self._heard(gen), *args, **options)
        except Silent:
            self.pgconn.finish()  # nothing more can be read from it
            with suppress(Exception):
                gen.close()
            raise

    def _heard(self, exchange: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The same exchange, and an error when nothing came for too long."""
        looks = 0
        try:
            asked = next(exchange)
            until = time.monotonic() + self.silence_s / 2
            while True:
                ready = yield asked
                if ready:
                    looks, until = 0, time.monotonic() + self.silence_s / 2
                elif time.monotonic() > until:
                    looks = self._looked(looks)
                    until = time.monotonic() + self.silence_s / 2
                asked = exchange.send(ready)
        except StopIteration as done:
            result: T = done.value
            return result

    def _looked(self, looks: int) -> int:
        """How often in a row the server was found not at work on the answer.

        The answer may have come since it was waited for: twice, and it is lost, or kept from us.
        """
        fault = Silent("the server is silent")
        try:
            if self._is_answering():
                return 0
        except Blocked as error:
            fault = error
        if looks:
            raise fault
        return 1

    def _is_answering(self) -> bool:
        if self.is_bounded or self.is_at_work is None:
            return False
        return self.is_at_work(self.pgconn.backend_pid)


class _Cursor(psycopg.Cursor[Any]):
    """Runs what was put off ahead of its own statement."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Run a statement."""
        connection: Any = self.connection
        if waiting := connection.forget_put_off():
            with nullcontext() if connection.pgconn.pipeline_status else connection.pipeline():
                for sql, values in waiting:
                    # Only what is asked again and again is worth preparing.
                    psycopg.Cursor(connection).execute(sql, values, prepare=None if values else False)
                super().execute(query, params, **options)
            return self
        return super().execute(query, params, **options)


class _Whole(Loader):
    """Sums of whole numbers come as numeric; all that is counted here is whole."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


def engine_of(url: URL, title: str, timeout_s: float) -> Engine:
    """An engine whose connections are in autocommit: transactions begin where the ledger says so.

    Parameters
    ----------
    url : URL
        Options of libpq in its query go to libpq. Behind a pooler statements are left unprepared, unless
        ``prepare_threshold=5`` says that it keeps those of each client apart.
    title : str
        How the ledger is shown.
    timeout_s : float
        How long connecting may take, and how long the server may be silent.
    """

    def connect() -> BoundedConnection:
        connection = _connect(url, timeout_s)
        try:
            _check(connection, title)
            if _is_pooled(connection) and "prepare_threshold" not in url.query:
                connection.prepare_threshold = None
        except BaseException:
            connection.close()
            raise
        connection.is_at_work = partial(_is_at_work, url, timeout_s)
        return connection

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        poolclass=NullPool,
        pool_reset_on_return=None,  # what is given back is closed; a lost one would be reported in the log
        use_native_hstore=False,  # or each process would first ask for its type
    )


def _connect(url: URL, timeout_s: float) -> BoundedConnection:
    options: dict[str, Any] = {
        "connect_timeout": max(2, round(timeout_s)),
        "tcp_user_timeout": round(timeout_s * 1000),
        "application_name": "asksage_jupyter",
        **_KEPT_ALIVE,
        **url.translate_connect_args(username="user", database="dbname"),
        **url.query,
        "client_encoding": "utf8",  # whatever PGCLIENTENCODING says
    }
    threshold = str(options.pop("prepare_threshold", 5))
    options["prepare_threshold"] = int(threshold) if threshold.isdecimal() else None
    connection = BoundedConnection.connect(autocommit=True, **options)
    connection.silence_s = timeout_s
    connection.adapters.register_loader("numeric", _Whole)
    return connection


def _check(connection: BoundedConnection, title: str) -> None:
    """Refuse a server that cannot keep a ledger; it told what it is when it was connected to."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise LedgerUnusable(
            f"the database of the ledger {title} keeps text as {encoding}, and names can be of any letters: "
            f"make one with  CREATE DATABASE name TEMPLATE template0 ENCODING 'UTF8'  and set "
            f"ASKSAGE_LEDGER to it."
        )
    if connection.info.server_version < _OLDEST:
        raise LedgerUnusable(
            f"the server of the ledger {title} is PostgreSQL {connection.info.server_version // 10_000}: "
            f"a ledger needs {_OLDEST // 10_000} or newer: have it upgraded, or set ASKSAGE_LEDGER."
        )


def _is_pooled(connection: BoundedConnection) -> bool:
    """Whether a pooler is in between: the number of the server's process that it told is made up.

    One that lends a server for a transaction may run another client's statement of the same name instead,
    where it takes the same values.
    """
    asked: Any = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    if asked[0] == connection.info.backend_pid:
        return False
    connection.execute("BEGIN", prepare=False)  # one that lends a server for a statement says so here
    connection.rollback()
    return True


def _is_at_work(url: URL, timeout_s: float, pid: int) -> bool:
    """Whether the server's process is busy; of a pooler's, which is none of its own, that it is there."""
    try:
        with closing(_connect(url, timeout_s / 2)) as connection:
            asked = "SELECT state, wait_event_type FROM pg_stat_activity WHERE pid = %s"
            found = connection.execute(asked, [pid]).fetchone()
    except psycopg.Error as error:
        if is_crowded(error):
            return True
        raise Silent("the server cannot be reached") from None
    if found == ("active", "Lock"):
        raise Blocked("another program keeps a table of the ledger to itself")
    return found is None or found[0] == "active"
