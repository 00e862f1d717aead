"""Within a shield no Ctrl-C strikes but in what is exposed."""

import signal
import threading

import pytest

from asksage_jupyter import interrupts
from asksage_jupyter.interrupts import Shield
from asksage_jupyter.session.holding.shielded import Shielded


@pytest.fixture
def handled():
    """What a kernel may set in place of Python's own handler, as for cells that await: it raises nothing."""
    came = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    yield came
    signal.signal(signal.SIGINT, before)


def strike():
    signal.raise_signal(signal.SIGINT)


def test_a_stop_strikes_at_the_end_and_the_handler_is_as_it_was():
    before, done = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), Shield():
        strike()
        done.append("all")
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) is before


def test_what_is_exposed_is_struck_where_it_is_and_nothing_after_it():
    done = []
    with Shield() as shield:
        with pytest.raises(KeyboardInterrupt):
            shield.exposed(strike)
        done.append("booked")
    assert done == ["booked"]


def test_a_stop_that_came_before_keeps_what_is_exposed_from_beginning():
    done = []
    with Shield() as shield:
        strike()
        with pytest.raises(KeyboardInterrupt):
            shield.exposed(lambda: done.append("sent"))
    assert done == []


def test_a_stop_within_an_inner_shield_strikes_what_is_exposed_around_it():
    done = []

    def leave():
        with Shield():
            strike()
            done.append("left")
        done.append("waited")

    with Shield() as outer, pytest.raises(KeyboardInterrupt):
        outer.exposed(leave)
    assert done == ["left"]


def test_a_handler_that_raises_nothing_hears_of_each_stop_once(handled):
    with Shield() as shield:
        strike()
        assert not handled
        assert shield.exposed(lambda: "sent") == "sent"
        assert len(handled) == 1
        shield.exposed(strike)
        assert len(handled) == 2
        strike()
    assert handled == [signal.SIGINT] * 3


@pytest.fixture
def alarm():
    """A timer's signal that is a Ctrl-C, as in tools that stop what takes too long."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGALRM)
    signal.signal(signal.SIGALRM, before)


def test_a_timers_signal_is_kept_away_too(alarm):
    done = []
    with pytest.raises(KeyboardInterrupt), Shield() as shield:
        alarm()
        done.append("held")
        with pytest.raises(KeyboardInterrupt):
            shield.exposed(lambda: done.append("sent"))
        alarm()
        done.append("booked")
    assert done == ["held", "booked"]
    assert signal.getsignal(signal.SIGALRM) is signal.default_int_handler


def test_a_handler_that_is_back_and_strikes_keeps_no_other_away(alarm, monkeypatch):
    before, give = signal.getsignal(signal.SIGINT), interrupts.signal.signal

    def give_and_strike(number, handler):
        given = give(number, handler)
        if handler is before and not struck:
            struck.append(number)
            strike()  # while the next one is still the shield's
        return given

    struck = []
    with pytest.raises(KeyboardInterrupt), Shield():
        monkeypatch.setattr(interrupts.signal, "signal", give_and_strike)
    assert struck == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGALRM) is signal.default_int_handler


def test_where_a_stop_is_ignored_it_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Shield() as shield:
            strike()
            assert shield.exposed(lambda: "sent") == "sent"
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_is_not_shielded_as_none_strikes_there():
    done = []
    thread = threading.Thread(target=lambda: done.append(Shielded(lambda stoppably: stoppably(str)).run()))
    thread.start()
    thread.join()
    assert done == [""]


def test_work_whose_stop_came_too_late_is_whole_and_tells_so():
    def pay(stoppably):
        answer = stoppably(lambda: "paid")
        strike()
        return answer

    work = Shielded(pay)
    assert work.run() == "paid"
    assert work.is_stopped


def test_work_that_is_stopped_books_what_became_of_it():
    booked = []

    def pay(stoppably):
        try:
            stoppably(strike)
        finally:
            strike()  # another one, of an impatient person
            booked.append("held")

    work = Shielded(pay)
    with pytest.raises(KeyboardInterrupt):
        work.run()
    assert booked == ["held"]
    assert work.is_stopped and work.is_begun


def test_an_error_of_the_work_is_raised_though_a_stop_came_too():
    def pay(stoppably):
        strike()
        raise LookupError("refused")

    with pytest.raises(LookupError):
        Shielded(pay).run()
