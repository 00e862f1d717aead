"""Plans, top-ups and requests for more: what they leave in the ledger, and what is said of them."""

from datetime import date
from functools import partial

import numpy
import pytest
from ledger_desk import Clock, at

import asksage_jupyter
from asksage_jupyter import month
from asksage_jupyter.account import Meter
from asksage_jupyter.display.dates import day
from asksage_jupyter.errors import BadInput, LedgerConflict, NotEnoughTokens
from asksage_jupyter.session import Session, overdrawn, set_plan, top_up
from asksage_jupyter.session.managing.plan import top_up as book
from asksage_jupyter.settings import AskSage


@pytest.fixture
def desk(server):
    """A session on 23 November 2026, whose clock is set by hand."""
    clock = Clock(at(2026, 11, 23, 9))
    made = Session(AskSage.instance(), clock=clock)
    made.desk_clock = clock
    yield made
    made.close()


def test_a_top_up_is_added_to_its_own_meter(server):
    before = asksage_jupyter.balance()
    after = top_up(5_000, receipt="A-17")
    assert after.inference.granted == before.inference.granted + 5_000
    assert after.training.granted == before.training.granted
    assert top_up(70, "training", receipt="A-18").training.granted == before.training.granted + 70


def test_a_receipt_is_booked_once(server):
    once = top_up(5_000, receipt="A-17")
    assert top_up(5_000, receipt=" A-17 ").inference.granted == once.inference.granted
    with pytest.raises(
        LedgerConflict, match=r"top-up:A-17 was already given as 5,000 inference tokens, not 6,000"
    ):
        top_up(6_000, receipt="A-17")
    assert asksage_jupyter.balance().inference.granted == once.inference.granted


def test_a_receipt_told_again_in_any_later_month_is_the_same_purchase(desk):
    book(desk, 5_000, "inference", "PO-1187", None)
    book(desk, 700, "inference", "PO-1188", "2026-12-15")
    for t in (at(2026, 12, 20), at(2027, 3, 2)):
        desk.desk_clock.t = t
        for receipt, tokens, expires in (
            ("PO-1187", 5_000, None),
            ("PO-1188", 700, "2026-12-15"),
            ("PO-1188", 700, None),
            ("PO-1187", 5_000, "2027-12-31"),
        ):
            assert book(desk, tokens, "inference", receipt, expires).inference.granted == 200_000
        with pytest.raises(LedgerConflict, match="5,000 inference tokens, not 5,001"):
            book(desk, 5_001, "inference", "PO-1187", None)
    with pytest.raises(BadInput, match="is over"):
        book(desk, 700, "inference", "PO-1189", "2026-12-15")


def test_numbers_of_numpy_and_a_number_for_a_receipt_are_as_good_as_pythons(server):
    balance = set_plan(inference=numpy.int64(150_000), training=numpy.uint32(70))
    assert (balance.inference.granted, balance.training.granted) == (150_000, 70)
    assert top_up(numpy.int32(50), receipt=1187).inference.granted == 150_050
    assert top_up(50, receipt="1187").inference.granted == 150_050


@pytest.mark.parametrize("tokens", ["200000", True, numpy.True_, 1.5, -5])
def test_a_plan_that_is_no_number_of_tokens_is_told_in_a_line_and_changes_neither_meter(server, tokens):
    before = asksage_jupyter.balance()
    with pytest.raises(BadInput, match="a plan of training must be a whole number") as told:
        set_plan(inference=7, training=tokens)
    assert "\n" not in str(told.value)
    assert asksage_jupyter.balance() == before


def test_a_zone_told_after_first_contact_is_refused_and_an_untold_one_is_the_ledgers(server):
    AskSage.instance().zone = "America/New_York"
    first = Session(AskSage.instance(), clock=Clock(at(2026, 12, 1, 1, 30)))
    book(first, 10_000, "inference", "A-1", None)
    assert first.ledger.month(first.account, Meter.INFERENCE).period == "2026-11"
    first.close()
    untold = Session(AskSage(), clock=Clock(at(2026, 12, 1, 4, 59)))
    assert untold.account.zone == "America/New_York"
    assert untold.balance().inference.granted == 210_000
    assert "Resets 1 Dec 2026" in str(untold.balance())
    untold.set_plan(training=7)
    untold.close()
    for told in ("UTC", "Asia/Tokyo"):
        other = AskSage()
        other.zone = told
        refused = Session(other, clock=Clock(at(2026, 12, 1, 4)))
        for use in (refused.balance, partial(book, refused, 5, "inference", "A-2", None)):
            with pytest.raises(BadInput, match=r"begin in America/New_York since .* AskSage\.zone") as line:
                use()
            assert "\n" not in str(line.value)
        refused.close()


