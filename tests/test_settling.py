"""The one order of hold, send, settle: what each way of going wrong leaves, on one meter and on two."""

from contextlib import closing

import pytest
from ledger_desk import ME, Clock, a_bill, figures

from asksage_jupyter.account import Meter
from asksage_jupyter.errors import (
    BadInput,
    Interrupted,
    LedgerConflict,
    LedgerError,
    NoKey,
    NotEnoughTokens,
    ReplyLost,
    Unavailable,
)
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.session.settling import Settling
from asksage_jupyter.settings import AskSage

TRAINING = Meter.TRAINING


@pytest.fixture
def ledger(tmp_path):
    with closing(Ledger(tmp_path / "own.db", clock=Clock())) as ledger:
        for meter in Meter:
            ledger.set_plan(ME, meter, 1_000, source="me")
        yield ledger


@pytest.fixture
def settling(ledger):
    return Settling(ME, AskSage.instance(), lambda: ledger, Clock(), lambda: None)


def raising(error):
    def send():
        raise error

    return send


def both(settling, send, inner=300):
    """A call that costs on both meters: 200 training tokens, and `inner` inference tokens."""

    def on_inference():
        call = settling.call("a-model", inner)
        return settling.run(call, send, lambda answer, took_ms: a_bill(250)).answer

    call = settling.call("a-model", 200, TRAINING)
    return settling.run(call, on_inference, lambda answer, took_ms: a_bill(220))


def test_what_was_sent_for_comes_back_with_its_bill(ledger, settling):
    answer, bill, trouble = settling.run(settling.call("m", 50), lambda: "answer", lambda *_: a_bill(60))
    assert (answer, bill.tokens, trouble) == ("answer", 60, None)
    assert figures(ledger) == (1_000, 60, 0)


def test_the_hold_is_there_while_it_is_sent(ledger, settling):
    held = []
    settling.run(settling.call("m", 50), lambda: held.append(figures(ledger)), lambda *_: a_bill(60))
    assert held == [(1_000, 0, 50)]


def test_two_meters_are_held_together_and_settled_together(ledger, settling):
    held = []
    _, bill, trouble = both(settling, lambda: held.append((figures(ledger), figures(ledger, ME, TRAINING))))
    assert held == [((1_000, 0, 300), (1_000, 0, 200))]
    assert (bill.tokens, trouble) == (220, None)
    assert figures(ledger) == (1_000, 250, 0)
    assert figures(ledger, ME, TRAINING) == (1_000, 220, 0)


@pytest.mark.parametrize("error", [Unavailable("busy"), BadInput("no file"), NoKey("no key")])
def test_what_was_certainly_not_billed_leaves_nothing_held(ledger, settling, error):
    with pytest.raises(type(error)):
        settling.run(settling.call("m", 50), raising(error), lambda *_: a_bill(1))
    with pytest.raises(type(error)):
        both(settling, raising(error))
    assert figures(ledger) == figures(ledger, ME, TRAINING) == (1_000, 0, 0)


@pytest.mark.parametrize("error", [ReplyLost("lost"), Interrupted(None, "stopped"), KeyboardInterrupt()])
def test_what_may_have_been_billed_stays_held_on_each_meter(ledger, settling, error):
    with pytest.raises(type(error)):
        both(settling, raising(error))
    assert figures(ledger) == (1_000, 0, 300)
    assert figures(ledger, ME, TRAINING) == (1_000, 0, 200)


def test_a_second_meter_that_cannot_pay_frees_the_first_and_sends_nothing(ledger, settling):
    sent = []
    with pytest.raises(NotEnoughTokens, match="inference"):
        both(settling, lambda: sent.append(1), inner=1_001)
    assert not sent
    assert figures(ledger, ME, TRAINING) == (1_000, 0, 0)


def test_a_failing_debit_is_told_and_booked_at_the_next_catch_up(ledger, settling, monkeypatch):
    settle = ledger.settle
    monkeypatch.setattr(ledger, "settle", raising_ledger("the disk is full"))
    _, _, trouble = settling.run(settling.call("m", 50), lambda: "answer", lambda *_: a_bill(60))
    assert trouble == "the debit is still to be booked (the disk is full)"
    with pytest.warns(UserWarning, match="60 tokens: the debit is still to be booked"):
        settling.catch_up()
    monkeypatch.setattr(ledger, "settle", settle)
    settling.catch_up()
    assert figures(ledger) == (1_000, 60, 0)


def test_a_conflict_is_told_and_not_tried_again(ledger, settling, monkeypatch):
    def conflict(op, bill):
        raise LedgerConflict("settled before")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "settle", conflict)
        _, _, trouble = settling.run(settling.call("m", 50), lambda: "answer", lambda *_: a_bill(60))
    assert trouble == "not debited: settled before"
    settling.catch_up()
    assert figures(ledger) == (1_000, 0, 50)


def raising_ledger(words):
    def settle(op, bill):
        raise LedgerError(words)

    return settle
