"""Counting: a file of many MB, a million short texts, a cell, the first count; beside tiktoken's own.

Run with ``python benchmarks/tokens.py [MB]``: 50 unless told. Ours and theirs take turns, each in a process
of its own, whose peak memory the system tells. On a busy machine CPU time is the steadier figure.
"""

from __future__ import annotations

import contextlib
import json
import random
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROUNDS = 3
CELL = ("Plot the monthly mean of column 'température' in df, and explain any outliers you see. " * 25)[:2000]
WORDS = ["the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "was", "on", "are", "as", "with"]
CHINESE = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能"


def main(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for kind, lines in KINDS.items():
            path = Path(folder) / kind
            write(path, lines, megabytes)
            compare(f"{megabytes} MB of {kind}", path, ("plain", "ours", "fast"))
            path.unlink()
        path = Path(folder) / "code"
        write_code(path, megabytes)
        compare(
            f"{path.stat().st_size / 1e6:.0f} MB of the standard library", path, ("plain", "ours", "fast")
        )
        path.unlink()
        path = Path(folder) / "large"
        write(path, csv, 4 * megabytes)
        compare(f"{4 * megabytes} MB of CSV, once", path, ("plain", "ours", "fast"), rounds=1)
        path.unlink()
        for kind in WORST:
            worst(kind, path)
        for kind in ("numbered", "twenty", "worded"):
            compare(f"a million short texts, {kind}", Path(kind), ("loop", "each"))
        compare("a cell of 2 kB, 500 times", Path(), ("cell_plain", "cell"))
        compare("the first count of a process", Path(), ("first",))


def compare(title: str, path: Path, cases: tuple[str, ...], rounds: int = ROUNDS) -> None:
    """Run the cases in turn; the first is what the others are compared with."""
    runs = [[measured(case, path) for case in cases] for _ in range(rounds)]
    print(title)
    base = [statistics.median(run[0][name] for run in runs) for name in ("s", "cpu")]
    for place, case in enumerate(cases):
        found = [run[place] for run in runs]
        if any("tokens" not in run for run in found):
            print(f"  {case:12} not there")
            continue
        assert {run["tokens"] for run in found} == {runs[0][0]["tokens"]}, "another count"
        wall, cpu, peak = (statistics.median(run[name] for run in found) for name in ("s", "cpu", "mb"))
        ratios = f"{base[0] / wall:5.1f}x  CPU {base[1] / cpu:5.1f}x"
        print(f"  {case:12} {wall:8.3f} s  CPU {cpu:8.3f} s  {ratios}  peak {peak:5.0f} MB", flush=True)


def worst(kind: str, path: Path) -> None:
    """Twice the text without a place to cut must take twice as long, and no more."""
    took = []
    for millions in (1, 2):
        path.write_text(WORST[kind] * (millions * 1_000_000 // len(WORST[kind])), encoding="utf-8")
        took.append(measured("ours", path)["cpu"])
        path.unlink()
    times = took[1] / took[0]
    print(f"1 and 2 MB of {kind:18} CPU {took[0]:6.3f} and {took[1]:6.3f} s  {times:4.1f}x", flush=True)


def measured(case: str, path: Path) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, __file__, case, str(path)], check=True, capture_output=True, text=True
    )
    return json.loads(run.stdout)


def csv(chance: random.Random) -> str:
    readings = ",".join(f"{chance.gauss(20, 5):.3f}" for _ in range(5))
    return f"2026-11-{chance.randint(1, 30):02d},sensor-{chance.randint(1, 99)},{readings},ok\n"


def keyed(chance: random.Random) -> str:
    key, floats = f"{chance.getrandbits(64):x}", f"{chance.gauss()},{chance.gauss()}"
    return f"{key},{floats},{chance.choice(WORDS)} {chance.choice(WORDS)}\n"


def prose(chance: random.Random) -> str:
    made = ("".join(chance.choices("abcdefghilmnoprstuvw", k=chance.randint(3, 10))) for _ in range(4))
    return " ".join([*chance.choices(WORDS, k=12), *made]).capitalize() + ".\n"


def jsonl(chance: random.Random) -> str:
    return json.dumps({"id": chance.getrandbits(64), "name": prose(chance), "score": chance.random()}) + "\n"


def chinese(chance: random.Random) -> str:
    return "".join(chance.choices(CHINESE, k=30)) + "。\n"


WORST = {
    "one letter": "a",
    "blanks": " ",
    "one mark": "=",
    "DNA": "".join(random.Random(11).choices("ACGT", k=100_000)),
}
KINDS = {"CSV": csv, "CSV with keys": keyed, "prose": prose, "JSON": jsonl, "Chinese": chinese}


def write(path: Path, line, megabytes: int) -> None:
    chance = random.Random(11)
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < megabytes * 1_000_000:
            file.writelines(line(chance) for _ in range(1_000))


def write_code(path: Path, megabytes: int) -> None:
    """The sources of Python's standard library, as far as there are so many."""
    with path.open("wb") as file:
        for source in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
            if "site-packages" in source.parts:
                continue
            with contextlib.suppress(UnicodeDecodeError):  # what tests are made of
                file.write(source.read_bytes().decode().encode())
            if file.tell() >= megabytes * 1_000_000:
                break


WARM = "the regular expressions are made at their first use"


def encoder():
    """cl100k_base as tiktoken makes it, of the ranks that it would download."""
    import tiktoken
    from tiktoken_ext import openai_public

    from asksage_jupyter.tokens import encodings

    openai_public.load_tiktoken_bpe = lambda *_, **__: encodings.ranks("cl100k_base")
    found = tiktoken.Encoding(**openai_public.cl100k_base())
    found.encode_ordinary(WARM)
    return found


def plain(path: Path):
    encode = encoder().encode_ordinary
    return lambda: len(encode(path.read_bytes().decode()))


def ours(path: Path):
    sys.modules["gigatoken.gigatoken_rs"] = None
    return fast(path, installed=True)


def fast(path: Path, *, installed: bool | None = None):
    from importlib.util import find_spec

    from asksage_jupyter import tokens

    tokens.count(WARM)
    if not installed and not find_spec("gigatoken"):
        return None
    return lambda: tokens.count_file(path)


def _texts(kind: Path) -> list[str]:
    if kind.name == "worded":
        chance = random.Random(11)
        return [" ".join(chance.choices(WORDS, k=5)) for _ in range(1_000_000)]
    return [f"{'a reading' if kind.name == 'twenty' else n} of sensor {n % 20}" for n in range(1_000_000)]


def loop(kind: Path):
    encode, texts = encoder().encode_ordinary, _texts(kind)
    return lambda: sum(len(encode(text)) for text in texts)


def each(kind: Path):
    from asksage_jupyter import tokens

    texts = _texts(kind)
    tokens.count(WARM)
    return lambda: sum(tokens.count_each(texts))


def cell_plain(_path: Path):
    encode = encoder().encode_ordinary
    return lambda: sum(len(encode(CELL)) for _ in range(500))


def cell(_path: Path):
    from asksage_jupyter import tokens

    tokens.count(WARM)
    return lambda: sum(tokens.count(CELL) for _ in range(500))


def first(_path: Path):
    def count() -> int:
        from asksage_jupyter import tokens

        return tokens.count("hello")

    return count


def run(case: str, path: Path) -> dict[str, float]:
    count = globals()[case](path)
    if count is None:
        return {}
    cpu, wall = time.process_time(), time.perf_counter()
    tokens = count()
    return {
        "s": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "tokens": tokens,
    }


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) == 2 else 50)
