"""A program, or a process, that maps rows, and dies without a word at the step that it is told."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from pathlib import Path

from asksage_jupyter.ledger import Ledger
from asksage_jupyter.mapping import map as map_rows
from asksage_jupyter.service import Service
from asksage_jupyter.session.keeping.replies import Replies
from asksage_jupyter.settings import AskSage

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
    do, numbers = getattr(owner, name), itertools.count(1)

    def done(*arguments: object, **options: object) -> object:
        number = next(numbers)  # at one stroke: several threads come by
        if when == "before" and number == at:
            os.kill(os.getpid(), signal.SIGKILL)
        outcome = do(*arguments, **options)
        if when == "after" and number == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    setattr(owner, name, done)


def on_a_full_disk(rows: list[str], folder: str) -> dict[str, object]:
    """What becomes of a map whose disk has not one byte left after some calls, and of the same again."""
    from small_disk import fill

    import asksage_jupyter as sage
    from asksage_jupyter.errors import JobStopped

    send, calls, filler = Service.query, [0], []

    def query(*arguments: object, **options: object) -> object:
        answer = send(*arguments, **options)
        calls[0] += 1
        if calls[0] == 12:
            filler.append(fill(Path(folder)))
        return answer

    Service.query = query
    os.environ["ASKSAGE_LEDGER"] = f"{folder}/ledger.db"
    stopped = None
    try:
        map_rows(rows, "Good? {value}", workers=4)
    except JobStopped as error:
        stopped = error
    sent = calls[0]
    filler[0].unlink()
    lost = 0 if stopped is None else sum(each == "unknown" for each in stopped.result.frame["status"])
    again = map_rows(rows, "Good? {value}", workers=4)
    inference = sage.balance().inference
    return {
        "stopped": str(stopped),
        "sent": sent,
        "lost": lost,
        "statuses": sorted({*again.frame["status"]}),
        "standing": [inference.used, inference.held],
    }


def map_and_die(environment: dict[str, str], number: int, *death: str | int) -> None:
    """Map so many rows, up to a death before or after a step is done for the so-many-th time, if one is told.

    Parameters
    ----------
    environment : dict
        All variables; WORKERS is how many rows are asked at a time, and with BACKWARDS the last row is first.
    """
    os.environ.clear()
    os.environ.update(environment)
    AskSage.instance().confirm_above = "off"  # nobody is there to answer
    if death:
        when, step, at = death
        dies(str(when), str(step), int(at))
    rows = rows_of(number)
    if os.environ.get("BACKWARDS"):
        rows.reverse()
    map_rows(rows, "Good? {value}", workers=int(os.environ.get("WORKERS", "4")))


def rows_of(number: int) -> list[str]:
    return [f"row {each:03}" for each in range(number)]


if __name__ == "__main__":
    number, *rest = sys.argv[1:]
    if rest[:1] == ["full"]:
        AskSage.instance().confirm_above = "off"
        print(json.dumps(on_a_full_disk(rows_of(int(number)), rest[1])))
    else:
        map_and_die(dict(os.environ), int(number), *rest)
