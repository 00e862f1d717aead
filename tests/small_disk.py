"""A client on a small disk of its own, which it fills to the last byte and then makes read-only.

Run as a program, on a file system of 20 MB of its own; prints the errors that were told, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from fault_desk import BILLED, Heard, check, hold, plan
from ledger_desk import a_bill

from asksage_jupyter.errors import LedgerUnusable
from asksage_jupyter.ledger import Ledger, new_op


def told(move: Callable[[], object]) -> str:
    """The error of a move that must fail."""
    try:
        move()
    except LedgerUnusable as error:
        return str(error)
    raise AssertionError("nothing was refused")


def fill(folder: Path) -> Path:
    """Write until not one byte more has room."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def hold_on(ledger: Ledger, heard: Heard) -> None:
    """Hold one call after another for ever."""
    while True:
        op = new_op()
        heard("sent", op)
        hold(ledger, op)
        heard("held", op)


def live(folder: Path) -> dict[str, str]:
    place, ballast = folder / "ledger.sqlite", folder / "ledger.sqlite.ballast"
    heard, errors = Heard(), {}
    with closing(Ledger(place)) as ledger:
        plan(ledger, heard)
        running = new_op()
        hold(ledger, running)
        filler = fill(folder)
        errors["full"] = told(lambda: hold_on(ledger, heard))
        assert ballast.exists()
        ledger.settle(running, a_bill(BILLED))
        heard("settled", running)
        assert not ballast.exists()
        filler.unlink()
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    errors["read-only"] = told(lambda: Ledger(place))
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
    check(place, heard)
    return errors


if __name__ == "__main__":
    print(json.dumps(live(Path(sys.argv[1]))))
