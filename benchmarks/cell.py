"""What a cell costs beside the model: loading the extension, and ask() against bare httpx.

Run it from a checkout: ``python benchmarks/cell.py``. The service is an instant stub on loopback, so the
difference is ours: estimate, two durable commits (hold and settle), balance and receipt.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from scripted import QUERY, Scripted, envelope

CALLS = 300
LOAD = """
import resource, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def memory(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = memory()
start = time.process_time()
if {load}: shell.run_line_magic("load_ext", "asksage_jupyter")
print(1000 * (time.process_time() - start), memory())
"""


def tokenizer(request):
    asked = request.json
    count = len(asked["content"].split()) + 19
    price = round(count * 0.07 + asked["completion_estimate"] * 0.35)
    return {"response": str(price if asked["convert_to_asksage"] else count), "status": 200}


def tenant() -> Scripted:
    server = Scripted()
    server.on("/server/count-monthly-tokens-left-with-org", {"response": 1_000_000, "status": 200})
    server.on("/server/count-monthly-tokens", {"response": 0, "status": 200})
    server.on("/server/get-models", {"response": ["a-model"], "status": 200})
    server.on("/server/tokenizer", tokenizer)
    server.on(QUERY, envelope(provenance={"model": "a-model"}))
    return server


def milliseconds(call) -> list[float]:
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return times


def loading() -> None:
    def measured(load: bool) -> tuple[float, float]:
        runs = [
            subprocess.run(
                [sys.executable, "-c", LOAD.format(load=load)], capture_output=True, text=True, check=True
            ).stdout.split()
            for _ in range(5)
        ]
        return statistics.median(float(run[0]) for run in runs), statistics.median(
            float(run[1]) for run in runs
        )

    (_, alone), (load_ms, loaded) = measured(False), measured(True)
    print(
        f"%load_ext            {load_ms:6.1f} ms CPU, {loaded:.0f} MB in all (IPython alone {alone:.0f} MB)"
    )


def asking() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = tenant()
        os.environ |= {
            "ASKSAGE_URL": server.url,
            "ASKSAGE_API_KEY": "key",
            "ASKSAGE_EMAIL": "",
            "ASKSAGE_MODEL": "a-model",
            "ASKSAGE_LEDGER": f"{folder}/ledger.db",
        }
        import asksage_jupyter
        from asksage_jupyter.session import forget

        start = time.perf_counter()
        asksage_jupyter.ask("Why is the sky blue?")
        first_ms = 1000 * (time.perf_counter() - start)
        print(f"the first call       {first_ms:6.0f} ms, first contact and imports included")
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            bare = milliseconds(lambda: client.post(QUERY, json={"message": "Why?"}).json())
        ours = milliseconds(lambda: asksage_jupyter.ask("Why is the sky blue?"))
        forget()
        server.close()
    low, high = statistics.median(bare), statistics.median(ours)
    print(f"bare httpx           {low:6.2f} ms median of {CALLS}")
    print(f"ask()                {high:6.2f} ms median: {high - low:.2f} ms more")


if __name__ == "__main__":
    loading()
    asking()
