"""From a commit to the status bar's text, in a real JupyterLab and a real browser; and what the server takes.

Run it from a checkout: ``python benchmarks/sidebar.py``. Another process than the server books a correction;
a MutationObserver notes when the status item's text is another. Both read this machine's clock. The time
counts from just before the booking, so that its durable write is part of it, and from the commit. The
server's CPU time is told with the sidebar open and nothing going on, and with ten bookings a second, as of
ten kernels that each ask once a second.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from lab import QUICKSTART, chromium, command, demo_lab, opened

from asksage_jupyter.account import Account, Meter
from asksage_jupyter.account.records import DEMO_HOLDER
from asksage_jupyter.ledger import Ledger, new_op

TIMES = 40
SECONDS = 20
ACCOUNT = Account("localhost", DEMO_HOLDER)
OBSERVE = """() => {
    const item = document.querySelector('[data-asksage=status]');
    window.seen = [];
    new MutationObserver(() => {
        window.seen.push([performance.timeOrigin + performance.now(), item.innerText]);
    }).observe(item, {characterData: true, childList: true, subtree: true});
}"""
SEEN = "(words) => window.seen.find(([, text]) => text.includes(words))?.[0]"


def latencies(page, ledger: Ledger) -> list[tuple[float, float]]:
    """Milliseconds from before and from after the booking, each time."""
    found = []
    page.evaluate(OBSERVE)
    for _ in range(TIMES):
        time.sleep(random.uniform(0.2, 0.5))  # at any moment of the server's watch
        left = ledger.balance(ACCOUNT).inference.remaining - 1
        before = time.time()
        ledger.correct(ACCOUNT, Meter.INFERENCE, 1, op=new_op())
        after = time.time()
        seen = page.wait_for_function(SEEN, arg=f"{left:,} left").json_value()
        found.append((seen - 1000 * before, seen - 1000 * after))
    return found


def server_cpu(ledger: Ledger, bookings: int) -> float:
    """Milliseconds of CPU time that JupyterLab's server takes a second, with so many bookings a second."""
    servers = [
        process
        for process in psutil.Process().children(recursive=True)
        if any(name in " ".join(process.cmdline()) for name in ("jupyterlab", "asksage_jupyter.cli"))
    ]
    before, begun = sum(sum(each.cpu_times()[:2]) for each in servers), time.monotonic()
    while (passed := time.monotonic() - begun) < SECONDS:
        if bookings:
            ledger.correct(ACCOUNT, Meter.INFERENCE, 1, op=new_op())
        time.sleep(1 / bookings if bookings else 1)
    return 1000 * (sum(sum(each.cpu_times()[:2]) for each in servers) - before) / passed


def tell(name: str, times: list[float]) -> None:
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"{name:28} {statistics.median(times):6.1f} ms median, {p95:6.1f} ms p95 of {len(times)}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, demo_lab(Path(folder)) as lab, chromium() as browser:
        ledger = Ledger(lab.ledger)
        with closing(ledger):
            ledger.set_plan(ACCOUNT, Meter.INFERENCE, 200_000, source="the benchmark")
            page = opened(browser, lab, QUICKSTART, viewport={"width": 1280, "height": 800})
            for sidebar in ("closed", "open"):
                if sidebar == "open":
                    command(page, "asksage:open")
                page.wait_for_selector("[data-asksage=status]:has-text(' left')")
                found = latencies(page, ledger)
                tell(f"commit to text, sidebar {sidebar}", [after for _, after in found])
                tell("  with the booking itself", [before for before, _ in found])
            for name, bookings in (("nothing going on", 0), ("ten kernels", 10)):
                print(f"server, {name:20} {server_cpu(ledger, bookings):6.1f} ms CPU a second", flush=True)


if __name__ == "__main__":
    main()
