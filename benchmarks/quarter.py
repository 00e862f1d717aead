"""Simulated quarters, at length: what ``tests/test_soak.py`` does briefly.

Run ``python benchmarks/quarter.py [seeds [mode]]``: so many (10) quarters in each mode (``calm``,
``completion``, ``edge``). A line tells how many of the closed months agree with the service to the token;
what does not is listed below it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from quarter_desk import MONTHS, disagreements, opened

from asksage_jupyter.session import forget
from asksage_jupyter.settings import AskSage

MODES = ("calm", "completion", "edge")


def run(seed: int, mode: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_DATA_HOME=folder, ASKSAGE_LEDGER=f"{folder}/ledger.db")
        AskSage.clear_instance()
        with opened(seed, Path(folder) / "service", mode) as quarter:
            wrong = disagreements(quarter)
        forget()
    return wrong


if __name__ == "__main__":
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for mode in sys.argv[2:] or MODES:
        begun = time.monotonic()
        wrong = [f"seed {seed}: {line}" for seed in range(seeds) for line in run(seed, mode)]
        months = seeds * len(MONTHS) * 2
        print(
            f"{mode}: {len(wrong)} wrong of {months} meter-months, {time.monotonic() - begun:.0f} s",
            flush=True,
        )
        print("".join(f"    {line}\n" for line in wrong), end="", flush=True)
