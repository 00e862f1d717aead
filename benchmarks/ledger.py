"""The ledger beside bare sqlite3, in one run: two durable commits a call, and a balance at any length.

Run ``python benchmarks/ledger.py [calls]``; `calls` (1,000,000) is the length of the long history. Then the
same on a PostgreSQL server that is started for it, beside bare psycopg.
"""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from asksage_jupyter import month
from asksage_jupyter.account import Account, Bill, Call, Meter, Source
from asksage_jupyter.ledger import Ledger, new_op

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from postgres_server import PostgresServer

ME = Account("api.example", "me@example")
CALL = "op, account_id, sent_at, model, estimate, notebook, cell, project, user"
ROUNDS = 400


def ask(ledger: Ledger) -> None:
    """Hold and settle one call."""
    call = Call(new_op(), month.now(), "a-model", Meter.INFERENCE, 100, "a.ipynb", "cell", "a-project", "me")
    ledger.hold(ME, call, due=call.sent_at + 3600 * 10**6)
    ledger.settle(call.op, Bill(90, Source.BILLED, input_tokens=800, output_tokens=40, duration_ms=900))


def bare(path: Path) -> Callable[[], None]:
    """The same rows by hand: no reading, no hash, nobody to share with."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    grant_id, seq, granted = connection.execute(
        "SELECT grant_id, seq, granted FROM entry ORDER BY grant_id DESC, seq DESC LIMIT 1"
    ).fetchone()
    hashed = bytes(32)

    def insert(kind: str, op: str, due: int | None) -> None:
        nonlocal seq
        seq += 1
        row = (grant_id, seq, op, kind, 90, granted, 0, 0, month.now(), due, hashed)
        connection.execute("INSERT INTO entry VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)

    def ask_bare() -> None:
        op, t = new_op(), month.now()
        connection.execute("BEGIN IMMEDIATE")
        insert("hold", op, t)
        row = (op, 1, t, "a-model", 100, "a.ipynb", "cell", "a-project", "me")
        connection.execute(f"INSERT INTO call ({CALL}) VALUES (?,?,?,?,?,?,?,?,?)", row)
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        insert("settle", op, None)
        row = (grant_id, seq, op, t, 90, "billed", "ok", 800, 40, 900, None, None)
        connection.execute("INSERT INTO bill VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", row)
        connection.execute("COMMIT")

    return ask_bare


def timed(do: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each of `times` runs."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        do()
        took.append((time.perf_counter() - start) * 1e3)
    return took


def bare_psycopg(server: PostgresServer, schema: str) -> Callable[[], None]:
    """The same on a server, whose locks alone are shared."""
    import psycopg

    connection = psycopg.connect(
        host=str(server.folder), user="asksage", dbname="postgres", options=f"-csearch_path={schema}"
    )
    grant_id, seq, granted = connection.execute(
        "SELECT grant_id, seq, granted FROM entry ORDER BY grant_id DESC, seq DESC LIMIT 1"
    ).fetchone() or (0, 0, 0)
    hashed = bytes(32)

    def insert(table: str, *row: object) -> None:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", row)

    def ask_bare() -> None:
        nonlocal seq
        op, t = new_op(), month.now()
        connection.execute("SELECT id FROM account FOR UPDATE")
        insert("entry", grant_id, seq + 1, op, "hold", 90, granted, 0, 0, t, t, hashed)
        insert("call", op, 1, t, "a-model", 100, "a.ipynb", "cell", "a-project", "me")
        connection.commit()
        connection.execute("SELECT id FROM account FOR UPDATE")
        insert("entry", grant_id, seq + 2, op, "settle", 90, granted, 0, 0, t, None, hashed)
        insert("bill", grant_id, seq + 2, op, t, 90, "billed", "ok", 800, 40, 900, None, None)
        connection.commit()
        seq += 2

    return ask_bare


def one_of_many(path: Path | str, go: object, results: object) -> None:
    ledger = Ledger(path)
    go.wait()  # type: ignore[attr-defined]
    results.put(timed(lambda: ask(ledger), ROUNDS // 4))  # type: ignore[attr-defined]


def many(path: Path | str, processes: int) -> tuple[float, float]:
    """Calls a second, and the longest wait in ms, of `processes` kernels on one account."""
    context = multiprocessing.get_context("spawn")
    go, results = context.Event(), context.Queue()
    workers = [context.Process(target=one_of_many, args=(path, go, results)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    time.sleep(4)
    start = time.perf_counter()
    go.set()
    took = [t for _ in workers for t in results.get()]
    rate = len(took) / (time.perf_counter() - start)
    for worker in workers:
        worker.join()
    return rate, max(took)


def heard(ledger: Ledger) -> list[float]:
    """Milliseconds from a commit until a watch calls."""
    told = threading.Event()
    ledger.watch(told.set)
    took = []
    for _ in range(100):
        told.clear()
        ledger.correct(ME, Meter.INFERENCE, 1, op=new_op())
        start = time.perf_counter()
        told.wait()
        took.append((time.perf_counter() - start) * 1e3)
    return took


def lengthen(path: Path, calls: int) -> None:
    """Add `calls` settled calls to the ledger's newest grant, quickly and not as the ledger would."""
    connection = sqlite3.connect(path, isolation_level=None)
    grant_id, seq, granted = connection.execute(
        "SELECT grant_id, seq, granted FROM entry ORDER BY grant_id DESC, seq DESC LIMIT 1"
    ).fetchone()
    t, hashed = month.now(), bytes(32)
    connection.execute("BEGIN")
    for number in range(calls):
        op, last = new_op(), seq + 2 * number
        rows = (
            (grant_id, last + 1, op, "hold", 1, granted, 1, number, t, t, hashed),
            (grant_id, last + 2, op, "settle", 1, granted, 0, number + 1, t, None, hashed),
        )
        connection.executemany("INSERT INTO entry VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
        row = (op, 1, t, "a-model", 100, "a.ipynb", "cell", "a-project", "me")
        connection.execute(f"INSERT INTO call ({CALL}) VALUES (?,?,?,?,?,?,?,?,?)", row)
        row = (grant_id, last + 2, op, t, 1, "billed", "ok", 800, 40, 900, None, None)
        connection.execute("INSERT INTO bill VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", row)
    connection.execute("COMMIT")
    connection.close()


def main(calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.sqlite"), Path(folder, "theirs.sqlite")
        for path in (ours, theirs):
            ledger = Ledger(path)
            ledger.open_month(ME, Meter.INFERENCE, 10**12, source="benchmark")
            ledger.close()
        ledger, by_hand = Ledger(ours), bare(theirs)
        took: tuple[list[float], list[float]] = ([], [])
        for _ in range(4):  # in turns, so that a busy machine is busy for both
            took[0].extend(timed(lambda: ask(ledger), ROUNDS // 4))
            took[1].extend(timed(by_hand, ROUNDS // 4))
        mine, bares = median(took[0]), median(took[1])
        print(f"hold + settle      {mine:8.3f} ms   bare sqlite3 {bares:.3f} ms   ratio {mine / bares:.2f}")
        for processes in (1, 8):
            rate, longest = many(ours, processes)
            print(f"{processes} process(es)     {rate:8.0f} calls/s   longest {longest:.1f} ms")
        few = Ledger(Path(folder, "few.sqlite"))
        few.open_month(ME, Meter.INFERENCE, 10**12, source="benchmark")
        for _ in range(10):
            ask(few)
        print(f"balance at 10          {median(timed(lambda: few.balance(ME), 2000)) * 1e3:5.0f} us")
        few.close()
        ledger.close()
        lengthen(ours, calls)
        start = time.perf_counter()
        ledger = Ledger(ours)
        print(f"open at {calls:<9,}     {(time.perf_counter() - start) * 1e3:7.1f} ms")
        print(f"balance at {calls:<9,} {median(timed(lambda: ledger.balance(ME), 2000)) * 1e3:6.0f} us")
        print(f"hold + settle at it {median(timed(lambda: ask(ledger), 200)):7.3f} ms")
        start = time.perf_counter()
        read = len(ledger.calls())
        print(f"calls() of {read:<9,} {time.perf_counter() - start:6.1f} s")
        ledger.close()


def on_a_server() -> None:
    server = PostgresServer(fsync=True)
    try:
        server.start()
        ours, theirs = (server.new_schema() for _ in range(2))
        for schema in (ours, theirs):
            ledger = Ledger(server.url("postgres", schema=schema))
            ledger.open_month(ME, Meter.INFERENCE, 10**12, source="benchmark")
            ledger.close()
        url = server.url("postgres", schema=ours)
        ledger, by_hand = Ledger(url), bare_psycopg(server, theirs)
        took: tuple[list[float], list[float]] = ([], [])
        for _ in range(4):
            took[0].extend(timed(lambda: ask(ledger), ROUNDS // 4))
            took[1].extend(timed(by_hand, ROUNDS // 4))
        mine, bares = median(took[0]), median(took[1])
        print(f"PostgreSQL         {mine:8.3f} ms   bare psycopg {bares:.3f} ms   ratio {mine / bares:.2f}")
        for processes in (1, 8):
            rate, longest = many(url, processes)
            print(f"{processes} process(es)     {rate:8.0f} calls/s   longest {longest:.1f} ms")
        print(f"balance                {median(timed(lambda: ledger.balance(ME), 1000)) * 1e3:5.0f} us")
        print(f"heard after        {median(heard(ledger)):8.3f} ms")
        ledger.close()
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(server.folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    on_a_server()
