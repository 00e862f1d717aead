"""A map against a service that takes 50 ms: calls a second, and what running it again costs.

python benchmarks/maps.py [ROWS]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from scripted import QUERY, envelope
from tenant import environment, open_tenant

LATENCY_S = 0.05


def reply(request: object) -> dict[str, object]:
    """A label, after a while."""
    time.sleep(LATENCY_S)
    usage = {"model_tokens": {"prompt_tokens": 60, "completion_tokens": 4}, "asksage_tokens": 7}
    return envelope("good", usage=usage, provenance={"model": "sage-haiku"})


def main(rows: int) -> None:
    """Print the figures."""
    server = open_tenant()
    server.on(QUERY, reply)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(environment(server, folder))
        import asksage_jupyter as sage

        table = [f"review {number}" for number in range(rows)]
        sage.balance()
        for workers in (8, 32):
            began, cpu = time.perf_counter(), time.process_time()
            sage.map(table, f"Good or bad, of {workers}? {{value}}", workers=workers)
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
            ideal = workers / LATENCY_S
            print(
                f"{workers:2} workers: {rows / took:6.0f} calls/s (ideal {ideal:.0f}), "
                f"{1000 * cpu / rows:.1f} ms CPU a call, the service's among it"
            )
        began = time.perf_counter()
        again = sage.map(table, "Good or bad, of 8? {value}")
        print(f"the same {rows:,} rows again: {time.perf_counter() - began:.2f} s, {again.tokens} tokens")
        began = time.perf_counter()
        sage.map([f"text {number}" for number in range(100_000)], "Good? {value}", estimate=True)
        print(f"the estimate of 100,000 rows: {time.perf_counter() - began:.1f} s")
    server.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
