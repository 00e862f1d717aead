"""Clients that are killed, race for the last tokens, or whose clock jumps."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from fault_desk import Heard, check, exhaust, kill_clients, plan, spend
from ledger_desk import DAY, HOUR, INFERENCE, ME, Clock, a_bill, a_call, at, figures
from sqlalchemy import text

from asksage_jupyter.errors import LedgerError, NotEnoughTokens
from asksage_jupyter.ledger import Ledger, new_op

GIVEN = text(
    "SELECT source, sum(tokens) FROM entry JOIN grant_ ON id = grant_id WHERE kind = 'grant' GROUP BY id"
)
HELD = text("SELECT t, starts, ends FROM entry JOIN grant_ ON id = grant_id WHERE kind = 'hold'")


pytest_plugins = ["postgres_server"]

CUT_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"


def test_clients_killed_at_random_lose_nothing_and_their_successors_book_nothing_twice(where):
    heard = kill_clients(where, 40)
    assert len(heard) >= 40
    check(where, heard)


def spend_stubbornly(where, say, over):
    """Hold and settle until it is over, each op again for as long as its connection is cut."""
    with closing(Ledger(where)) as ledger:
        while not over.is_set():
            op = new_op()
            while True:
                try:
                    spend(ledger, say, [op])
                except LedgerError:
                    continue
                break


def test_backends_of_postgresql_that_are_ended_lose_nothing_and_book_nothing_twice(postgres):
    where = postgres.url("postgres", schema=postgres.new_schema())
    heard, over, settled = Heard(), threading.Event(), threading.Semaphore(0)

    def say(word, op):
        heard(word, op)
        if word == "settled":
            settled.release()

    with closing(Ledger(where)) as ledger:
        plan(ledger, heard)
    with ThreadPoolExecutor(3) as clients:
        spending = [clients.submit(spend_stubbornly, where, say, over) for _ in range(3)]
        try:
            for _ in range(40):
                assert settled.acquire(timeout=30)
                postgres.execute(CUT_ALL)
        finally:
            over.set()
        for client in spending:
            client.result()
    check(where, heard)


def test_when_the_tokens_run_out_exactly_as_many_holds_fit_as_can_be_paid(where):
    for round_ in range(1, 3):
        won, wrong = exhaust(where, processes=4, threads=32, granted=500 * round_, tokens=7)
        assert wrong == []
        assert won == 500 * round_ // 7 * 7 - 500 * (round_ - 1) // 7 * 7
        with closing(Ledger(where)) as ledger:
            assert figures(ledger) == (500 * round_, 500 * round_ // 7 * 7, 0)
            assert ledger.verify().problems == ()


class JumpingClock(Clock):
    """A clock that somebody sets on, far ahead or back: within the day, the month, or across its edges."""

    def __init__(self, seed):
        super().__init__(at(2026, 11, 30, 22))
        self.chance, self.latest = random.Random(seed), self.t

    def jump(self):
        far = self.chance.choice([HOUR, HOUR, 2 * DAY, -HOUR, -DAY, 40 * DAY, -35 * DAY])
        self.t += round(far * self.chance.random())
        self.latest = max(self.latest, self.t)


@pytest.mark.parametrize("seed", range(6))
def test_a_clock_set_back_or_forward_gives_no_month_twice_and_reopens_none(where, seed):
    clock = JumpingClock(seed)
    chance = clock.chance
    with closing(Ledger(where, clock=clock)) as ledger:
        ledger.set_plan(ME, INFERENCE, 1000, source="me")
        for _ in range(60):
            clock.jump()
            call = a_call(chance.randint(1, 200), clock)
            try:
                ledger.hold(ME, call, due=clock() + chance.choice([HOUR, 30 * DAY]))
            except NotEnoughTokens:
                continue
            clock.jump()
            if chance.random() < 0.8:
                ledger.settle(call.op, a_bill(chance.randint(0, call.estimate)))
            else:
                ledger.presume()
        clock.t = clock.latest + 40 * DAY
        ledger.hold(ME, a_call(1, clock), due=clock() + HOUR)
        assert ledger.verify().problems == ()
        with ledger._store.reading() as connection:
            given = connection.execute(GIVEN).all()
            held = connection.execute(HELD).all()
    assert len(given) > 1
    assert len({source for source, _ in given}) == len(given)
    assert {tokens for _, tokens in given} == {1000}
    assert all(starts <= t < ends for t, starts, ends in held)
