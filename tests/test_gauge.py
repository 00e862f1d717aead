"""A limit as it is told everywhere: its step, its bar, what gives out first, and of what one is warned."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from ledger_desk import at
from traitlets import TraitError

from asksage_jupyter.account import (
    THRESHOLDS,
    Account,
    Balance,
    Level,
    Meter,
    MeterBalance,
    Pool,
    advice,
    gauges,
    limiting,
)  # fmt: skip
from asksage_jupyter.account.receipt import receipt
from asksage_jupyter.forecast import Course, Pace, WorkingDays
from asksage_jupyter.server.wire import figures
from asksage_jupyter.server.wire.status import status, without
from asksage_jupyter.server.wire.warning import warning
from asksage_jupyter.session.holder.access import Noted, Obstacle
from asksage_jupyter.settings import AskSage

ADA = Account("api.asksage.ai", "ada@example.org")
DEMO = Account("localhost", "local-demo")
INFERENCE, TRAINING = Meter
NOW = at(2026, 11, 23, 9)
RESET = "Resets 1 Dec 2026 · 8 days left"
FALLING = Pace(
    INFERENCE, date(2026, 11, 23), date(2026, 11, 30), 200_000, 163_204, 6,
    Course(date(2026, 11, 30), (36_796,), 0, 200_000, WorkingDays()),
    exhausted_on=date(2026, 11, 27), lasts=False,
)  # fmt: skip


def meter(granted=200_000, used=0, held=0, pool=None, **fields):
    resets_at = datetime(2026, 12, 1, tzinfo=UTC)
    return MeterBalance(INFERENCE, granted, used, held, "the service", None, resets_at, pool, **fields)


def left(remaining):
    return meter(used=200_000 - remaining)


def shared(remaining=61_000, granted=100_000, is_capped=True):
    """A pool's member who used 1,300 and holds 500, of a cap of 20,000 or of all that the pool has."""
    used = None if granted is None else granted - remaining - 12_500
    pool = Pool("lab", granted, 26_500 if used is None else used, 12_500, 12_000, 3, is_capped)
    everything = None if granted is None else 1_800 + remaining
    return meter(20_000 if is_capped else everything, 1_300, 500, pool)


def balance(inference, account=ADA):
    return Balance(account, inference, replace(left(200_000), meter=TRAINING))


# The step


@pytest.mark.parametrize(
    ("remaining", "level"),
    [(200_000, "enough"), (60_000, "enough"), (59_999, "low"), (20_000, "low"), (19_999, "very-low"),
     (1, "very-low"), (0, "used-up"), (-1, "over")],
)  # fmt: skip
def test_a_limit_is_at_a_step(remaining, level):
    assert limiting(left(remaining)).level == level


@pytest.fixture
def thresholds():
    yield
    THRESHOLDS.low, THRESHOLDS.very_low = 0.3, 0.1


def test_the_settings_tell_what_is_low(thresholds):
    settings = AskSage(low_below=50)
    assert limiting(left(99_999)).level is Level.LOW
    settings.very_low_below = 25.5
    assert limiting(left(50_999)).level is Level.VERY_LOW
    assert warning(balance(left(50_999)), left(50_999), None, NOW, "2026-11") is not None
    with pytest.raises(TraitError):
        settings.low_below = 101
    AskSage()  # whoever makes settings anew has those of nobody
    assert limiting(left(99_999)).level is Level.ENOUGH


def test_without_an_allotment_no_step_is_known():
    assert limiting(meter(None)).level is Level.UNKNOWN
    assert limiting(meter(0)).level is Level.UNKNOWN
    assert limiting(meter(0, used=1)).level is Level.OVER


# The bar


def shares(of):
    return {each.kind: round(each.share, 9) for each in gauges(of)[-1].segments}


@pytest.mark.parametrize(
    ("granted", "used", "held", "told"),
    [
        (100, 30, 10, {"used": 0.3, "held": 0.1}),
        (80, 100, 0, {"used": 0.8, "over": 0.2}),
        (80, 60, 40, {"used": 0.6, "held": 0.2, "over": 0.2}),
        (0, 0, 0, {"used": 0}),
        (100, -5, 0, {"used": 0}),  # more was given back than used
        (100, -5, 20, {"used": 0, "held": 0.15}),
    ],
)
def test_a_bar_shows_shares_of_the_grant_or_of_what_was_taken_if_that_is_more(granted, used, held, told):
    assert shares(meter(granted, used, held)) == told


