"""The one order of hold, send, settle: what each way of going wrong leaves, on one meter and on two."""

import sys
import threading
from contextlib import closing, suppress

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
from asksage_jupyter.session.holding.held import Held
from asksage_jupyter.session.holding.settling import Settling
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


def run(settling, call, send, tokens=60):
    """One call from its hold to its end."""
    with Held(settling, call) as held:
        held.sent()
        answer = send()
        held.settle(a_bill(tokens))
    return answer, held


def both(settling, send, inner=300):
    """A call that costs on both meters: 200 training tokens, and `inner` inference tokens."""
    calls = settling.call("a-model", 200, TRAINING), settling.call("a-model", inner)
    with Held(settling, calls[0]) as training, Held(settling, calls[1]) as inference:
        for held in (training, inference):
            held.sent()
        send()
        training.settle(a_bill(220))
        inference.settle(a_bill(250))
    return training, inference


def test_what_was_sent_for_comes_back_with_its_bill(ledger, settling):
    answer, held = run(settling, settling.call("m", 50), lambda: "answer")
    assert (answer, held.tokens, held.trouble) == ("answer", 0, None)
    assert figures(ledger) == (1_000, 60, 0)


def test_the_hold_is_there_while_it_is_sent(ledger, settling):
    held = []
    run(settling, settling.call("m", 50), lambda: held.append(figures(ledger)))
    assert held == [(1_000, 0, 50)]


def test_two_meters_are_held_together_and_settled_together(ledger, settling):
    held = []
    both(settling, lambda: held.append((figures(ledger), figures(ledger, ME, TRAINING))))
    assert held == [((1_000, 0, 300), (1_000, 0, 200))]
    assert figures(ledger) == (1_000, 250, 0)
    assert figures(ledger, ME, TRAINING) == (1_000, 220, 0)


@pytest.mark.parametrize("error", [Unavailable("busy"), BadInput("no file"), NoKey("no key")])
def test_what_was_certainly_not_billed_leaves_nothing_held(ledger, settling, error):
    with pytest.raises(type(error)):
        run(settling, settling.call("m", 50), raising(error))
    with pytest.raises(type(error)):
        both(settling, raising(error))
    assert figures(ledger) == figures(ledger, ME, TRAINING) == (1_000, 0, 0)


def given_up(held, *, at_line, meanwhile):
    """Give the call up, and let another thread do something before a line of that; whether there is one."""
    left = at_line

    def watch(frame, event, _):
        nonlocal left
        if frame.f_code is not Held.__exit__.__code__:
            return None
        left -= event == "line"
        if event == "line" and left == 0:
            other.start()
            other.join(0.05)  # it may have to wait for this one
        return watch

    other, before = threading.Thread(target=meanwhile), sys.gettrace()
    sys.settrace(watch)
    try:
        held.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    finally:
        sys.settrace(before)
    if left > 0:
        return False
    other.join()
    return True


def test_a_request_that_leaves_as_its_call_is_given_up_stays_held_and_one_that_is_kept_back_does_not(
    ledger, settling
):
    left, line = [], 1

    def leave():
        with suppress(KeyboardInterrupt):
            held.sent()
            left.append(60)

    while True:
        held = Held(settling, settling.call("a-model", 60)).__enter__()
        if not given_up(held, at_line=line, meanwhile=leave):
            break
        assert figures(ledger)[2] == sum(left), line
        held.sent(False)  # as is said of one that was kept back, or too late
        assert held.was_sent is bool(held.tokens), line
        line += 1
    assert 0 < len(left) < line - 1


@pytest.mark.parametrize(
    "error", [TypeError("int64"), ReplyLost("lost"), Interrupted(None, "stopped"), KeyboardInterrupt()]
)
def test_whatever_is_raised_before_it_is_sent_leaves_nothing_held(ledger, settling, error):
    with pytest.raises(type(error)), Held(settling, settling.call("m", 50)):
        assert figures(ledger) == (1_000, 0, 50)
        raise error
    assert figures(ledger) == (1_000, 0, 0)


