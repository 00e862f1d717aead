"""What the proofs under faults share: clients that tell of each acknowledged move, and the check that nothing
acknowledged was lost or booked twice.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from ledger_desk import DAY, INFERENCE, ME, PROCESSES, a_bill, figures, race
from patience import WAIT_S

from asksage_jupyter.account import Call
from asksage_jupyter.errors import LedgerError
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.month import now

if TYPE_CHECKING:
    from postgres_server import PostgresServer

GRANTED = 10**9
ESTIMATE, BILLED = 3, 2
_RETRIED = 20  # of the calls that were settled, the youngest

_OTHERS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
_WORDS = ("planned", "sent", "held", "settled")  # each says more than the one before it

Say = Callable[[str, str], object]  # a word, and the op it is about


class Heard(dict[str, str]):
    """What was acknowledged of each op; "planned" stands under no op at all."""

    def __call__(self, word: str, op: str) -> None:
        if op not in self or _WORDS.index(word) > _WORDS.index(self[op]):
            self[op] = word


def hold(ledger: Ledger, op: str) -> None:
    """Hold the op's call; what is the same each time converges."""
    ledger.hold(ME, Call(op, now(), "a-model", INFERENCE, ESTIMATE, "a.ipynb"), due=now() + 10_000 * DAY)


def plan(ledger: Ledger, say: Say) -> None:
    ledger.set_plan(ME, INFERENCE, GRANTED, source="me")
    say("planned", "")


def spend(ledger: Ledger, say: Say, ops: Iterable[str]) -> None:
    """Hold and settle each op, and tell of each move as soon as it is acknowledged."""
    for op in ops:
        say("sent", op)
        hold(ledger, op)
        say("held", op)
        ledger.settle(op, a_bill(BILLED))
        say("settled", op)


def _unheard(_word: str, _op: str) -> None:
    pass


def fresh_ops(number: int | None = None) -> Iterable[str]:
    return (new_op() for _ in (itertools.count() if number is None else range(number)))


def check(where: str | Path, words: Heard) -> None:
    """The ledger opens and is whole, holds all that was acknowledged once, and takes every retry."""
    with closing(Ledger(where)) as ledger:
        assert ledger.verify().problems == ()
        assert "" not in words or ledger.knows_month(ME, INFERENCE)
        listed = [row[0] for row in ledger.calls()]
        open_ = {call.op for call in ledger.unsettled(ME, INFERENCE)}
        assert len(listed) == len(set(listed))
        assert {op for op, word in words.items() if word == "settled"} <= set(listed)
        assert {op for op, word in words.items() if word == "held"} <= open_ | set(listed)
        calls = words.keys() - {""}
        assert open_ | set(listed) <= calls
        plan(ledger, _unheard)
        unknown = {op for op, word in words.items() if word in ("sent", "held")}
        spend(ledger, _unheard, sorted(unknown | set(sorted(calls)[-_RETRIED:])))
        assert {row[0] for row in ledger.calls()} == calls
        assert figures(ledger) == (GRANTED, BILLED * len(calls), 0)
        assert ledger.verify().problems == ()


# kill -9 at random points


def spend_until_killed(where: str, pipe, retried: list[str]) -> None:
    """Go on with what the last client left behind, then with calls of its own, for ever."""
    ledger = Ledger(where)
    spend(ledger, lambda *word: pipe.send(word), itertools.chain(retried, fresh_ops()))


def kill_clients(where: str, kills: int, clients: int = 4) -> Heard:
    """Kill `kills` spending clients, some at once; each next one first retries its forerunner's last op."""
    with closing(Ledger(where)) as ledger:
        plan(ledger, _unheard)
    heard = Heard()
    mutex = threading.Lock()
    left = iter(range(kills))

    def keep_killing(seed: int) -> None:
        chance, retried = random.Random(seed), []
        while next(left, None) is not None:
            told = _until_killed(where, retried, chance.randint(1, 25), chance.uniform(0, 0.004))
            retried = list(told)[-1:]
            with mutex:
                for op, word in told.items():
                    heard(word, op)

    with ThreadPoolExecutor(clients) as killers:
        list(killers.map(keep_killing, range(clients)))
    return heard


def _until_killed(where: str, retried: list[str], after: int, then_s: float) -> Heard:
    """What one client acknowledged; it is killed some moments after so many words."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    client = PROCESSES.Process(target=spend_until_killed, args=(where, theirs, retried))
    client.start()
    theirs.close()
    told, number = Heard(), 0
    try:
        while True:
            told(*ours.recv())
            number += 1
            if number == after:
                threading.Timer(then_s, client.kill).start()
    except EOFError:
        client.join()
    assert number >= after, "the client ended by itself"
    return told


def kill_backends(server: PostgresServer, where: str, kills: int, clients: int = 3) -> Heard:
    """Kill, again and again, one of the server's processes that clients spend through; returns their words.

    The server then drops all connections and recovers as after a crash; it has at the end.
    """
    heard, over, settled = Heard(), threading.Event(), threading.Semaphore(0)

    def say(word: str, op: str) -> None:
        heard(word, op)
        if word == "settled":
            settled.release()

    with closing(Ledger(where)) as ledger:
        plan(ledger, heard)
    with ThreadPoolExecutor(clients) as pool:
        spending = [pool.submit(_spend_stubbornly, where, say, over) for _ in range(clients)]
        try:
            for _ in range(kills):
                while settled.acquire(blocking=False):
                    pass  # what was settled before the last kill
                assert settled.acquire(timeout=WAIT_S)
                _kill_a_backend(server)
        finally:
            over.set()
        for client in spending:
            client.result()
    return heard


def _spend_stubbornly(where: str, say: Say, over: threading.Event) -> None:
    """Hold and settle until it is over, each op again for as long as its connection is cut."""
    with closing(_opened_stubbornly(where)) as ledger:
        while not over.is_set():
            op = new_op()
            while True:
                try:
                    spend(ledger, say, [op])
                except LedgerError:
                    continue
                break


def _opened_stubbornly(where: str) -> Ledger:
    """The ledger; the others spend already, and the server may be killed while it is opened."""
    while True:
        try:
            return Ledger(where)
        except LedgerError:
            continue


def _kill_a_backend(server: PostgresServer) -> None:
    """Kill one, and wait until the server has cut all others and recovered."""
    with closing(server.connect()) as witness:
        while not (pids := [pid for (pid,) in witness.execute(_OTHERS)]):
            pass
        os.kill(random.choice(pids), signal.SIGKILL)
        with suppress(psycopg.OperationalError):  # its own connection is among those that are cut
            witness.execute("SELECT pg_sleep(%s)", [WAIT_S])
    server.wait_until_ready()


# Exhaustion


def exhaust(where: str, processes: int, threads: int, granted: int, tokens: int) -> tuple[int, list[str]]:
    """Let all spend `tokens` a call until the grant is gone; what they held together, and what went wrong."""
    with closing(Ledger(where)) as ledger:
        ledger.set_plan(ME, INFERENCE, granted, source="me")
    start, results = PROCESSES.Barrier(processes), PROCESSES.Queue()
    racers = [
        PROCESSES.Process(target=race, args=(where, threads, tokens, start, results))
        for _ in range(processes)
    ]
    for racer in racers:
        racer.start()
    outcomes = [results.get(timeout=WAIT_S) for _ in racers]
    for racer in racers:
        racer.join()
    return sum(won for won, _ in outcomes), [line for _, wrong in outcomes for line in wrong]
