"""The ledger beside bare sqlite3 and bare psycopg: two durable commits a call, and a balance at any length.

Run ``python benchmarks/ledger.py [calls]``; `calls` (1,000,000) is the length of the longest history. Kernels
are processes, 1 to 16 of them on one account. The PostgreSQL server is started for it, and 0, 1 and 10 ms
away there and back; beside it stand the statements of pgledger too, whose two transfers a call know no
person, no limit, no call and no retry.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from asksage_jupyter import month
from asksage_jupyter.account import Account, Bill, Call, Meter, Source
from asksage_jupyter.ledger import Ledger, new_op

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parent))
from distance import far
from postgres_server import running

ME = Account("api.example", "me@example")
CALL = 'op, account_id, sent_at, model, estimate, notebook, cell, project, "user"'
ROUNDS = 400
PROCESSES = (1, 4, 8, 16)
DELAYS_MS = (0, 1, 10)


def ask(ledger: Ledger) -> None:
    """Hold and settle one call."""
    call = Call(new_op(), month.now(), "a-model", Meter.INFERENCE, 100, "a.ipynb", "cell", "a-project", "me")
    ledger.hold(ME, call, due=call.sent_at + 3600 * 10**6)
    ledger.settle(call.op, Bill(90, Source.BILLED, input_tokens=800, output_tokens=40, duration_ms=900))


def bare(path: Path) -> Callable[[], None]:
    """The same rows by hand: no hash, no plan, no refusal."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.execute("PRAGMA synchronous = FULL")
    (grant_id,) = connection.execute("SELECT max(grant_id) FROM entry").fetchone()

    def insert(kind: str, op: str, due: int | None) -> int:
        asked = "SELECT seq + 1, granted FROM entry WHERE grant_id = ? ORDER BY seq DESC LIMIT 1"
        seq, granted = connection.execute(asked, (grant_id,)).fetchone()
        row = (grant_id, seq, op, kind, 90, granted, 0, 0, month.now(), due, bytes(32))
        connection.execute("INSERT INTO entry VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)
        return seq

    def ask_bare() -> None:
        op, t = new_op(), month.now()
        connection.execute("BEGIN IMMEDIATE")
        insert("hold", op, t)
        row = (op, 1, t, "a-model", 100, "a.ipynb", "cell", "a-project", "me")
        connection.execute(f"INSERT INTO call ({CALL}) VALUES (?,?,?,?,?,?,?,?,?)", row)
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        seq = insert("settle", op, None)
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


def connected(host: str, schema: str):
    import psycopg

    return psycopg.connect(host=host, user="asksage", dbname="postgres", options=f"-csearch_path={schema}")


def bare_psycopg(host: str, schema: str) -> Callable[[], None]:
    """The same on a server, where the account's row is locked."""
    connection = connected(host, schema)
    grant_id = connection.execute("SELECT max(grant_id) FROM entry").fetchone()[0]

    def insert(table: str, *row: object) -> None:
        columns = f"({CALL})" if table == "call" else ""
        values = ", ".join(["%s"] * len(row))
        connection.execute(f"INSERT INTO {table} {columns} VALUES ({values})", row)

    def tail() -> tuple[int, int]:
        connection.execute("SELECT id FROM account WHERE id = 1 FOR UPDATE")
        asked = "SELECT seq, granted FROM entry WHERE grant_id = %s ORDER BY seq DESC LIMIT 1"
        return connection.execute(asked, [grant_id]).fetchone()

    def ask_bare() -> None:
        op, t = new_op(), month.now()
        seq, granted = tail()
        insert("entry", grant_id, seq + 1, op, "hold", 90, granted, 0, 0, t, t, bytes(32))
        insert("call", op, 1, t, "a-model", 100, "a.ipynb", "cell", "a-project", "me")
        connection.commit()
        seq, granted = tail()
        insert("entry", grant_id, seq + 1, op, "settle", 90, granted, 0, 0, t, None, bytes(32))
        insert("bill", grant_id, seq + 1, op, t, 90, "billed", "ok", 800, 40, 900, None, None)
        connection.commit()

    return ask_bare


# What pgledger (github.com/pgr0ss/pgledger) keeps and does in a transfer, written anew after its description:
# both accounts locked and changed, a transfer, two entries with the balances before and after.
TRANSFERS = """
    CREATE TABLE accounts (id text PRIMARY KEY, balance numeric NOT NULL DEFAULT 0, version bigint NOT NULL
        DEFAULT 0, updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE transfers (id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
        from_id text NOT NULL REFERENCES accounts, to_id text NOT NULL REFERENCES accounts,
        amount numeric NOT NULL CHECK (amount > 0), created_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX ON transfers (from_id);
    CREATE INDEX ON transfers (to_id);
    CREATE INDEX ON transfers (created_at);
    CREATE TABLE entries (id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
        account_id text NOT NULL REFERENCES accounts, transfer_id text NOT NULL REFERENCES transfers,
        amount numeric NOT NULL, before numeric NOT NULL, after numeric NOT NULL, version bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX ON entries (account_id); CREATE INDEX ON entries (transfer_id);
    INSERT INTO accounts (id) VALUES ('granted'), ('held'), ('used');
    CREATE FUNCTION transfer(source text, target text, tokens numeric) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE made text; giver accounts; taker accounts;
    BEGIN
        PERFORM id FROM accounts WHERE id = least(source, target) FOR UPDATE;
        PERFORM id FROM accounts WHERE id = greatest(source, target) FOR UPDATE;
        UPDATE accounts SET balance = balance - tokens, version = version + 1, updated_at = now()
            WHERE id = source RETURNING * INTO giver;
        UPDATE accounts SET balance = balance + tokens, version = version + 1, updated_at = now()
            WHERE id = target RETURNING * INTO taker;
        INSERT INTO transfers (from_id, to_id, amount) VALUES (source, target, tokens) RETURNING id INTO made;
        INSERT INTO entries (account_id, transfer_id, amount, before, after, version)
            VALUES (source, made, -tokens, giver.balance + tokens, giver.balance, giver.version);
        INSERT INTO entries (account_id, transfer_id, amount, before, after, version)
            VALUES (target, made, tokens, taker.balance - tokens, taker.balance, taker.version);
        RETURN made;
    END $$;
"""


def transfers(host: str, schema: str) -> Callable[[], None]:
    """Two transfers, each one statement to the server: into what is held, and from there to what is used."""
    connection = connected(host, schema)
    connection.autocommit = True

    def ask_bare() -> None:
        connection.execute("SELECT transfer('granted', 'held', 100)")
        connection.execute("SELECT transfer('held', 'used', 90)")

    return ask_bare


def of_ours(where: Path | str) -> Callable[[], None]:
    ledger = Ledger(where)
    return lambda: ask(ledger)


def one_of_many(
    make: Callable[..., Callable[[], None]], where: tuple, calls: int, start: object, results: object
) -> None:
    do = make(*where)
    do()
    start.wait()  # type: ignore[attr-defined]
    results.put(timed(do, calls))  # type: ignore[attr-defined]


def many(
    make: Callable[..., Callable[[], None]], *where: object, processes: int, calls: int
) -> tuple[float, float]:
    """Calls a second, and the longest wait in ms, of `processes` kernels on one account."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(processes + 1), context.Queue()
    workers = [
        context.Process(target=one_of_many, args=(make, where, calls, start, results))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    start.wait()
    since = time.perf_counter()
    took = [t for _ in workers for t in results.get()]
    rate = len(took) / (time.perf_counter() - since)
    for worker in workers:
        worker.join()
    return rate, max(took)


def side_by_side(title: str, cases: dict[str, tuple], calls: int = ROUNDS // 4) -> None:
    """The same of each case, in turn, with 1, 4, 8 and 16 processes of so many calls."""
    for processes in PROCESSES:
        for name, (make, *where) in cases.items():
            rate, longest = many(make, *where, processes=processes, calls=calls)
            told = f"{rate:6.0f} calls/s  longest {longest:7.1f} ms"
            print(f"{title}, {processes:2} process(es)  {name:22} {told}", flush=True)


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
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
        connection.execute(f"PRAGMA {pragma}")
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
        in_turn("SQLite", of_ours(ours), bare(theirs), "sqlite3")
        side_by_side("SQLite", {"ours": (of_ours, ours), "bare sqlite3": (bare, theirs)})
        few = Path(folder, "few.sqlite")
        ledger = Ledger(few)
        ledger.open_month(ME, Meter.INFERENCE, 10**12, source="benchmark")
        ledger.close()
        there = 0
        for length in sorted({10, 1_000, 100_000, 1_000_000, calls}):
            if length > calls:
                break
            lengthen(few, length - there)
            there = length + 50
            at_length(few, length)


def at_length(path: Path, calls: int) -> None:
    """What opening, a balance, and fifty calls more take at a history of so many."""
    Ledger(path).close()  # and wait for the disk, for which `lengthen` did not
    start = time.perf_counter()
    ledger = Ledger(path)
    opened = (time.perf_counter() - start) * 1e3
    balance = median(timed(lambda: ledger.balance(ME), 500)) * 1e3
    pair = median(timed(lambda: ask(ledger), 50))
    ledger.close()
    size = path.stat().st_size / (calls + 50)
    print(
        f"at {calls:10,} calls  open {opened:6.1f} ms  balance {balance:4.0f} us  "
        f"hold + settle {pair:6.2f} ms  {size:6.0f} bytes a call",
        flush=True,
    )


def in_turn(
    title: str, mine: Callable[[], None], theirs: Callable[[], None], name: str, rounds: int = ROUNDS
) -> None:
    """One process of each, in turns, so that a busy machine is busy for both."""
    took: tuple[list[float], list[float]] = ([], [])
    cpu = [0.0, 0.0]
    for _ in range(4):
        for place, do in enumerate((mine, theirs)):
            since = time.process_time()
            took[place].extend(timed(do, rounds // 4))
            cpu[place] += time.process_time() - since
    ours, bare_ms = map(median, took)
    each = f"{ours:7.3f} ms  bare {name} {bare_ms:7.3f} ms  ratio {ours / bare_ms:5.2f}"
    cpu_ms = [seconds / (rounds // 4 * 4) * 1e3 for seconds in cpu]
    print(f"{title}, hold + settle  {each}; CPU {cpu_ms[0]:5.3f} and {cpu_ms[1]:5.3f} ms", flush=True)


def on_a_server() -> None:
    with running(fsync=True) as server:
        ours, theirs, moved = (server.new_schema() for _ in range(3))
        for schema in (ours, theirs):
            ledger = Ledger(server.url("postgres", schema=schema))
            ledger.open_month(ME, Meter.INFERENCE, 10**12, source="benchmark")
            ledger.close()
        with connected(str(server.folder), moved) as connection:
            connection.execute(TRANSFERS)
        for delay_ms in DELAYS_MS:
            with far(str(server.folder), delay_ms) as host:
                url = server.url("postgres", schema=ours).replace(str(server.folder), host)
                title = f"PostgreSQL at {delay_ms} ms"
                rounds = ROUNDS // (1 + delay_ms)
                in_turn(title, of_ours(url), bare_psycopg(host, theirs), "psycopg", rounds)
                cases = {
                    "ours": (of_ours, url),
                    "bare psycopg": (bare_psycopg, host, theirs),
                    "pgledger's statements": (transfers, host, moved),
                }
                side_by_side(title, cases, calls=50 // (1 + delay_ms) + 5)
        ledger = Ledger(server.url("postgres", schema=ours))
        print(f"balance                {median(timed(lambda: ledger.balance(ME), 500)) * 1e3:5.0f} us")
        print(f"heard after        {median(heard(ledger)):8.3f} ms")
        ledger.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    try:
        on_a_server()
    except pytest.fail.Exception as missing:
        print(f"PostgreSQL         not there: {missing}")
