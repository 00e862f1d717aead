"""Moves and what they leave behind, one at a time, under a clock that is set by hand."""

import subprocess
import sys
from contextlib import closing

import pytest
from ledger_desk import DAY, HOUR, INFERENCE, ME, Clock, a_bill, a_call, at, figures

from asksage_jupyter.account import Account, Call, Meter, Source, Status
from asksage_jupyter.errors import BadInput, LedgerConflict, LedgerError, NotEnoughTokens
from asksage_jupyter.ledger import CALL_COLUMNS, Ledger, new_op

pytest_plugins = ["postgres_server"]

JUNE = at(2027, 6, 1)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(where, clock):
    ledger = Ledger(where, clock=clock)
    yield ledger
    assert ledger.verify().problems == ()
    ledger.close()


@pytest.fixture
def month(ledger):
    """The ledger with this month's 1,000 tokens."""
    assert ledger.open_month(ME, INFERENCE, 1000, source="the service")
    return ledger


def held(ledger, tokens, *, account=ME, due_in=HOUR):
    call = a_call(tokens, ledger._clock)
    ledger.hold(account, call, due=ledger._clock() + due_in)
    return call.op


def rows(ledger, **bounds):
    return [dict(zip(CALL_COLUMNS, row, strict=True)) for row in ledger.calls(**bounds)]


def top_up(ledger, tokens, *, ends=JUNE, receipt="1"):
    return ledger.grant(ME, INFERENCE, tokens, source=f"top-up:{receipt}", starts=at(2026, 11, 1), ends=ends)


def test_importing_the_package_does_not_import_sqlalchemy():
    code = "import sys, asksage_jupyter.ledger as l; l.new_op(); sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ops_are_version_7_uuids_in_the_order_of_their_making():
    ops = [new_op() for _ in range(1000)]
    assert len(set(ops)) == 1000
    assert {op[14] for op in ops} == {"7"}
    assert {op[19] for op in ops} <= set("89ab")
    assert [op[:13] for op in ops] == sorted(op[:13] for op in ops)


# First contact


def test_a_month_is_opened_once_with_what_other_devices_used(ledger):
    assert not ledger.knows_month(ME, INFERENCE)
    assert ledger.open_month(ME, INFERENCE, 1000, used=411, source="the service")
    assert not ledger.open_month(ME, INFERENCE, 2000, used=5, source="another kernel")
    assert ledger.knows_month(ME, INFERENCE)
    assert figures(ledger) == (1000, 411, 0)
    assert ledger.verify().entries == 2


def test_an_account_never_seen_has_an_unknown_balance(ledger):
    balance = ledger.balance(ME)
    assert balance.inference.granted is None
    assert balance.inference.as_of is None
    assert "set_plan" in balance.inference.source
    assert balance.inference.resets_at.isoformat() == "2026-12-01T00:00:00+00:00"


def test_the_balance_says_where_its_figures_come_from_and_when_they_changed(month, clock):
    clock.t += HOUR
    held(month, 5)
    balance = month.balance(ME).inference
    assert balance.source == "the service"
    assert balance.as_of.hour == 10


def test_a_hold_without_a_plan_tells_how_to_give_one(ledger):
    with pytest.raises(LedgerError, match=r"set_plan\(inference="):
        held(ledger, 1)
    with pytest.raises(LedgerError, match=r"set_plan\(training="):
        ledger.correct(ME, Meter.TRAINING, 1, op=new_op())


def test_meters_and_accounts_never_mix(month):
    other = Account("api.example", "you@example")
    month.set_plan(ME, Meter.TRAINING, 70, source="me")
    month.set_plan(other, INFERENCE, 50, source="me")
    held(month, 10)
    held(month, 20, account=other)
    assert figures(month) == (1000, 0, 10)
    assert figures(month, meter=Meter.TRAINING) == (70, 0, 0)
    assert figures(month, other) == (50, 0, 20)
    assert (len(month.open_calls(ME)), len(month.open_calls(other))) == (1, 1)


# Hold


