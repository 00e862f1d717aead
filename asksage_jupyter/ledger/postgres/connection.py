"""A connection to PostgreSQL that never waits for ever."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import NullPool

from .faults import Silent

T = TypeVar("T")

_KEPT_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class BoundedConnection(psycopg.Connection[Any]):
    """Gives up when the server has been silent for `silence_s` seconds.

    The server bounds its own waits; this one is for when the network or the server itself is stuck.
    """

    silence_s = 10.0

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
            return super().wait(_heard(gen, self.silence_s), *args, **options)
        except Silent:
            self.pgconn.finish()  # nothing more can be read from it
            with suppress(Exception):
                gen.close()
            raise


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


def _heard(exchange: Generator[Any, Any, T], silence_s: float) -> Generator[Any, Any, T]:
    """The same exchange, and an error when nothing came for too long."""
    try:
        asked = next(exchange)
        until = time.monotonic() + silence_s
        while True:
            ready = yield asked
            if ready:
                until = time.monotonic() + silence_s
            elif time.monotonic() > until:
                raise Silent("the server is silent")
            asked = exchange.send(ready)
    except StopIteration as done:
        result: T = done.value
        return result


class _Whole(Loader):
    """Sums of whole numbers come as numeric; all that is counted here is whole."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


def engine_of(url: URL, timeout_s: float) -> Engine:
    """An engine whose connections are in autocommit: transactions begin where the ledger says so.

    Parameters
    ----------
    url : URL
        Options of libpq in its query go to libpq; ``prepare_threshold=none`` leaves all statements
        unprepared, for poolers that cannot keep them.
    timeout_s : float
        How long connecting may take, and how long the server may be silent.
    """
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connect(url, timeout_s),
        poolclass=NullPool,
        pool_reset_on_return=None,  # what is given back is closed; a lost one would be reported in the log
        use_native_hstore=False,  # or each process would first ask for its type
    )


def _connect(url: URL, timeout_s: float) -> BoundedConnection:
    options: dict[str, Any] = {
        "connect_timeout": max(2, round(timeout_s)),
        "application_name": "asksage_jupyter",
        **_KEPT_ALIVE,
        **url.translate_connect_args(username="user", database="dbname"),
        **url.query,
    }
    threshold = str(options.pop("prepare_threshold", 5))
    options["prepare_threshold"] = int(threshold) if threshold.isdecimal() else None
    connection = BoundedConnection.connect(autocommit=True, **options)
    connection.silence_s = timeout_s
    connection.adapters.register_loader("numeric", _Whole)
    return connection
