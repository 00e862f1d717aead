"""What a call through the endpoint costs beside the model: against bare httpx, ask(), and many at once.

Run it from a checkout: ``python benchmarks/endpoint.py``. The service is an instant stub on loopback in a
process of its own, and so is the endpoint; what is beyond bare httpx is ours: HTTP once more, estimate, two
durable commits, balance. All are told in one run, as they compare only on one machine at one time; the
processor's time a call compares on a busy one too.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil
from cell import tenant
from scripted import QUERY

CALLS, AT_ONCE = 300, 8
ASKED = {"model": "a-model", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}


def milliseconds(call: Callable[[], object]) -> float:
    """The median of many calls, one after the other."""
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def a_second(call: Callable[[], object]) -> float:
    """How many calls are done in a second, several at once."""
    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as many:
        for done in [many.submit(call) for _ in range(CALLS)]:
            done.result()
    return CALLS / (time.perf_counter() - start)


@contextmanager
def stub() -> Iterator[str]:
    """The address of the instant service."""
    with subprocess.Popen([sys.executable, __file__, "stub"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@contextmanager
def endpoint() -> Iterator[tuple[str, str, int]]:
    """The address, the key and the process of `asksage-jupyter serve`."""
    program = [sys.executable, "-m", "asksage_jupyter.cli", "serve"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address, key = (re.split("=", process.stdout.readline(), maxsplit=1)[1].strip() for _ in range(2))
        yield address, key, process.pid
        process.terminate()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, stub() as url:
        os.environ |= {
            "ASKSAGE_URL": url,
            "ASKSAGE_API_KEY": "key",
            "ASKSAGE_EMAIL": "",
            "ASKSAGE_MODEL": "a-model",
            "ASKSAGE_LEDGER": f"{folder}/ledger.db",
        }
        import asksage_jupyter
        from asksage_jupyter.session import forget

        with httpx.Client(base_url=url, trust_env=False) as client:
            tell("bare httpx", lambda: client.post(QUERY, json={"message": "Why?"}).json())
        asksage_jupyter.ask("Why is the sky blue?")
        tell("ask()", lambda: asksage_jupyter.ask("Why is the sky blue?"))
        forget()
        with (
            endpoint() as (address, key, process),
            httpx.Client(headers={"Authorization": f"Bearer {key}"}, trust_env=False) as client,
        ):
            tell(
                "the endpoint",
                lambda: client.post(f"{address}/chat/completions", json=ASKED).raise_for_status(),
                process,
            )


def tell(what: str, call: Callable[[], object], process: int | None = None) -> None:
    """Measure it; `process` is the one whose time counts, this one when absent."""
    call()
    whose = psutil.Process(process)
    before = sum(whose.cpu_times()[:2])
    each_ms = milliseconds(call)
    cpu_ms = 1000 * (sum(whose.cpu_times()[:2]) - before) / CALLS
    rate = a_second(call)
    print(
        f"{what:<13} {each_ms:6.2f} ms median, {cpu_ms:5.2f} ms CPU, {rate:5.0f} a second ({AT_ONCE} at once)"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["stub"]:
        print(tenant().url, flush=True)
        threading.Event().wait()
    main()