def test_a_hold_that_the_tokens_cannot_pay_writes_nothing(month):
    held(month, 999)
    with pytest.raises(NotEnoughTokens) as refused:
        held(month, 2)
    assert (refused.value.needed, refused.value.remaining) == (2, 1)
    assert refused.value.resets_at.isoformat() == "2026-12-01T00:00:00+00:00"
    assert figures(month) == (1000, 0, 999)
    held(month, 1)
    assert month.verify().entries == 3


def test_the_same_hold_again_changes_nothing_and_other_figures_are_a_conflict(month, clock):
    call = a_call(600, clock)
    for _ in range(2):  # the second would not even fit
        month.hold(ME, call, due=clock() + HOUR)
    with pytest.raises(LedgerConflict):
        month.hold(ME, Call(call.op, call.sent_at, call.model, INFERENCE, 601), due=clock() + HOUR)
    month.settle(call.op, a_bill(500))
    month.hold(ME, call, due=clock() + HOUR)
    assert figures(month) == (1000, 500, 0)


def test_a_call_that_is_estimated_at_nothing_holds_one_token(month):
    op = held(month, 0)
    assert figures(month) == (1000, 0, 1)
    month.settle(op, a_bill(0))
    assert figures(month) == (1000, 0, 0)
    assert [row["estimate"] for row in rows(month)] == [0]


@pytest.mark.parametrize("tokens", [-1, 10**16, 1.5])
def test_figures_that_cannot_be_added_up_are_refused(month, tokens):
    op = held(month, 1)
    for move in (
        lambda: held(month, tokens),
        lambda: month.settle(op, a_bill(tokens)),
        lambda: month.set_plan(ME, INFERENCE, tokens, source="me"),
        lambda: month.open_month(ME, Meter.TRAINING, tokens, source="me"),
        lambda: month.correct(ME, INFERENCE, tokens * 10**16, op=new_op()),
    ):
        with pytest.raises(BadInput):
            move()
    assert figures(month) == (1000, 0, 1)


# Settle


@pytest.mark.parametrize("billed", [0, 60, 100, 180, 5000])
def test_a_settle_books_what_was_billed_be_it_less_equal_or_more(month, billed):
    op = held(month, 100)
    for _ in range(2):
        month.settle(op, a_bill(billed))
    assert figures(month) == (1000, billed, 0)
    with pytest.raises(LedgerConflict):
        month.settle(op, a_bill(billed + 1))
    with pytest.raises(LedgerConflict):
        month.settle(op, a_bill(billed, input_tokens=7))
    assert [row["tokens"] for row in rows(month)] == [billed]


def test_a_void_gives_the_hold_back_and_leaves_no_call(month):
    op = held(month, 100)
    for _ in range(2):
        month.void(op)
    assert figures(month) == (1000, 0, 0)
    assert rows(month) == []
    with pytest.raises(LedgerConflict):
        month.settle(op, a_bill(1))


def test_what_was_settled_with_tokens_cannot_be_voided(month):
    op = held(month, 100)
    month.settle(op, a_bill(1))
    with pytest.raises(LedgerConflict):
        month.void(op)


def test_an_op_that_was_never_held_cannot_be_settled(month):
    for move in (lambda: month.settle("never", a_bill(1)), lambda: month.void("never")):
        with pytest.raises(LedgerError, match="never held"):
            move()


def test_a_late_settle_goes_to_the_month_that_held_it_with_all_its_excess(month, clock):
    clock.t = at(2026, 11, 30, 23, 59)
    op = held(month, 100)
    clock.t = at(2026, 12, 1)
    assert figures(month) == (1000, 0, 0)
    assert [call[0] for call in month.open_calls(ME)] == [op]
    held(month, 40)
    month.settle(op, a_bill(150))
    assert figures(month) == (1000, 0, 40)
    clock.t = at(2026, 11, 30, 23, 59)
    assert figures(month) == (1000, 0, 40), "a clock set back does not reopen the month"


def test_the_excess_of_a_late_settle_is_not_the_new_months(month, clock):
    clock.t = at(2026, 11, 30, 23, 59)
    op = held(month, 1000)
    clock.t = at(2026, 12, 1)
    held(month, 40)
    month.settle(op, a_bill(1200))
    assert figures(month) == (1000, 0, 40)
    assert [row["tokens"] for row in rows(month)] == [1200]


