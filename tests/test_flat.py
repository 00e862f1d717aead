"""What a ledger is asked takes as long at any length of its history: SQLite's own steps are counted."""

import pytest
from ledger_desk import DAY, INFERENCE, ME, Clock, a_bill, a_call, at

from asksage_jupyter.ledger import Ledger
from asksage_jupyter.ledger.stores.sqlite.driver import FileConnection

FEW, MANY = 20, 200
BEGIN = at(2026, 11, 3)


def ask(ledger):
    call = a_call(10, ledger._clock)
    ledger.hold(ME, call, due=BEGIN + 99 * DAY)
    ledger.settle(call.op, a_bill(9))


FLAT = {
    "opening": lambda ledger: Ledger(ledger.path, clock=ledger._clock).close(),
    "a call": ask,
    "a balance": lambda ledger: ledger.balance(ME),
    "what is open": lambda ledger: ledger.open_calls(ME),
    "what is not settled": lambda ledger: ledger.unsettled(ME, INFERENCE),
    "what is late": lambda ledger: ledger.presume(ME),
    "the last calls": lambda ledger: ledger.recent(ME, limit=3),
    "a month": lambda ledger: ledger.month(ME, INFERENCE),
    "a correction": lambda ledger: ledger.correct(ME, INFERENCE, 1, op=f"{ledger._clock.t}"),
}


@pytest.fixture
def steps(monkeypatch):
    """How many steps SQLite took, on connections that are opened from now on."""
    taken, opened = [0], FileConnection.__init__

    def step():
        taken[0] += 1

    def counted(connection, *args, **named):
        opened(connection, *args, **named)
        connection.set_progress_handler(step, 1)

    monkeypatch.setattr(FileConnection, "__init__", counted)
    return taken


def filled(path, calls, *, by_top_up):
    """A ledger of so many settled calls, of one that is open, and of one that is late."""
    ledger = Ledger(path, clock=Clock(BEGIN))
    ledger.set_plan(ME, INFERENCE, 0 if by_top_up else 10**6, source="me")
    if by_top_up:
        ledger.grant(ME, INFERENCE, 10**6, source="top-up:1", starts=0, ends=at(2027, 1, 1))
    for _ in range(calls):
        ask(ledger)
        ledger._clock.t += 60 * 10**6
    for due in (BEGIN + 99 * DAY, ledger._clock.t):
        ledger.hold(ME, a_call(10, ledger._clock), due=due)
    return ledger


@pytest.mark.parametrize("asked", FLAT)
def test_it_is_as_quick_at_any_length(tmp_path, steps, asked):
    taken = []
    for calls in (FEW, MANY):
        ledger = filled(tmp_path / f"{calls}.db", calls, by_top_up=False)
        FLAT[asked](ledger)
        steps[0] = 0
        FLAT[asked](ledger)
        taken.append(steps[0])
        ledger.close()
    assert 0 < taken[1] < 1.1 * taken[0]


@pytest.mark.parametrize("asked", [Ledger.used_in, Ledger.month])
def test_a_month_within_a_top_up_takes_each_entry_once(tmp_path, steps, asked):
    taken = []
    for calls in (FEW, MANY):
        ledger = filled(tmp_path / f"{calls}.db", calls, by_top_up=True)
        steps[0] = 0
        asked(ledger, ME, INFERENCE)
        taken.append(steps[0])
        ledger.close()
    assert taken[1] < 1.2 * MANY / FEW * taken[0]
