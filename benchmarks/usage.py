"""The usage log at length: sealed once, loaded each time after, beside pandas.read_sql on the same rows.

Run ``python benchmarks/usage.py [calls [months]]``; 1,000,000 calls over 24 closed months unless told, and as
many, but no more than 1,000,000, in a month that goes on. Each figure is of a process of its own, whose peak
memory the system tells.
"""

from __future__ import annotations

import multiprocessing
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from asksage_jupyter import month
from asksage_jupyter.account import Account, Meter
from asksage_jupyter.ledger import Ledger

ME = Account("api.example", "me@example")
CALL = "op, account_id, sent_at, model, estimate, notebook, cell, project, user"
NOW = month.to_instant(datetime(2026, 11, 23, 9, tzinfo=UTC))
MODELS = [f"model-{number}" for number in range(12)]
PROJECTS = [None, "apollo", "gemini", "mercury"]
_READ_SQL = """
    SELECT call.op, call.sent_at, call.model, account.meter, notebook, cell, project, user, input_tokens,
           output_tokens, bill.tokens, estimate, source, status, duration_ms, request_id
    FROM call JOIN bill ON bill.op = call.op JOIN account ON account.id = call.account_id
"""


def build(path: Path, calls: int, months: int) -> None:
    """A ledger of `calls` settled calls over `months` closed months, written by hand and quickly.

    With no months they are of this one, until `NOW`.
    """
    ledger = Ledger(path, clock=lambda: NOW)
    ledger.set_plan(ME, Meter.INFERENCE, calls, source="benchmark")
    ledger.close()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = OFF", "cache_size = -500000", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    (account_id,) = connection.execute("SELECT id FROM account WHERE meter = 'inference'").fetchone()
    grant = (7_000, account_id, "top-up:benchmark", 0, NOW)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO grant_ VALUES (?,?,?,?,?)", grant)
    for entries, call, bill in _rows(account_id, grant[0], calls, months):
        connection.executemany("INSERT INTO entry VALUES (?,?,?,?,?,?,?,?,?,?,?)", entries)
        connection.execute(f"INSERT INTO call ({CALL}) VALUES (?,?,?,?,?,?,?,?,?)", call)
        connection.execute("INSERT INTO bill VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", bill)
    connection.execute("COMMIT")
    connection.close()