# Presume


def test_a_hold_past_its_due_time_is_presumed_spent_with_its_attribution(month, clock):
    call = a_call(100, clock, notebook="a.ipynb", cell="c1", project="p", user="me")
    month.hold(ME, call, due=clock() + HOUR)
    clock.t += HOUR - 1
    assert month.presume() == 0
    clock.t += 1
    assert (month.presume(), month.presume()) == (1, 0)
    assert figures(month) == (1000, 100, 0)
    (row,) = rows(month)
    assert (row["tokens"], row["source"], row["status"]) == (100, Source.PRESUMED, Status.LOST)
    assert (row["notebook"], row["cell"], row["project"], row["user"]) == ("a.ipynb", "c1", "p", "me")


@pytest.mark.parametrize("billed", [0, 30, 100, 170])
def test_a_settle_after_a_presume_books_only_the_difference(month, clock, billed):
    op = held(month, 100)
    clock.t += 2 * HOUR
    month.presume()
    for _ in range(2):
        month.settle(op, a_bill(billed, Source.LOG, input_tokens=9))
    assert figures(month) == (1000, billed, 0)
    (row,) = rows(month)
    assert (row["tokens"], row["source"], row["input_tokens"]) == (billed, Source.LOG, 9)
    with pytest.raises(LedgerConflict):
        month.settle(op, a_bill(billed + 1, Source.LOG))


def test_a_void_after_a_presume_takes_the_call_off_the_list(month, clock):
    op = held(month, 100)
    clock.t += 2 * HOUR
    month.presume()
    month.void(op)
    assert figures(month) == (1000, 0, 0)
    assert rows(month) == []


def test_opening_presumes_what_a_crashed_kernel_left_behind(tmp_path, clock):
    before = Ledger(tmp_path / "ledger.sqlite", clock=clock)
    before.set_plan(ME, INFERENCE, 1000, source="me")
    for _ in range(3):
        held(before, 10)
    young = held(before, 5, due_in=DAY)
    before.close()
    clock.t += 2 * HOUR
    after = Ledger(tmp_path / "ledger.sqlite", clock=clock)
    assert figures(after) == (1000, 30, 5)
    after.settle(young, a_bill(5))
    assert after.open_calls(ME) == []
    after.close()


# Plans, months, corrections


def test_a_new_month_begins_with_the_plan_and_is_written_by_its_first_hold(month, clock):
    held(month, 300)
    clock.t = at(2026, 12, 5)
    entries = month.verify().entries
    assert month.knows_month(ME, INFERENCE)
    assert figures(month) == (1000, 0, 0)
    assert month.verify().entries == entries, "a balance never writes"
    held(month, 1000)
    assert figures(month) == (1000, 0, 1000)
    assert not month.open_month(ME, INFERENCE, 1000, source="the service")


def test_a_refused_hold_does_not_begin_the_month(month, clock):
    clock.t = at(2026, 12, 5)
    with pytest.raises(NotEnoughTokens):
        held(month, 1001)
    assert month.verify().entries == 1


def test_months_begin_in_the_zone_of_first_contact(ledger, clock):
    here = Account("api.example", "here@example", "America/New_York")
    clock.t = at(2026, 12, 1, 4)
    ledger.set_plan(here, INFERENCE, 10, source="me")
    assert ledger.balance(here).inference.resets_at.isoformat() == "2026-12-01T05:00:00+00:00"
    elsewhere = Account("api.example", "here@example", "UTC")
    assert ledger.balance(elsewhere).inference.resets_at.isoformat() == "2026-12-01T05:00:00+00:00"


def test_an_unknown_zone_is_refused_before_anything_is_written(ledger):
    with pytest.raises(BadInput):
        ledger.set_plan(Account("h", "p", "Mars/Olympus"), INFERENCE, 1, source="me")
    assert ledger.verify().entries == 0


