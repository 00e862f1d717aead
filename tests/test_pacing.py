"""The pace of an account, from its ledger to the cell: the function, the magic, and the one warning."""

from datetime import date, timedelta

import pytest
from IPython.utils.capture import capture_output
from ledger_desk import DAY, Clock, a_bill, a_call, at
from traitlets.config import Config

from asksage_jupyter import session
from asksage_jupyter.account import Meter
from asksage_jupyter.commands import spending
from asksage_jupyter.commands.help import help_text
from asksage_jupyter.errors import BadInput, OverEnvelope
from asksage_jupyter.forecast import WorkingDays
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.magic.telling.forewarning import Forewarning
from asksage_jupyter.pacing import pace
from asksage_jupyter.server.views.reader import Reader
from asksage_jupyter.session.forecasting import Leftover, pace_of
from asksage_jupyter.session.session import Session
from asksage_jupyter.settings import AskSage
from asksage_jupyter.widget.page import html
from asksage_jupyter.widget.state import PanelState
from asksage_jupyter.widget.words import text

NOW = at(2026, 11, 10, 12)
MONTHLY = 20_000


@pytest.fixture
def account(server):
    """A person at the scripted tenant, with 1,000 tokens used on each of 40 days up to yesterday."""
    settings = AskSage.instance()
    clock = Clock(NOW - 40 * DAY)
    with_history = Ledger(settings.ledger, clock=clock)
    with_history.set_plan(settings.account, Meter.INFERENCE, MONTHLY * 10, source="set_plan")
    while clock.t < NOW - DAY:
        clock.t += DAY
        call = a_call(1000, clock)
        with_history.hold(settings.account, call, due=clock.t + DAY)
        with_history.settle(call.op, a_bill(1000))
    clock.t = NOW
    with_history.set_plan(settings.account, Meter.INFERENCE, MONTHLY, source="set_plan")
    with_history.close()
    return settings.account


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def at_noon(account, clock):
    """A session of the account that lives at `NOW`."""
    opened = Session(AskSage.instance(), clock=clock)
    yield opened
    opened.close()


def ran(shell, text):
    """What a cell showed, and the error it ended with."""
    with capture_output() as captured:
        result = shell.run_cell(text)
    shown = "\n".join(output.data["text/plain"] for output in captured.outputs)
    return shown, result.error_in_exec or result.error_before_exec


# -- from the ledger ---------------------------------------------------------------------------------


def test_the_pace_is_read_from_the_ledger(at_noon):
    found = pace_of(at_noon, Meter.INFERENCE)
    assert (found.as_of, found.last_day) == (date(2026, 11, 10), date(2026, 11, 30))
    # Of November's 20,000, the days from the 1st to the 9th, all at noon, took 1,000 each.
    assert (found.remaining, found.a_day) == (MONTHLY - 9000, 1000)
    # Half of today is to come, and days off are worked here like others.
    assert found.exhausted_on == found.earliest == found.latest == date(2026, 11, 21)


