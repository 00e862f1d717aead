"""A program that maps rows, and dies without a word at the step that it is told."""

from __future__ import annotations

import os
import signal
import sys

from asksage_jupyter.ledger import Ledger
from asksage_jupyter.mapping import map as map_rows
from asksage_jupyter.service import Service
from asksage_jupyter.session.keeping.replies import Replies

STEPS = {
    "claim": (Replies, "claim"),
    "hold": (Ledger, "hold"),
    "send": (Service, "query"),
    "keep": (Replies, "keep"),
    "settle": (Ledger, "settle"),
}


def dies(when: str, step: str, at: int) -> None:
    """Let the process end, as by a power cut, before or after the step is done for the `at`-th time."""
    owner, name = STEPS[step]
    do, left = getattr(owner, name), [at]

    def done(*arguments: object, **options: object) -> object:
        left[0] -= 1
        if when == "before" and left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        outcome = do(*arguments, **options)
        if when == "after" and left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    setattr(owner, name, done)


if __name__ == "__main__":
    rows = [f"row {number:03}" for number in range(int(sys.argv[1]))]
    if len(sys.argv) > 2:
        when, step, at = sys.argv[2:5]
        dies(when, step, int(at))
    if os.environ.get("BACKWARDS"):
        rows.reverse()
    mapped = map_rows(rows, "Good? {value}", workers=4)
    print(mapped.receipt)