def test_a_plan_change_books_the_difference_on_this_months_allotment(month):
    held(month, 600)
    month.set_plan(ME, INFERENCE, 1500, source="me")
    assert figures(month) == (1500, 0, 600)
    month.set_plan(ME, INFERENCE, 500, source="me")
    assert figures(month) == (500, 0, 600)
    assert month.balance(ME).inference.overage == 100
    entries = month.verify().entries
    month.set_plan(ME, INFERENCE, 500, source="me")
    assert month.verify().entries == entries
    with pytest.raises(NotEnoughTokens) as refused:
        held(month, 0)
    assert refused.value.remaining == -100


def test_a_correction_is_signed_and_booked_once(month):
    spent, returned = new_op(), new_op()
    for _ in range(2):
        month.correct(ME, INFERENCE, 1200, op=spent)
        month.correct(ME, INFERENCE, -50, op=returned)
    assert figures(month) == (1000, 1150, 0)
    assert month.balance(ME).inference.overage == 150
    with pytest.raises(LedgerConflict):
        month.correct(ME, INFERENCE, 1, op=spent)


def test_a_correction_may_bear_the_op_of_its_call(month):
    op = held(month, 10)
    month.settle(op, a_bill(10))
    month.correct(ME, INFERENCE, 3, op=op)
    month.settle(op, a_bill(10))
    assert figures(month) == (1000, 13, 0)
    assert [row["tokens"] for row in rows(month)] == [10]


# Top-ups


def test_a_top_up_is_given_once(month):
    given = top_up(month, 500)
    assert top_up(month, 500) == given
    with pytest.raises(LedgerConflict):
        top_up(month, 501)
    with pytest.raises(BadInput, match="set_plan"):
        month.grant(ME, INFERENCE, 1, source="allotment:2026-11", starts=0, ends=1)
    with pytest.raises(BadInput, match="end"):
        month.grant(ME, INFERENCE, 1, source="top-up:2", starts=1, ends=1)
    assert figures(month) == (1500, 0, 0)


def test_the_allotment_burns_before_a_top_up_and_a_hold_may_straddle_both(month, clock):
    top_up(month, 500)
    op = held(month, 1200)
    assert figures(month) == (1500, 0, 1200)
    month.settle(op, a_bill(1100))
    assert figures(month) == (1500, 1100, 0)
    clock.t = at(2026, 12, 1)
    assert figures(month) == (1500, 100, 0), "of the top-up 100 are used, the new allotment is whole"
    clock.t = at(2027, 6, 1)
    assert figures(month) == (1000, 0, 0)


def test_the_excess_of_a_settle_burns_the_room_of_live_grants_and_the_rest_is_overage(month, clock):
    top_up(month, 500)
    op = held(month, 900)
    month.settle(op, a_bill(1300))
    assert figures(month) == (1500, 1300, 0)
    op = held(month, 100)
    month.settle(op, a_bill(350))
    assert figures(month) == (1500, 1650, 0)
    clock.t = at(2026, 12, 1)
    assert figures(month) == (1500, 650, 0), "the hold was the top-up's, so its overage is too"


def test_a_straddling_hold_is_presumed_and_then_settled_on_both_grants(month, clock):
    top_up(month, 500)
    op = held(month, 1400)
    clock.t += 2 * HOUR
    assert month.presume() == 1
    assert figures(month) == (1500, 1400, 0)
    month.settle(op, a_bill(700, Source.LOG))
    assert figures(month) == (1500, 700, 0)
    clock.t = at(2026, 12, 1)
    assert figures(month) == (1500, 0, 0)


def test_corrections_burn_and_return_like_calls(month, clock):
    top_up(month, 500)
    month.correct(ME, INFERENCE, 1200, op=new_op())
    month.correct(ME, INFERENCE, -150, op=new_op())
    assert figures(month) == (1500, 1050, 0)
    clock.t = at(2026, 12, 1)
    assert figures(month) == (1500, 50, 0)


def test_a_top_up_alone_can_be_spent(ledger):
    top_up(ledger, 30)
    assert not ledger.knows_month(ME, INFERENCE)
    op = held(ledger, 30)
    ledger.settle(op, a_bill(31))
    assert figures(ledger) == (30, 31, 0)