def test_what_is_left_without_being_sent_is_not_held(ledger, settling):
    with Held(settling, settling.call("m", 50)) as held:
        assert held.tokens == 50
    assert held.tokens == 0
    assert figures(ledger) == (1_000, 0, 0)


def test_what_came_to_nothing_on_its_way_is_as_if_it_was_never_sent(ledger, settling):
    with pytest.raises(KeyboardInterrupt), Held(settling, settling.call("m", 50)) as held:
        held.sent()
        held.sent(False)  # busy, nothing was billed: a pause before it is sent again
        raise KeyboardInterrupt
    assert figures(ledger) == (1_000, 0, 0)


def test_what_was_given_up_does_not_leave_any_more(ledger, settling):
    with Held(settling, settling.call("m", 50)) as held:
        pass
    with pytest.raises(KeyboardInterrupt):
        held.sent()


def test_a_call_may_be_left_open_for_a_bill_that_comes_later(ledger, settling):
    with Held(settling, settling.call("m", 50)) as held:
        held.sent()
        held.leave_open()
    assert held.tokens == 50
    assert figures(ledger) == (1_000, 0, 50)


def test_a_hold_of_which_the_ledger_does_not_say_whether_it_was_made_is_taken_back(
    ledger, settling, monkeypatch
):
    hold = ledger.hold

    def hold_and_fail(*args, **named):
        hold(*args, **named)
        raise error

    monkeypatch.setattr(ledger, "hold", hold_and_fail)
    for error in (LedgerError("lost"), KeyboardInterrupt()):
        with pytest.raises(type(error)), Held(settling, settling.call("m", 50)):
            raise AssertionError("not entered")
        assert figures(ledger) == (1_000, 0, 0)


def test_a_session_tells_what_is_under_way(settling):
    call = settling.call("m", 50)
    with Held(settling, call):
        assert settling.in_flight == {call.op}
    with pytest.raises(NotEnoughTokens), Held(settling, settling.call("m", 5_000)):
        raise AssertionError("not entered")
    assert not settling.in_flight


def test_only_the_calls_that_were_left_open_are_remembered_once_they_are_over(ledger, settling, monkeypatch):
    settled, voided, lost, unbooked = calls = [settling.call("m", 50) for _ in range(4)]
    run(settling, settled, lambda: "answer")
    with Held(settling, voided):
        pass
    with pytest.raises(ReplyLost):
        run(settling, lost, raising(ReplyLost("lost")))
    monkeypatch.setattr(ledger, "settle", lambda op, bill: raising(LedgerError("busy"))())
    _, held = run(settling, unbooked, lambda: "answer")
    assert held.trouble
    assert [call for call in calls if settling.has_left_open(call.op)] == [lost, unbooked]


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
    _, held = run(settling, settling.call("m", 50), lambda: "answer")
    assert held.tokens == 50
    assert held.trouble == "the debit is still to be booked (the disk is full)"
    with pytest.warns(UserWarning, match="60 tokens: the debit is still to be booked"):
        settling.debits.catch_up()
    monkeypatch.setattr(ledger, "settle", settle)
    settling.debits.catch_up()
    assert figures(ledger) == (1_000, 60, 0)


def test_a_conflict_is_told_and_not_tried_again(ledger, settling, monkeypatch):
    def conflict(op, bill):
        raise LedgerConflict("settled before")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "settle", conflict)
        _, held = run(settling, settling.call("m", 50), lambda: "answer")
    assert held.tokens == 50
    assert held.trouble == "not debited: settled before"
    settling.debits.catch_up()
    assert figures(ledger) == (1_000, 0, 50)


def raising_ledger(words):
    def settle(op, bill):
        raise LedgerError(words)

    return settle
