"""What the ledger's tests work with: a person, a clock that is set by hand, calls and bills; and the
functions that run in processes of their own.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from patience import WAIT_S

from asksage_jupyter.account import Account, Bill, Call, Meter, Source
from asksage_jupyter.errors import NotEnoughTokens
from asksage_jupyter.ledger import Ledger, LedgerView, new_op
from asksage_jupyter.month import bounds, to_instant

ME = Account("api.example", "me@example")
INFERENCE = Meter.INFERENCE
SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR

# A forkserver starts a process in milliseconds; Windows has only spawn.
PROCESSES = multiprocessing.get_context(
    "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
)
if hasattr(PROCESSES, "set_forkserver_preload"):
    PROCESSES.set_forkserver_preload(["ledger_desk", "map_desk", "asksage_jupyter.ledger.book"])


def at(*fields: int) -> int:
    """The instant of a UTC date and time."""
    return to_instant(datetime(*fields, tzinfo=UTC))


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, t: int = at(2026, 11, 23, 9)) -> None:
        self.t = t

    def __call__(self) -> int:
        return self.t


def a_call(estimate: int, clock: Clock | None = None, *, meter: Meter = INFERENCE, **fields: str) -> Call:
    return Call(new_op(), (clock or Clock())(), "a-model", meter, estimate, **fields)


def a_bill(tokens: int, source: Source = Source.BILLED, **fields: int) -> Bill:
    return Bill(tokens, source, **fields)


def figures(ledger: Ledger, account: Account = ME, meter: Meter = INFERENCE) -> tuple[int | None, int, int]:
    """A meter's ``(granted, used, held)``."""
    balance = ledger.balance(account)
    found = balance.inference if meter is INFERENCE else balance.training
    return found.granted, found.used, found.held


# What follows runs in processes of its own.


def race(path: Path, threads: int, tokens: int, start, results) -> None:
    """Many threads hold and settle until the tokens are gone; sends what was granted and what went wrong."""
    ledger = Ledger(path, timeout_s=WAIT_S)  # so many wait for each other on a server
    won: list[int] = []
    wrong: list[str] = []

    def spend() -> None:
        while True:
            call = a_call(tokens)
            try:
                ledger.hold(ME, call, due=ledger._clock() + HOUR)
                won.append(tokens)
                ledger.settle(call.op, a_bill(tokens))
            except NotEnoughTokens:
                return
            except BaseException as error:
                wrong.append(repr(error))
                return

    runners = [threading.Thread(target=spend) for _ in range(threads)]
    start.wait(WAIT_S)
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    ledger.close()
    results.put((sum(won), wrong))


def write_until_killed(path: Path, acknowledge) -> None:
    """Hold and settle for ever; each acknowledged move goes through the pipe."""
    ledger = Ledger(path)
    while True:
        call = a_call(3)
        acknowledge.send(("sent", call.op))
        ledger.hold(ME, call, due=ledger._clock() + 10_000 * DAY)
        acknowledge.send(("held", call.op))
        ledger.settle(call.op, a_bill(2))
        acknowledge.send(("settled", call.op))


def open_and_close(path: Path, t: int, start, results) -> None:
    """Open the ledger, which presumes, and tell how it went."""
    start.wait(WAIT_S)
    try:
        Ledger(path, clock=Clock(t)).close()
    except BaseException as error:
        results.put(repr(error))
    else:
        results.put("ok")


def hold_once(path: Path, t: int, op_estimate: tuple[str, int]) -> None:
    """Hold one call and leave without a settle."""
    clock = Clock(t)
    ledger = Ledger(path, clock=clock)
    op, estimate = op_estimate
    ledger.hold(ME, Call(op, t, "a-model", INFERENCE, estimate), due=t + HOUR)
    ledger.close()


def open_as_nobody(path: Path, results) -> None:
    """Open the ledger without the rights of root."""
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        Ledger(path)
    except BaseException as error:
        results.put((type(error).__name__, str(error)))
    else:
        results.put(("opened", ""))


def die_midway(
    where: Path | str, t: int, person: Account, call: Call, due: int, tokens: int, before: int
) -> None:
    """Hold and settle a call, and be killed with the ledger's function of that number called."""
    ledger, done = Ledger(where, clock=Clock(t)), itertools.count()

    def die(frame: FrameType, event: str, called: object) -> None:
        is_ours = "asksage_jupyter" in frame.f_code.co_filename
        if is_ours and event in ("call", "c_call") and next(done) == before:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(die)
    with suppress(NotEnoughTokens):
        ledger.hold(person, call, due=due)
        ledger.settle(call.op, a_bill(tokens))


def hold_the_gate(path: Path, holding, leave) -> None:
    """Pass the gate and stay in it until told to leave."""
    from asksage_jupyter.ledger.stores.gate import Gate

    with Gate(path, wait_s=WAIT_S):
        holding.set()
        leave.wait()


def read_as_nobody(path: Path, results) -> None:
    """Read what is granted without the rights of root."""
    bounds("2026-11")  # what Python imports for it may lie where only root may look
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        results.put(LedgerView(path).balance(ME).inference.granted)
    except BaseException as error:
        results.put(repr(error))


def pass_often(path: Path, over) -> None:
    """Pass the gate for 4 ms at a time, until it is over."""
    from asksage_jupyter.ledger.stores.gate import Gate

    gate = Gate(path, wait_s=WAIT_S)
    while not over.is_set():
        with gate:
            time.sleep(0.004)