# The list of calls


def test_calls_are_listed_in_sent_order_with_what_the_reply_told(month, clock):
    first = a_call(10, clock, notebook="a.ipynb")
    clock.t += HOUR
    second = a_call(20, clock)
    for call in (second, first):
        month.hold(ME, call, due=clock() + HOUR)
        month.settle(call.op, a_bill(call.estimate - 1, output_tokens=4, duration_ms=900))
    held(month, 5)
    listed = rows(month)
    assert [row["op"] for row in listed] == [first.op, second.op]
    assert [row["tokens"] for row in listed] == [9, 19]
    assert {row["meter"] for row in listed} == {"inference"}
    assert listed[0]["notebook"] == "a.ipynb"
    assert (listed[0]["output_tokens"], listed[0]["duration_ms"]) == (4, 900)
    assert [row["op"] for row in rows(month, since=second.sent_at)] == [second.op]
    assert [row["op"] for row in rows(month, until=second.sent_at)] == [first.op]
    assert rows(month, account=Account("api.example", "you@example")) == []
    assert len(rows(month, account=ME)) == 2


def test_the_model_that_answered_is_listed(month):
    op = held(month, 10)
    month.settle(op, a_bill(10, model="another-model"))
    assert [row["model"] for row in rows(month)] == ["another-model"]


def test_the_last_call_is_the_newest_of_both_meters(month, clock):
    assert month.last_call(ME) is None
    month.set_plan(ME, Meter.TRAINING, 1000, source="the service")
    for meter in (INFERENCE, Meter.TRAINING, INFERENCE):
        clock.t += HOUR
        call = a_call(10, clock, meter=meter)
        month.hold(ME, call, due=clock.t + HOUR)
        month.settle(call.op, a_bill(7))
        assert month.last_call(ME) == month.calls(ME)[-1]
    clock.t += HOUR
    op = held(month, 10)  # not yet among the calls, but sent after them
    assert month.last_call(ME) == month.recent(ME)[0] == month.open_calls(ME)[0]
    assert month.recent(ME)[1] == month.calls(ME)[-1]
    told = dict(zip(CALL_COLUMNS, month.last_call(ME), strict=True))
    assert (told["op"], told["tokens"], told["source"], told["status"]) == (op, 10, "held", "open")
    assert month.recent(ME, until=clock.t)[0] == month.calls(ME)[-1]


# What is not settled yet


def test_calls_without_a_bill_are_listed_until_they_have_one(month, clock):
    held_first, late = held(month, 30), held(month, 5, due_in=1)
    clock.t += 2
    month.presume()
    clock.t += HOUR
    held_last = held(month, 7)
    listed = month.unsettled(ME, INFERENCE)
    assert [(call.op, call.tokens, call.presumed) for call in listed] == [
        (held_first, 30, False),
        (late, 5, True),
        (held_last, 7, False),
    ]
    assert {call.period for call in listed} == {"2026-11"}
    month.settle(late, a_bill(4, Source.LOG))
    month.settle(held_first, a_bill(31))
    month.void(held_last)
    assert month.unsettled(ME, INFERENCE) == []


def test_a_call_that_straddles_two_grants_is_unsettled_once_with_all_its_tokens(month, clock):
    top_up(month, 100)
    op = held(month, 1050, due_in=1)
    (call,) = month.unsettled(ME, INFERENCE)
    assert (call.op, call.tokens, call.presumed) == (op, 1050, False)
    clock.t += 2
    month.presume()
    (call,) = month.unsettled(ME, INFERENCE)
    assert (call.op, call.estimate, call.tokens, call.presumed) == (op, 1050, 1050, True)


def test_an_estimate_of_nothing_is_unsettled_at_the_token_it_holds(month):
    held(month, 0)
    (call,) = month.unsettled(ME, INFERENCE)
    assert (call.estimate, call.tokens) == (0, 1)