def _rows(account_id: int, grant_id: int, calls: int, months: int) -> Iterator[tuple[Any, Any, Any]]:
    random = Random(20261123)
    end = month.bounds(month.period_at(NOW))[0]
    start, end = (end - months * 30 * 86_400 * 10**6, end) if months else (end, NOW)
    hashed = bytes(32)
    for number in range(calls):
        t = start + number * (end - start) // calls
        op = str(UUID(int=(t // 1000 << 80) | random.getrandbits(80)))
        tokens, asked = random.randrange(5, 900), random.randrange(20, 9_000)
        where = (f"notebook-{random.randrange(200)}.ipynb", f"cell-{random.randrange(5_000)}")
        yield (
            (
                (grant_id, 2 * number + 1, op, "hold", tokens, calls * 1000, tokens, 0, t, t, hashed),
                (grant_id, 2 * number + 2, op, "settle", tokens, calls * 1000, 0, 0, t, None, hashed),
            ),
            (op, account_id, t, random.choice(MODELS), tokens + 9, *where, random.choice(PROJECTS), "me"),
            (grant_id, 2 * number + 2, op, t, tokens, "billed", "ok", asked, asked // 9, 900, op, None),
        )


def seal(path: Path) -> None:
    """The first reading, which seals the closed months."""
    _load(path)


def load(path: Path) -> None:
    """Every later reading."""
    _load(path)


def read_sql(path: Path) -> None:
    """The same columns through pandas alone."""
    import pandas

    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        pandas.read_sql(_READ_SQL, connection)


def adbc(path: Path) -> None:
    """The same columns through ADBC: quick, and never to be used in a process that has the ledger open."""
    from adbc_driver_sqlite import dbapi

    with dbapi.connect(f"file:{path}?mode=ro") as connection, connection.cursor() as cursor:
        cursor.execute(_READ_SQL)
        cursor.fetch_arrow_table().to_pandas()


def duckdb(path: Path) -> None:
    """The same through DuckDB's reader of SQLite, as quick, and never to be used in such a process either."""
    import duckdb as library
    import duckdb_extension_sqlite as extension

    (installed,) = Path(extension.__file__).parent.rglob("*.duckdb_extension")
    reader = path.with_name("sqlite_scanner.duckdb_extension")  # it is looked into by its own name
    reader.symlink_to(installed)
    with library.connect() as connection:
        connection.execute(f"LOAD '{reader}'")
        connection.execute(f"ATTACH '{path}' AS ledger (TYPE sqlite, READ_ONLY)")
        connection.execute("USE ledger")
        connection.execute(_READ_SQL.replace("user,", '"user",')).df()


def unsealed(path: Path) -> None:
    """As it would be read if nothing were ever sealed."""
    from asksage_jupyter.usage_log.reading import read

    ledger = Ledger(path, clock=lambda: NOW)
    read(ledger, [ME], None, None, now=NOW, fewest=10**12)
    ledger.close()


def by_notebook(path: Path) -> float:
    """Seconds that the sums by notebook take, of the sealed months, once they are loaded."""
    from asksage_jupyter.usage_log.parts import parts
    from asksage_jupyter.usage_log.reading import read

    ledger = Ledger(path, clock=lambda: NOW)
    calls = read(ledger, [ME], None, None, now=NOW)
    ledger.close()
    start = time.perf_counter()
    parts(calls, "notebook", Meter.INFERENCE, "UTC")
    return time.perf_counter() - start


def _load(path: Path) -> None:
    from asksage_jupyter.usage_log.reading import read

    ledger = Ledger(path, clock=lambda: NOW)
    read(ledger, [ME], None, None, now=NOW)
    ledger.close()


def measured(do: Callable[[Path], float | None], path: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and the peak memory in GB of `do`, in a process of its own; imports not timed."""
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    worker = context.Process(target=_measure, args=(do, path, results))
    worker.start()
    found: tuple[float, float, float] = results.get()
    worker.join()
    return found


def _measure(do: Callable[[Path], float | None], path: Path, results: Any) -> None:
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401

    import asksage_jupyter.ledger.book
    import asksage_jupyter.usage_log  # noqa: F401

    start, cpu = time.perf_counter(), time.process_time()
    try:
        took = do(path) or time.perf_counter() - start
    except Exception as error:  # noqa: BLE001  a peer that cannot is told, and the others go on
        print(f"{do.__name__}: {error}", file=sys.stderr)
        took = 0.0
    results.put((took, time.process_time() - cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6))


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    months = int(sys.argv[2]) if len(sys.argv) > 2 else 24
    with tempfile.TemporaryDirectory(prefix="asksage-usage-") as folder:
        closed, current = Path(folder) / "closed.db", Path(folder) / "current.db"
        for each in ((closed, calls, months), (current, min(1_000_000, calls), 0)):
            builder = multiprocessing.get_context("spawn").Process(target=build, args=each)
            builder.start()  # apart: its memory is not that of those that follow
            builder.join()
            if builder.exitcode:
                sys.exit("the ledger could not be built")
        compare(closed, current)


def compare(closed: Path, current: Path) -> None:
    """Measure and print all of a ledger of closed months, and of one of the month that goes on."""
    ours = [("not sealed", unsealed), ("sealing", seal), ("loading", load), ("by() of it", by_notebook)]
    peers = [("pandas.read_sql", read_sql)]
    peers += [("ADBC", adbc)] if find_spec("adbc_driver_sqlite") else []
    peers += [("DuckDB", duckdb)] if find_spec("duckdb_extension_sqlite") else []
    print(f"closed months: {told_of(closed)}")
    for name, do in ours + peers:
        tell(name, do, closed)
    print(f"the month that goes on: {told_of(current)}")
    for name, do in (("not sealed", unsealed), ("the first time", seal), ("the second", load)):
        tell(name, do, current)


def told_of(path: Path) -> str:
    """How many calls a ledger has, and how large its file is."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        (calls,) = connection.execute("SELECT count(*) FROM call").fetchone()
    return f"{calls:,} calls, {path.stat().st_size / 1e9:.2f} GB"


def tell(name: str, do: Callable[[Path], float | None], path: Path) -> None:
    """Measure and print it."""
    took, cpu, memory = measured(do, path)
    told = f"{took:8.2f} s  CPU {cpu:7.2f} s  peak {memory:5.2f} GB" if took else "not there"
    print(f"{name:<16} {told}", flush=True)


if __name__ == "__main__":
    main()