def test_what_others_hold_of_a_pool_is_told_apart():
    of = meter(50, 5, 0, Pool("lab", 80, 60, 40, 30, 2, True))
    assert shares(of) == {"used": 0.6, "held": 0.1, "others": 0.1, "over": 0.2}
    assert [each.words for each in gauges(of)[1].segments] == [
        "60 used", "10 held by you", "30 held by 2 open calls of others", "20 over",
    ]  # fmt: skip
    one = replace(of, pool=Pool("lab", 80, 60, 10, 10, 1, True))
    assert [each.words for each in gauges(one)[1].segments] == ["60 used", "10 held by 1 open call of others"]


# What gives out first


def test_the_cap_tells_what_can_be_spent_while_the_pool_has_more():
    assert limiting(shared()).words == "18,200 of 20,000 left"
    assert limiting(shared(granted=None)).words == "18,200 of 20,000 left"
    assert limiting(left(163_204)).words == "163,204 of 200,000 left"


def test_the_pool_does_when_it_has_less_or_there_is_no_cap():
    assert limiting(shared(9_000)).words == "9,000 of 100,000 left in the pool lab"
    assert limiting(shared(is_capped=False)).words == "61,000 of 100,000 left in the pool lab"
    assert [each.name for each in gauges(shared(is_capped=False))] == ["Pool lab"]


def test_what_to_do_is_said_where_the_figures_do_not():
    assert advice(left(1), "UTC") == ""
    assert advice(left(0), "UTC") == "Calls are refused until 1 Dec 2026"
    assert advice(left(0), "America/New_York") == "Calls are refused until 30 Nov 2026"
    assert advice(shared(0), "UTC") == "The pool lab is used up: calls are refused until 1 Dec 2026"
    assert "set_plan(inference=...)" in advice(meter(None), "UTC")
    # What only the owner of a pool can tell, nobody else is asked for.
    untold = shared(granted=None, is_capped=False)
    assert advice(untold, "UTC") == "The pool's owner has not told its tokens yet."
    assert limiting(untold).headline == ("26,500", "used, allotment not known")


def test_a_card_has_a_word_for_what_runs_short_and_stands_in_the_balances_own():
    page = balance(shared(9_000))._repr_html_()
    assert "very low" in page
    assert page.count('role="progressbar"') == 3
    assert "Inference tokens of the pool lab" in page


def test_one_fact_is_told_once():
    def lines(inference):
        return {each["kind"] for each in figures.meter(inference, FALLING)["lines"]}

    assert lines(left(9_000)) == {"pace"}
    assert lines(left(-1_453)) == {"advice"}
    assert lines(left(200_000)) == set()  # nobody uses it
    assert lines(shared(is_capped=False)) == {"own", "pace"}


# The status item


def line(inference, shows="remaining", account=ADA):
    return status(balance(inference, account), None, None, NOW)[shows]


@pytest.mark.parametrize(
    ("inference", "remaining", "used"),
    [
        (left(163_204), "Ask Sage 163,204 left", "Ask Sage 36,796 used"),
        (left(50_000), "Ask Sage 50,000 left, low", "Ask Sage 150,000 used, low"),
        (left(9_000), "Ask Sage 9,000 left, very low", "Ask Sage 191,000 used, very low"),
        (left(0), "Ask Sage used up", "Ask Sage used up"),
        (left(-1_200), "Ask Sage 1,200 over", "Ask Sage 1,200 over"),
        (meter(None, used=63), "Ask Sage 63 used", "Ask Sage 63 used"),
        (shared(), "Ask Sage 18,200 left", "Ask Sage 1,300 used"),
        (shared(9_000), "Ask Sage 9,000 left, very low", "Ask Sage 1,300 used, very low"),
        (shared(0), "Ask Sage used up", "Ask Sage used up"),
        (shared(-700), "Ask Sage 700 over", "Ask Sage 700 over"),
        (shared(is_capped=False), "Ask Sage 61,000 left", "Ask Sage 1,300 used"),
    ],
)
def test_one_line_tells_what_can_be_spent_or_was_used(inference, remaining, used):
    assert (line(inference), line(inference, "used")) == (remaining, used)


def test_the_line_names_the_local_demo():
    assert line(left(163_204), account=DEMO) == "Local demo 163,204 left"


def test_where_there_are_no_figures_the_line_says_why():
    noted = Noted(Obstacle.NO_KEY, "no Ask Sage key", NOW)
    assert without(None, None)["remaining"] == "Ask Sage: no calls yet"
    assert without("damaged", noted)["remaining"] == "Ask Sage: not available"
    assert without(None, noted)["remaining"] == "Ask Sage: No key"
    nothing = Balance(ADA, meter(None), replace(meter(None), meter=TRAINING))
    assert status(nothing, None, noted, NOW)["remaining"] == "Ask Sage: No key"
    assert status(balance(left(163_204)), None, noted, NOW)["remaining"] == "Ask Sage 163,204 left"


