"""A real PostgreSQL server, started for the tests that ask for it and gone when they are over."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from patience import WAIT_S

_OWNER = "asksage"
_INSTALLED = Path("/usr/lib/postgresql")  # where Debian keeps what it does not put on the path
_OPTIONS = ("listen_addresses=", "max_connections=300", "log_min_messages=fatal")


class PostgresServer:
    """One server with a folder and a socket of its own, reachable by this machine's users alone.

    Parameters
    ----------
    fsync : bool
        Without, a killed server loses nothing, but a machine's crash may: enough to test the ledger.

    Attributes
    ----------
    folder : Path
        Holds the socket; what ``host`` is in a URL.
    """

    def __init__(self, *, fsync: bool = False) -> None:
        self._options = (*_OPTIONS, f"fsync={'on' if fsync else 'off'}")
        self._programs = _programs()
        # Not below pytest's own folder, which only its owner may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="asksage-postgres-"))
        self._rights = _rights_of_the_server(self.folder)
        self._data = self.folder / "data"
        self._log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        initdb = [self._programs / "initdb", "-A", "trust", "-U", _OWNER, "-N", "-E", "UTF8", "--locale=C"]
        subprocess.run([*initdb, "-D", self._data], check=True, capture_output=True, **self._rights)

        # One role alone must tell its password.
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all locked scram-sha-256\n{rules.read_text()}")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [word for option in self._options for word in ("-c", option)]
        command = [self._programs / "postgres", "-D", self._data, "-k", self.folder, *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **self._rights)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it answers, also one that recovers from a crash."""
        asked = [self._programs / "pg_isready", "-q", "-h", self.folder]
        while subprocess.run(asked).returncode:
            assert self._process is not None and self._process.poll() is None, self._log.read_text()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: connections are cut (SIGINT), or everything is dropped as by a crash (SIGQUIT)."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(WAIT_S)
            self._process = None

    def url(self, database: str, user: str = _OWNER, *, schema: str = "public") -> str:
        """SQLAlchemy's URL of a database, or of a schema in it."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}&options=-csearch_path%3D{schema}"

    def new_schema(self) -> str:
        """Make an empty schema in the database "postgres", which is faster; returns its name."""
        name = f"ledger_{next(self._numbers)}"
        self.execute(f"CREATE SCHEMA {name}")
        return name

    def new_database(self) -> str:
        """Make an empty database; returns its name."""
        name = f"ledger_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the owner, on a connection of its own."""
        with self.connect(database) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def rights_in(self, folder: Path) -> dict[str, object]:
        """How to start another program as this server's own user, with a folder for it."""
        return _rights_of_the_server(folder)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Connect as the owner; each statement is a transaction."""
        return psycopg.connect(host=str(self.folder), user=_OWNER, dbname=database, autocommit=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this run."""
    with running() as server:
        yield server


@contextmanager
def running(*, fsync: bool = False) -> Iterator[PostgresServer]:
    """Start a server, and take it away again."""
    server = PostgresServer(fsync=fsync)
    try:
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(server.folder)


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """The URL of a database that is new and empty."""
    return postgres.url(postgres.new_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """The place of a ledger that is not made yet: a file, then a schema of a database."""
    if request.param == "sqlite":
        return tmp_path / "ledger.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url("postgres", schema=server.new_schema())


def _programs() -> Path:
    """The folder of the server's programs."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not versions:
        pytest.fail("these tests need a PostgreSQL server: apt-get install postgresql", pytrace=False)
    return versions[-1].parent


def _rights_of_the_server(folder: Path) -> dict[str, object]:
    """How to start the server's programs: they refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    shutil.chown(folder, "postgres", "postgres")
    return {"user": "postgres", "group": "postgres", "extra_groups": []}
