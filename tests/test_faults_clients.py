"""Clients that are killed, race for the last tokens, or whose clock jumps."""

import random
from contextlib import closing

import pytest
from fault_desk import check, exhaust, kill_backends, kill_clients
from ledger_desk import DAY, HOUR, INFERENCE, ME, Clock, a_bill, a_call, at, figures
from sqlalchemy import text

from asksage_jupyter.errors import NotEnoughTokens
from asksage_jupyter.ledger import Ledger

pytestmark = pytest.mark.long

GIVEN = text(
    "SELECT source, sum(tokens) FROM entry JOIN grant_ ON id = grant_id WHERE kind = 'grant' GROUP BY id"
)
HELD = text("SELECT t, starts, ends FROM entry JOIN grant_ ON id = grant_id WHERE kind = 'hold'")


pytest_plugins = ["postgres_server"]


def test_clients_killed_at_random_lose_nothing_and_their_successors_book_nothing_twice(where):
    heard = kill_clients(where, 20)
    assert len(heard) >= 20
    check(where, heard)


def test_backends_of_postgresql_that_are_killed_lose_nothing_and_book_nothing_twice(postgres):
    where = postgres.url("postgres", schema=postgres.new_schema())
    check(where, kill_backends(postgres, where, 12))


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