def test_on_hovering_there_is_whose_what_is_left_until_when_and_how_long_it_lasts():
    told = status(balance(left(163_204)), FALLING, None, NOW)["details"].split("\n")
    assert told == [
        "ada@example.org at api.asksage.ai", "163,204 of 200,000 left", RESET, FALLING.words,
    ]  # fmt: skip


def test_on_hovering_a_member_is_told_which_limit_is_the_shorter():
    def limits(inference):
        return status(balance(inference), None, None, NOW)["details"].split("\n")[1:3]

    assert limits(shared()) == [
        "Limited by your cap: 18,200 of 20,000 left", "The pool: 61,000 of 100,000 left in the pool lab",
    ]  # fmt: skip
    assert limits(shared(9_000)) == [
        "Limited by the pool: 9,000 of 100,000 left in the pool lab", "Your cap: 18,200 of 20,000 left",
    ]  # fmt: skip
    assert limits(shared(is_capped=False)) == [
        "Limited by the pool: 61,000 of 100,000 left in the pool lab", "You used 1,300 of it",
    ]  # fmt: skip


# Warnings


def warned(inference, pace=None, account=ADA, period="2026-11"):
    found = warning(balance(inference, account), inference, pace, NOW, period)
    return found and (found["words"], [key.rsplit(" ", 1)[1] for key in found["keys"]])


def test_nobody_is_warned_while_the_month_lasts():
    assert warned(left(20_000)) is None
    assert warned(left(163_204), replace(FALLING, lasts=None)) is None


def test_one_warning_tells_all_causes_the_gravest_first():
    words = "Ask Sage inference tokens will not last until the reset. Lasts until 27 Nov at this pace."
    assert warned(left(163_204), FALLING) == (words, ["will-not-last"])
    words = f"Ask Sage inference tokens: 9,000 of 200,000 left. {RESET}."
    assert warned(left(9_000), FALLING) == (words, ["very-low", "will-not-last"])
    words = f"Local demo inference tokens: 1,453 over 200,000. {RESET}."
    assert warned(left(-1_453), account=DEMO) == (words, ["used-up", "very-low"])
    words = f"Ask Sage inference tokens: 9,000 of 100,000 left in the pool lab. {RESET}."
    assert warned(shared(9_000)) == (words, ["very-low"])


def test_a_warning_comes_back_with_another_month_meter_or_account():
    low = left(9_000)
    keys = [
        warning(balance(low, account), inference, None, NOW, period)["keys"][0]
        for account in (ADA, DEMO)
        for inference in (low, replace(low, meter=TRAINING))
        for period in ("2026-11", "2026-12")
    ]
    assert len(set(keys)) == 8


# The same look in a cell


@pytest.mark.parametrize(
    ("remaining", "words"),
    [(163_204, "163,204 of 200,000 left"), (50_000, "50,000 of 200,000 left, low"),
     (9_999, "9,999 of 200,000 left, very low"), (-1_200, "1,200 over 200,000")],
)  # fmt: skip
def test_a_receipt_tells_what_is_left_and_if_it_is_low_with_the_same_bar(remaining, words):
    assert left(remaining).left_words() == words
    html = receipt(words, balance(left(remaining)))
    full = balance(left(remaining))._repr_html_()
    drawn = re.findall(r"width:[\d.]+%;min-width:3px;background:[^\"]+", html)
    assert drawn == re.findall(r"width:[\d.]+%;min-width:3px;background:[^\"]+", full)[: len(drawn)]
    assert html.count('aria-hidden="true"') == 1


def test_a_receipt_tells_what_an_organisation_or_envelope_leaves_where_that_is_less():
    assert replace(left(100_000), bound=20_000).left_words() == (
        "100,000 of 200,000 left; your organisation's pool leaves 20,000"
    )


def test_a_receipt_without_a_known_allotment_is_a_line_alone():
    assert receipt("a line", balance(meter(granted=None))) == receipt("a line", None)
    assert "aria-hidden" not in receipt("a line", None)


def test_where_figures_come_from_is_a_tooltip_and_no_line():
    found = balance(replace(left(5), as_of=datetime(2026, 11, 23, 9, tzinfo=UTC)))
    assert "the service" not in str(found)
    html = found._repr_html_()
    assert 'title="Figures from the service"' in html
    assert html.count("the service") == 1
    assert "Resets 1 Dec 2026" in html


def test_with_one_working_day_left_no_sum_a_day_is_told():
    assert replace(FALLING, up_to=4_000).advice == "Up to 4,000 a working day lasts until the reset."
    assert replace(FALLING, up_to=4_000, days_left=1).advice == ""
