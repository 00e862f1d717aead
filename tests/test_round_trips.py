"""How often a cell waits for the ledger's server: at ten milliseconds each it is what a person feels."""

import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from cut_wire import Wire
from ledger_desk import HOUR, INFERENCE, Clock, a_bill, a_call, figures

import asksage_jupyter
from asksage_jupyter import session
from asksage_jupyter.account import Account
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.settings import AskSage

pytest_plugins = ["postgres_server"]

ANA = Account("api.example", "ana@example")
LAB = Account.of_pool("api.example", "lab")


@pytest.fixture
def wire(postgres):
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        wire = Wire(postgres.folder, Path(folder))
        wire.url = postgres.url("postgres", schema=postgres.new_schema()).replace(
            str(postgres.folder), folder
        )
        yield wire
        wire.close()


def counted(wire, do):
    before = wire.round_trips
    do()
    return wire.round_trips - before


@pytest.mark.parametrize(("is_member", "at_most"), [(False, 10), (True, 14)])
def test_an_ask_waits_for_the_server_so_often(server, wire, monkeypatch, is_member, at_most):
    monkeypatch.setenv("ASKSAGE_LEDGER", wire.url)
    AskSage.clear_instance()
    asksage_jupyter.ask("Why is the sky blue?")
    ada = session.current()
    if is_member:
        pool = Account.of_pool(ada.account.host, "lab")
        ada.ledger.set_plan(pool, INFERENCE, 10**6, source="team")
        ada.ledger.join_pool(ada.account, INFERENCE, pool, 10**5)
    for _ in range(8):  # statements are prepared by now
        asksage_jupyter.ask("Why is the sky blue?")
    waits = counted(wire, lambda: asksage_jupyter.ask("Why is the sky blue?"))
    assert waits <= at_most


@pytest.mark.parametrize("is_member", [False, True])
def test_each_move_waits_so_often(wire, is_member):
    clock = Clock()
    with closing(Ledger(wire.url, clock=clock)) as ledger:
        ledger.set_plan(ANA, INFERENCE, 10**6, source="me")
        if is_member:
            ledger.set_plan(LAB, INFERENCE, 10**6, source="team")
            ledger.join_pool(ANA, INFERENCE, LAB, 10**5)

        def hold(tokens=10):
            ledger.hold(ANA, calls := a_call(tokens, clock), due=clock() + HOUR)
            held.append(calls.op)

        held = []
        for _ in range(8):
            hold()
            ledger.balance(ANA)
            ledger.presume(ANA)
            ledger.settle(held.pop(), a_bill(10))
        assert counted(wire, lambda: ledger.presume(ANA)) == 1
        assert counted(wire, hold) == 2
        assert counted(wire, lambda: ledger.balance(ANA)) == (3 if is_member else 1)
        assert counted(wire, lambda: ledger.settle(held.pop(), a_bill(7))) == 2
        for _ in range(20):
            hold()
        clock.t += 2 * HOUR
        assert counted(wire, lambda: ledger.presume(ANA)) <= 5  # however many are late
        assert figures(ledger, ANA)[1:] == (80 + 7 + 200, 0)