def test_only_the_meters_own_calls_are_unsettled_on_it(month, clock):
    month.set_plan(ME, Meter.TRAINING, 70, source="me")
    call = a_call(10, clock, meter=Meter.TRAINING)
    month.hold(ME, call, due=clock.t + 1)
    assert month.unsettled(ME, INFERENCE) == []
    assert [found.op for found in month.unsettled(ME, Meter.TRAINING)] == [call.op]
    clock.t += 2
    month.presume()
    assert month.unsettled(ME, INFERENCE) == []
    assert [found.op for found in month.unsettled(ME, Meter.TRAINING)] == [call.op]
    assert month.unsettled(Account("api.example", "you@example"), Meter.TRAINING) == []


def test_presumes_are_found_by_their_index(tmp_path):
    from asksage_jupyter.ledger.reads.unsettled import _PRESUMED

    with closing(Ledger(tmp_path / "ledger.sqlite")) as ledger, ledger._store.reading() as connection:
        sql = str(_PRESUMED.compile(dialect=connection.dialect))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("host", "holder", "meter", "settle"))
        assert any("entry_presumed" in step[3] for step in plan)


# The month


def test_a_month_tells_what_was_given_and_where_it_went(month, clock):
    month.set_plan(ME, INFERENCE, 1200, source="the person")
    top_up(month, 300)
    op = held(month, 100)
    month.settle(op, a_bill(90))
    month.correct(ME, INFERENCE, 25, op="other-devices:1")
    month.correct(ME, INFERENCE, -5, op=op)  # the call's own op: a correction all the same
    held(month, 60)
    told = month.month(ME, INFERENCE)
    assert (told.period, told.granted, told.topped_up, told.brought) == ("2026-11", 1200, 300, 0)
    assert (told.used, told.corrections, told.calls) == (110, 20, 90)
    assert (told.held, told.open_holds, told.expired, told.source) == (60, 1, 0, "the person")
    assert told.remaining == month.balance(ME).inference.remaining == 1330
    assert month.used_in(ME, INFERENCE) == month.used_in(ME, INFERENCE, "2026-11") == 110
    assert told.as_of == clock.t


def test_a_month_of_an_account_never_seen_is_nought_and_not_known(ledger, clock):
    told = ledger.month(ME, INFERENCE)
    assert (told.granted, told.used, told.remaining, told.is_known) == (0, 0, 0, False)
    assert "set_plan" in told.source
    assert ledger.used_in(ME, INFERENCE, "2025-01") == 0
    assert ledger.month_with_calls(ME, INFERENCE)[1] == []


@pytest.mark.parametrize("period", ["", "2026-13", "soon"])
def test_a_period_that_is_no_month_is_refused(month, period):
    for ask in (month.used_in, month.month, month.month_with_calls):
        with pytest.raises(BadInput, match="write it like 2026-11"):
            ask(ME, INFERENCE, period)


def test_a_top_up_that_ended_within_the_month_has_expired(month, clock):
    top_up(month, 100, ends=at(2026, 11, 25))
    assert month.month(ME, INFERENCE).expired == 0
    clock.t = at(2026, 11, 25)
    told = month.month(ME, INFERENCE)
    assert (told.topped_up, told.expired, told.remaining) == (100, 100, 1000)


def test_names_that_are_no_utf_8_are_kept_as_they_can_be_read_and_found_again(ledger):
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    odd = "/home/me/caf\udce9 \0 data.ipynb"
    call = a_call(10, notebook=odd, cell="c\ud800", project="p\udcff", user="u\udcff")
    ledger.hold(ME, call, due=call.sent_at + HOUR)
    ledger.settle(call.op, a_bill(7))
    ledger.grant(
        ME, INFERENCE, 5, source="top-up:\udce9", starts=call.sent_at - HOUR, ends=call.sent_at + HOUR
    )
    (row,) = ledger.calls(ME)
    assert row[4:8] == ("/home/me/caf\\udce9 \\x00 data.ipynb", "c\\ud800", "p\\udcff", "u\\udcff")
    spent = ledger.notebook_spending(ME, INFERENCE, odd, since=0, until=call.sent_at + HOUR)
    assert spent.tokens == 7
    assert ledger.verify().ok
