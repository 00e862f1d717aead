"""A map against a service that takes 50 ms: calls a second, what a call costs, what running it again costs.

python benchmarks/maps.py [ROWS]
python benchmarks/maps.py kills [NUMBER]     kernels killed at random while they share a job, on both ledgers
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from scripted import QUERY, Received, Scripted, envelope
from tenant import USED, environment, open_tenant, questions

DESK = Path(__file__).parents[1] / "tests" / "map_desk.py"
LATENCY_S = 0.05
KERNELS, WORKERS, ROWS_OF_A_JOB = 3, 8, 400


def bill(tokens: int) -> dict[str, object]:
    """A label, and what it costs."""
    usage = {"model_tokens": {"prompt_tokens": 60, "completion_tokens": 4}, "asksage_tokens": tokens}
    return envelope("good", usage=usage, provenance={"model": "sage-haiku"})


def reply(request: object) -> dict[str, object]:
    """A label, after a while."""
    time.sleep(LATENCY_S)
    return bill(7)


def main(rows: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        # A process of its own, so that this one's time is the map's alone.
        server = stack.enter_context(subprocess.Popen(
            [sys.executable, __file__, "serve"], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        ))  # fmt: skip
        assert server.stdout is not None
        os.environ.update(environment(_At(server.stdout.readline().strip()), folder))
        import asksage_jupyter as sage

        table = [f"review {number}" for number in range(rows)]
        sage.balance()
        for workers in (8, 32):
            began, cpu = time.perf_counter(), time.process_time()
            sage.map(table, f"Good or bad, of {workers}? {{value}}", workers=workers, budget=10**9)
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
            ideal = workers / LATENCY_S
            print(
                f"{workers:2} workers: {rows / took:6.0f} calls/s (ideal {ideal:.0f}), "
                f"{1000 * cpu / rows:.1f} ms CPU a call"
            )
        began = time.perf_counter()
        again = sage.map(table, "Good or bad, of 8? {value}")
        print(f"the same {rows:,} rows again: {time.perf_counter() - began:.2f} s, {again.tokens} tokens")
        before, began = _peak(), time.perf_counter()
        sage.map([f"text {number}" for number in range(1_000_000)], "Good? {value}", estimate=True)
        took = time.perf_counter() - began
        print(f"the estimate of 1,000,000 rows: {took:.1f} s, {_peak() - before:.0f} MB more")
        server.terminate()


class _At:
    """Where the tenant of another process listens."""

    def __init__(self, url: str) -> None:
        self.url = url


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def serve() -> None:
    """Be the tenant until the other process ends it."""
    server = open_tenant()
    server.on(QUERY, reply)
    print(server.url, flush=True)
    sys.stdin.read()


def kills(number: int) -> None:
    """Kill kernels at random moments, and compare service, ledger and store after each job."""
    from postgres_server import running

    with running() as postgres:
        for place in ("sqlite", "postgresql"):
            chance, done, jobs, unknown = random.Random(15), 0, 0, 0
            while done < number:
                with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
                    server = open_tenant()
                    stack.callback(server.close)
                    server.on(QUERY, lambda request: bill(_tokens(_row(request))))
                    told = environment(server, folder) | {"XDG_DATA_HOME": folder, "WORKERS": str(WORKERS)}
                    if place == "postgresql":
                        told["ASKSAGE_LEDGER"] = postgres.url("postgres", schema=postgres.new_schema())
                    os.environ.update(told)
                    killed = _killed(server, chance)
                    unknown += _checked(server, killed)
                    done, jobs = done + killed, jobs + 1
                    print(f"{place}: {done} kills, {unknown} in doubt", file=sys.stderr, flush=True)
            print(
                f"{place}: {done} kills of {KERNELS} kernels x {WORKERS} workers in {jobs} jobs of "
                f"{ROWS_OF_A_JOB} rows: 0 sent twice, {unknown} in doubt, used and held right in each"
            )


def _killed(server: Scripted, chance: random.Random) -> int:
    """Start kernels at one job, and others in the place of those that are killed; how many were."""
    command = [sys.executable, "-W", "ignore", DESK, str(ROWS_OF_A_JOB)]
    kernels, killed = [], 0
    while len(questions(server)) < ROWS_OF_A_JOB * 0.8:
        kernels = [each for each in kernels if each.poll() is None]
        while len(kernels) < KERNELS:
            kernels.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wanted, until = len(questions(server)) + chance.randrange(1, 40), time.monotonic() + 60
        while len(questions(server)) < wanted and time.monotonic() < until:
            time.sleep(0.001)
        victim = chance.choice(kernels)
        killed += victim.poll() is None
        victim.kill()
    for each in kernels:
        each.kill()
        each.wait()
    return killed + len(kernels)


def _checked(server: Scripted, killed: int) -> int:
    """Run the job to its end, and compare what all say of it; how many rows are in doubt."""
    import asksage_jupyter as sage
    from asksage_jupyter.session import forget
    from asksage_jupyter.settings import AskSage

    forget()
    AskSage.clear_instance()
    frame = sage.map([f"row {n:03}" for n in range(ROWS_OF_A_JOB)], "Good? {value}", budget=10**9).frame
    asked = Counter(_row(each) for each in questions(server) if each.content)
    statuses = frame["status"].tolist()
    inference = sage.balance().inference
    bills = sum(_tokens(n) for n, status in enumerate(statuses) if status == "ok")
    unknown = statuses.count("unknown")
    if max(asked.values()) > 1 or set(statuses) > {"ok", "unknown"}:
        raise SystemExit("a row was sent twice, or has no end")
    if inference.used - USED != bills or (inference.held > 0) != (unknown > 0):
        raise SystemExit(f"the ledger has {inference.used - USED} used, {bills} were billed")
    if unknown > WORKERS * killed:
        raise SystemExit(f"{unknown} rows are in doubt after {killed} kills")
    forget()
    return unknown


def _row(request: Received) -> int:
    message = request.json["message"]
    return int((message if isinstance(message, str) else message[-1]["message"])[-3:])


def _tokens(row: int) -> int:
    return 5 + row % 7


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve()
    elif sys.argv[1:2] == ["kills"]:
        kills(int(sys.argv[2]) if len(sys.argv) > 2 else 200)
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