def test_the_last_days_tell_what_would_buy_what_will_expire(at_noon, clock):
    clock.t = at(2026, 11, 26, 12)
    at_noon.set_plan(inference=100_000)
    found = pace_of(at_noon, Meter.INFERENCE)
    assert found.days_left <= 5
    assert (found.like, found.buys) == ("a-model", found.expiring // 1000)
    assert "calls like yours on a-model" in str(found)


def test_what_is_left_over_is_the_low_end_and_ends_with_the_month(at_noon, clock):
    found = pace_of(at_noon, Meter.INFERENCE)
    assert found.expiring_low == 0
    assert Leftover(at_noon).left == 0
    at_noon.set_plan(inference=100_000)
    leftover = Leftover(at_noon)
    assert leftover.left == pace_of(at_noon, Meter.INFERENCE).expiring_low > 60_000
    clock.t = at(2026, 12, 1)
    with pytest.raises(OverEnvelope, match="what will expire this month has 0 tokens left, 1 needed"):
        leftover.hold("an op", 1)


def test_nothing_is_left_over_while_that_cannot_be_said(server):
    with pytest.raises(BadInput, match=r"what will expire cannot be said yet. .*Nothing was sent"):
        Leftover(session.current())


def test_the_settings_say_which_days_are_worked(at_noon):
    assert pace_of(at_noon, Meter.INFERENCE).days_left == 15
    at_noon.settings.holidays = ["2026-11-26", "2026-11-27"]
    assert pace_of(at_noon, Meter.INFERENCE).days_left == 13
    at_noon.settings.weekend = ["Friday", "Saturday", "Sunday"]
    assert pace_of(at_noon, Meter.INFERENCE).days_left == 11


def test_a_meter_without_a_plan_or_use_tells_so(at_noon):
    found = pace_of(at_noon, Meter.TRAINING)
    assert (found.remaining, found.a_day, found.lasts) == (None, None, None)
    assert found.words.startswith("The allotment is not known: ")


def test_neither_key_nor_network_is_needed(server, monkeypatch):
    monkeypatch.delenv("ASKSAGE_API_KEY")
    assert pace().remaining is None
    assert pace("training").meter is Meter.TRAINING
    assert server.requests == []


def test_the_first_look_asks_the_service_what_there_is(server):
    assert pace().remaining == 199_589
    asked = len(server.requests)
    assert pace("training").remaining == 100_000
    assert len(server.requests) == asked


def test_there_are_two_meters():
    with pytest.raises(BadInput, match="'tokens' is no meter: write inference or training"):
        pace("tokens")


# -- settings ----------------------------------------------------------------------------------------


def test_days_off_come_from_the_settings(monkeypatch):
    monkeypatch.setenv("ASKSAGE_HOLIDAYS", "2026-11-26, 2026-12-25")
    settings = AskSage(config=Config({"AskSage": {"weekend": ["Fri", "saturday"]}}))
    assert settings.working_days == WorkingDays(
        frozenset({4, 5}), frozenset({date(2026, 11, 26), date(2026, 12, 25)})
    )


def test_what_is_no_day_is_refused_in_one_line(shell, monkeypatch):
    with pytest.raises(BadInput, match="holidays: 'Christmas' is not a date"):
        AskSage.instance().holidays = ["Christmas"]
    with pytest.raises(BadInput, match="weekend: 'Funday' is no day of the week"):
        AskSage.instance().weekend = ["Funday"]
    assert AskSage.instance().working_days == WorkingDays()
    monkeypatch.setenv("ASKSAGE_HOLIDAYS", "soon")
    AskSage.clear_instance()
    _, error = ran(shell, "%asksage pace")
    assert str(error) == "holidays: 'soon' is not a date: write it like 2026-11-26"


# -- the magic ---------------------------------------------------------------------------------------


def test_the_line_shows_the_pace_of_a_meter(shell, server):
    ran(shell, "%asksage plan --inference 5000 --training 3000")
    shown, error = ran(shell, "%asksage pace")
    assert error is None
    assert shown.startswith("inference: Too early to say how long it lasts.")
    assert "5,000 left" in shown
    assert ran(shell, "%asksage pace --meter training")[0].startswith("training: Too early to say how")


def test_below_the_balance_stands_how_long_it_lasts_where_that_can_be_said(
    shell, server, at_noon, monkeypatch
):
    monkeypatch.setattr(spending, "current", lambda: at_noon)
    shown, error = ran(shell, "%asksage")
    assert error is None
    words = "Lasts until 21 Nov at this pace. Up to 333 a working day lasts until the reset."
    assert " ".join(shown.split()).endswith(words)
    monkeypatch.setattr(at_noon, "clock", Clock(at(2026, 6, 1)))  # before the first call
    assert "reset." not in ran(shell, "%asksage balance")[0]


def test_panel_and_sidebar_say_the_same_of_it(at_noon, clock):
    state = PanelState(at_noon, contact=False, clock=clock)
    reader = Reader(at_noon.settings, clock=clock)
    try:
        for remaining in (MONTHLY - 9000, 100_000):
            at_noon.set_plan(inference=remaining + 9000)
            state.refresh()
            told = pace_of(at_noon, Meter.INFERENCE).told
            assert state.shown.paces == {Meter.INFERENCE: told}  # nobody uses the other
            assert told in html(state.shown, live=True)
            assert told in text(state.shown).splitlines()[2]
            (sidebar, _) = reader.balance(lambda _: False, None)["meters"]
            assert {"kind": "pace", "words": told} in sidebar["lines"]
        at_noon.set_plan(inference=9000)
        state.refresh()
        assert state.shown.paces == {}  # that all is used up is said already
    finally:
        state.stop()
        reader.close()


def test_a_line_that_cannot_be_meant_is_refused(shell, server):
    assert "takes options only, not 'training'" in str(ran(shell, "%asksage pace training")[1])
    assert "'x' is not one of inference, training" in str(ran(shell, "%asksage pace --meter x")[1])


def test_the_help_has_the_options(shell):
    assert "--meter" in help_text("pace")
    assert "%asksage pace" in help_text()


# -- the warning -------------------------------------------------------------------------------------

WARNING = "[inference: Lasts until 21 Nov at this pace. Up to 333 a working day lasts until the reset.]"


class Seconds:
    """A monotonic clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def warner(shell, at_noon):
    """Opens sessions at `NOW` that warn in `shell`, as its own kernel would."""
    opened = []

    def open_one(clock=None, t=NOW):
        started = Session(AskSage.instance(), clock=Clock(t))
        forewarning = Forewarning(started, shell.events, clock=clock or Seconds())
        started.companions.append(forewarning)
        opened.append(started)
        return forewarning

    yield open_one
    for started in opened:
        started.close()


def test_a_month_that_will_not_last_is_told_once_in_all_kernels(shell, warner):
    first, second = warner(), warner()
    assert ran(shell, "1")[0] == ""
    first.after_call()
    assert ran(shell, "1")[0] == WARNING
    for each in (first, second, warner()):
        each.after_call()
    assert ran(shell, "1")[0] == ""


def test_another_month_is_told_again(shell, warner, at_noon):
    warner().after_call()
    assert ran(shell, "1")[0] == WARNING
    later = at(2026, 12, 3, 12)
    ledger = at_noon.ledger
    ledger._clock = Clock(later - timedelta(days=2) // timedelta(microseconds=1))
    call = a_call(15_000, ledger._clock)
    ledger.hold(at_noon.account, call, due=later)
    ledger.settle(call.op, a_bill(15_000))
    following = warner(t=later)
    following.after_call()
    assert ran(shell, "1")[0].startswith("[inference: Lasts until ")
    marks = [mark.name for mark in (ledger.folder / "warned").iterdir()]
    assert len(marks) == 1
    assert marks[0].endswith("-inference-2026-12")
    assert "ada" not in marks[0]


def test_a_look_costs_nothing_while_the_last_one_is_recent(shell, warner, at_noon):
    clock = Seconds()
    forewarning = warner(clock)
    at_noon.ledger.set_plan(at_noon.account, Meter.INFERENCE, 10 * MONTHLY, source="set_plan")
    forewarning.after_call()
    assert ran(shell, "1")[0] == ""  # lasts
    at_noon.ledger.set_plan(at_noon.account, Meter.INFERENCE, MONTHLY, source="set_plan")
    forewarning.after_call()
    assert ran(shell, "1")[0] == ""  # not looked at yet
    clock.now = 601
    assert ran(shell, "1")[0] == WARNING


def test_a_failing_ledger_is_no_trouble_of_the_cell(shell, warner, at_noon):
    forewarning = warner()
    at_noon.ledger.path.write_bytes(b"not a ledger" * 1000)
    forewarning.after_call()
    assert ran(shell, "1") == ("", None)


def test_where_no_mark_can_be_left_each_kernel_tells_once(shell, warner, at_noon):
    (at_noon.ledger.folder / "warned").symlink_to("nowhere/at/all")
    forewarning = warner(clock := Seconds())
    for seconds, shown in ((0, WARNING), (601, "")):
        clock.now = seconds
        forewarning.after_call()
        assert ran(shell, "1")[0] == shown


def test_what_is_used_up_is_no_forecast(shell, warner, at_noon):
    at_noon.ledger.set_plan(at_noon.account, Meter.INFERENCE, 9000, source="set_plan")
    warner().after_call()
    assert ran(shell, "1")[0] == ""


def test_a_closed_session_hears_no_more_cells(shell, warner):
    forewarning = warner()
    forewarning.after_call()
    forewarning.close()
    forewarning.close()
    assert ran(shell, "1")[0] == ""


def test_a_kernel_has_the_warning_by_itself(shell, server):
    shown, error = ran(shell, "%%asksage\nWhy is the sky blue?")
    assert error is None
    assert "Lasts until" not in shown
    assert any(isinstance(each, Forewarning) for each in session.current().companions)
