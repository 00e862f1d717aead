"""The proofs under faults, at length: what the tests do briefly, done until it would have shown.

Run ``python benchmarks/faults.py [share]``; a `share` of 0.1 does a tenth of it. Linux, with a C compiler.
Each line is a promise that was kept so many times; the first one that is not ends the run.
"""

from __future__ import annotations

import errno
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fault_desk import check, exhaust, kill_backends, kill_clients
from faulty_disk import compiled, on_disk
from late_desk import stress
from ledger_desk import ME, figures
from postgres_server import running
from power_cut import cuts, events

from asksage_jupyter.ledger import Ledger

TOKENS = 7


def failing(library: Path, folder: Path, share: float) -> str:
    step = max(1, round(1 / share))
    points = sum(
        on_disk(library, "each_fails", made(folder / str(error)), error, step)["points"]
        for error in (errno.EIO, errno.ENOSPC)
    )
    periodic = on_disk(library, "every_nth_fails", made(folder / "n"), errno.EIO, max(2, round(60 * share)))
    return f"{points} points of failure one by one, {periodic['failed']:,} failures every n-th"


def killed(library: Path, folder: Path, share: float) -> str:
    points = on_disk(library, "killed_at_each", made(folder / "each"), max(1, round(1 / share)))["points"]
    where, kills = str(folder / "ledger.sqlite"), round(600 * share)
    heard = kill_clients(where, kills)
    check(where, heard)
    settled = sum(word == "settled" for word in heard.values())
    return f"{points} points of death one by one, {kills} kills at random, {settled:,} settles acknowledged"


def killed_on_a_server(_: Path, _folder: Path, share: float) -> str:
    with running() as server:
        where, clients = server.url("postgres", schema=server.new_schema()), round(600 * share)
        check(where, kill_clients(where, clients))
        where, backends = server.url("postgres", schema=server.new_schema()), max(1, round(40 * share))
        check(where, kill_backends(server, where, backends))
    return f"{clients} clients and {backends} of the server's own processes"


def overtaken(_: Path, _folder: Path, share: float) -> str:
    with running() as server:
        where = server.url("postgres", schema=server.new_schema())
        calls, presumed = stress(where, max(20, round(600 * share)), presumers=3)
    return (
        f"{calls:,} calls of 5 people settled past due, {presumed:,} of them presumed meanwhile by 3 others"
    )


def powerless(library: Path, folder: Path, share: float) -> str:
    number = max(1, round(250 * share))
    for every in (0, 17, 29, 101):  # a sound disk, and three of which every so many calls fail
        place, journal = made(folder / str(every)), folder / f"{every}.journal"
        on_disk(library, "remembered", made(place / "disk"), journal, 300, every)
        for path, heard in cuts(events(journal), made(place / "cuts"), number, seed=every):
            check(path, heard)
            shutil.rmtree(path.parent)
    return f"{4 * number:,} power cuts, of which {3 * number:,} on disks that fail besides"


def exhausted(_: Path, folder: Path, share: float) -> str:
    where, rounds, granted = str(folder / "ledger.sqlite"), max(1, round(25 * share)), 0
    made(folder)
    for _round in range(rounds):
        before, granted = granted // TOKENS, granted + 1_000
        won, wrong = exhaust(where, processes=4, threads=32, granted=granted, tokens=TOKENS)
        assert wrong == []
        assert won == (granted // TOKENS - before) * TOKENS
        with closing(Ledger(where)) as ledger:
            assert figures(ledger, ME) == (granted, granted // TOKENS * TOKENS, 0)
            assert ledger.verify().ok
    return f"{rounds} rounds of 4 processes x 32 threads, {granted // TOKENS:,} holds, none too many or few"


PROOFS: tuple[tuple[str, Callable[[Path, Path, float], str]], ...] = (
    ("writes and syncs that fail", failing),
    ("kill -9", killed),
    ("kill -9, PostgreSQL", killed_on_a_server),
    ("settled and presumed at once", overtaken),
    ("power cuts", powerless),
    ("exhaustion", exhausted),
)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def main(share: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = compiled(Path(folder))
        for number, (title, proof) in enumerate(PROOFS):
            start = time.perf_counter()
            kept = proof(library, Path(folder, str(number)), share)
            print(f"{title:<30} {kept} ({time.perf_counter() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
