"""Spenders whose bills come when they are past due, and others who presume all the while."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

from ledger_desk import INFERENCE, PROCESSES, a_bill, figures
from patience import WAIT_S

from asksage_jupyter.account import Account, Call
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.month import now

HOST = "api.example"
POOLS = tuple(Account.of_pool(HOST, name) for name in ("lab", "shop"))
PEOPLE = tuple(Account(HOST, f"{name}@example") for name in ("ana", "ben", "cleo", "dan", "eve"))
_MILLISECOND = 1000


def opened(where: str | Path) -> Ledger:
    """A ledger of two pools with two members each, and of one person on their own."""
    ledger = Ledger(where)
    for pool in POOLS:
        ledger.set_plan(pool, INFERENCE, 10**9, source="team")
    for number, person in enumerate(PEOPLE[:4]):
        ledger.join_pool(person, INFERENCE, POOLS[number % 2], 10**8 if number < 2 else None)
    ledger.set_plan(PEOPLE[4], INFERENCE, 10**9, source="me")
    return ledger


def spend_late(where: str, person: Account, calls: int, start, results) -> None:
    """Hold calls that are due at once, several at a time, and settle each some moments later."""
    chance, wrong, billed = random.Random(person.holder), [], 0
    with closing(Ledger(where)) as ledger:
        start.wait(WAIT_S)
        waiting: list[str] = []
        for number in range(calls + 4):
            try:
                if number < calls:
                    call = Call(new_op(), now(), "a-model", INFERENCE, chance.randint(1, 9))
                    ledger.hold(person, call, due=now() + chance.randint(0, 20) * _MILLISECOND)
                    waiting.append(call.op)
                if len(waiting) > 4 or number >= calls:
                    ledger.settle(waiting.pop(0), a_bill(number % 13))
                    billed += number % 13
            except BaseException as error:
                wrong.append(repr(error))
    results.put((person.holder, billed, wrong))


def presume_on(where: str, over, results) -> None:
    """Presume whatever is late, of everybody, until it is over."""
    wrong, presumed = [], 0
    with closing(Ledger(where)) as ledger:
        while not over.is_set():
            try:
                presumed += ledger.presume()
            except BaseException as error:
                wrong.append(repr(error))
    results.put(("", presumed, wrong))


def stress(where: str, calls: int, presumers: int = 2) -> tuple[int, int]:
    """Let all run at once; everything is booked once and in order. Returns how many calls, and presumes."""
    opened(where).close()
    start, over, results = PROCESSES.Barrier(len(PEOPLE)), PROCESSES.Event(), PROCESSES.Queue()
    spenders = [
        PROCESSES.Process(target=spend_late, args=(where, person, calls, start, results)) for person in PEOPLE
    ]
    others = [PROCESSES.Process(target=presume_on, args=(where, over, results)) for _ in range(presumers)]
    for process in (*others, *spenders):
        process.start()
    told = [results.get(timeout=WAIT_S) for _ in spenders]
    over.set()
    told += [results.get(timeout=WAIT_S) for _ in others]
    for process in (*others, *spenders):
        process.join()
    assert [line for *_, wrong in told for line in wrong] == []
    billed = {holder: tokens for holder, tokens, _ in told if holder}
    with closing(Ledger(where)) as ledger:
        assert ledger.verify().problems == ()
        for person in PEOPLE:
            assert figures(ledger, person)[1:] == (billed[person.holder], 0)
        for number, pool in enumerate(POOLS):
            shares = [billed[person.holder] for person in PEOPLE[:4][number::2]]
            assert figures(ledger, pool) == (10**9, sum(shares), 0)
        assert len(ledger.calls()) == calls * len(PEOPLE)
    return calls * len(PEOPLE), sum(presumed for holder, presumed, _ in told if not holder)