def test_a_top_up_ends_with_the_month_unless_it_says_otherwise(desk):
    book(desk, 5_000, "inference", "A-17", None)
    balance = book(desk, 700, "inference", "A-18", "2026-12-15")
    assert balance.inference.granted == 200_000 + 5_700
    desk.desk_clock.t = at(2026, 12, 15, 23)
    assert desk.ledger.balance(desk.account).inference.granted == 200_000 + 700
    desk.desk_clock.t = at(2026, 12, 16)
    assert desk.ledger.balance(desk.account).inference.granted == 200_000


def test_the_last_day_is_one_of_the_accounts_zone(server):
    AskSage.instance().zone = "America/New_York"
    desk = Session(AskSage.instance(), clock=Clock(at(2026, 11, 23, 9)))
    book(desk, 700, "training", "A-18", date(2026, 12, 15))
    desk.close()
    for hour, granted in ((4, 100_700), (5, 100_000)):
        later = Session(AskSage.instance(), clock=Clock(at(2026, 12, 16, hour)))
        assert later.ledger.balance(later.account).training.granted == granted
        later.close()


@pytest.mark.parametrize(
    ("tokens", "meter", "receipt", "expires", "words"),
    [
        (0, "inference", "A", None, "from 1 to"),
        (-5, "inference", "A", None, "from 1 to"),
        (1.5, "inference", "A", None, "whole number"),
        (True, "inference", "A", None, "whole number"),
        (5, "both", "A", None, "inference or training"),
        (5, "inference", " ", None, "needs its receipt"),
        (5, "inference", None, None, "needs its receipt"),
        (5, "inference", True, None, "needs its receipt"),
        ("200000", "inference", "A", None, "whole number"),
        (numpy.True_, "inference", "A", None, "whole number"),
        (numpy.float64(5), "inference", "A", None, "whole number"),
        (5, "inference", "A", "31.12.2026", "write it like 2026-12-31"),
        (5, "inference", "A", "9999-12-31", "write it like"),
        (5, "inference", "A", 7, "write it like"),
        (5, "inference", "A", "2026-11-22", "is over"),
    ],
)
def test_what_is_no_top_up_is_told_in_a_line(desk, tokens, meter, receipt, expires, words):
    with pytest.raises(BadInput, match=words) as told:
        book(desk, tokens, meter, receipt, expires)
    assert "\n" not in str(told.value)
    assert desk.ledger.balance(desk.account).inference.granted is None


def test_a_plan_below_what_is_used_refuses_until_the_reset_and_says_so(server):
    asksage_jupyter.balance()
    # The service is asked before a refusal, and its word counts: it lowered the limit too.
    limits = {"max_tokens": 400, "max_train_tokens": 100_000}
    server.on("/user/validate_token_with_full_user", {"response": limits, "status": 200})
    balance = set_plan(inference=400)
    assert balance.inference.remaining == 400 - 411
    (line,) = overdrawn(balance)
    resets = month.bounds(month.period_at(month.now()))[1]
    assert line.startswith("inference: 411 tokens of 400 are used or held; calls are refused until")
    assert f" until {day(month.to_datetime(resets), year=True)}, " in line
    with pytest.raises(NotEnoughTokens, match="11 over"):
        asksage_jupyter.ask("Why?")
    assert overdrawn(top_up(100_000, receipt="A-1")) == []
    assert asksage_jupyter.ask("Why?").tokens == 63


def test_a_month_that_is_not_used_is_not_overdrawn(server):
    assert overdrawn(asksage_jupyter.balance()) == []
    assert overdrawn(set_plan(training=0)) == []
