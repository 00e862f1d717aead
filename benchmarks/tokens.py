"""Counting: the first count, a cell, a large file, against tiktoken used plainly; a process for each.

Run with ``python benchmarks/tokens.py [MB]``. Ratios of one run are what matters, not its figures.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CELL = ("Plot the monthly mean of column 'température' in df, and explain any outliers you see. " * 25)[:2000]


def main(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write_csv(path, megabytes)
        for case in ("first", "cell", "plain", "ours"):
            subprocess.run([sys.executable, __file__, case, str(path)], check=True)


def write_csv(path: Path, megabytes: int) -> None:
    chance = random.Random(11)
    with path.open("w") as file:
        while file.tell() < megabytes * 1_000_000:
            readings = ",".join(f"{chance.gauss(20, 5):.3f}" for _ in range(5))
            file.write(f"2026-11-{chance.randint(1, 30):02d},sensor-{chance.randint(1, 99)},{readings},ok\n")


def first(_path: Path) -> None:
    """The first count of a process, imports included."""
    for name in ("cl100k_base", "o200k_base"):
        seconds = time.perf_counter()
        from asksage_jupyter import tokens

        tokens.count("hello", name)
        report(f"first count in {name}", f"{(time.perf_counter() - seconds) * 1e3:.0f} ms")


def cell(_path: Path) -> None:
    from asksage_jupyter import tokens
    from asksage_jupyter.tokens import encodings

    tokens.count(CELL)
    encoder = encodings.encoding("cl100k_base")
    for label, count in (
        ("ours", tokens.count),
        ("plain tiktoken", lambda text: len(encoder.encode_ordinary(text))),
    ):
        seconds = time.perf_counter()
        for _ in range(500):
            count(CELL)
        report(f"a cell of 2 kB, {label}", f"{(time.perf_counter() - seconds) * 2e3:.0f} us")


def plain(path: Path) -> None:
    from asksage_jupyter.tokens import encodings

    encoder = encodings.encoding("cl100k_base")
    large(path, "plain tiktoken", lambda path: len(encoder.encode_ordinary(path.read_text())))


def ours(path: Path) -> None:
    from asksage_jupyter import tokens

    tokens.count("")
    large(path, "ours", tokens.count_file)


def large(path: Path, label: str, count) -> None:
    seconds = time.perf_counter()
    found = count(path)
    seconds = time.perf_counter() - seconds
    size = path.stat().st_size / 1e6
    report(
        f"a file of {size:.0f} MB, {label}",
        f"{found:,} tokens, {size / seconds:.1f} MB/s, peak {peak_mb():.0f} MB",
    )


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def report(what: str, figure: str) -> None:
    print(f"{what:38} {figure}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        {"first": first, "cell": cell, "plain": plain, "ours": ours}[sys.argv[1]](Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) == 2 else 50)
