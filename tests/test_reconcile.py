"""The ledger against a tenant with its own accounting: two witnesses on one virtual clock."""

import random
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pytest
from IPython.utils.capture import capture_output
from kept import contents
from ledger_desk import DAY, HOUR, PROCESSES, SECOND, Clock, at
from patience import WAIT_S
from scripted import Scripted

import asksage_jupyter
from asksage_jupyter import local
from asksage_jupyter.account import Account, Bill, Call, Meter, Source
from asksage_jupyter.errors import LedgerConflict, Unavailable
from asksage_jupyter.ledger import CALL_COLUMNS, Ledger, new_op
from asksage_jupyter.ledger.stores.arrived import Arrived
from asksage_jupyter.magic.telling.news import News
from asksage_jupyter.month import period_at, to_datetime
from asksage_jupyter.reconciling import Background, reconcile
from asksage_jupyter.reconciling.counters import book
from asksage_jupyter.reconciling.parties import Parties
from asksage_jupyter.reconciling.run import run as run_once
from asksage_jupyter.service import Secret, Service
from asksage_jupyter.session import Session, current
from asksage_jupyter.session.holder.contact import make_contact
from asksage_jupyter.session.holding.settling import Settling
from asksage_jupyter.settings import AskSage

ME = Account("api.example", "me@example")
INFERENCE, TRAINING = Meter.INFERENCE, Meter.TRAINING
MODEL = "a-model"
USED, TAUGHT = "/server/count-monthly-tokens", "/server/count-monthly-teach-tokens"
LEFT, LIMITS = "/server/count-monthly-tokens-left-with-org", "/user/validate_token_with_full_user"
LOG = "/user/get-user-logs"
SECRET = "the-prompt-nobody-may-see"
MINUTE = 60 * SECOND


@dataclass
class Tenant:
    """What the service bills, by its own reckoning; counters may lag and rows come late or twice."""

    clock: Clock
    limit: int = 10_000
    lag: int = 2 * SECOND
    rows: list[dict] = field(default_factory=list)
    bills: list[tuple] = field(default_factory=list)
    offset: int = 0  # how much later than ours its month begins

    def bill(self, tokens, *, meter=INFERENCE, model=MODEL, t=None, logged=True, figures=(10, 5)):
        t = self.clock() if t is None else t
        self.bills.append((t, meter, tokens))
        if logged:
            self.log(tokens, meter=meter, model=model, t=t, figures=figures)

    def log(self, tokens, *, meter=INFERENCE, model=MODEL, t=None, figures=(10, 5)):
        row = {
            "id": len(self.rows) + 1,
            "date_time": to_datetime(self.clock() if t is None else t).isoformat(),
            "model": model,
            "prompt_tokens": figures[0],
            "completion_tokens": figures[1],
            "total_tokens": tokens,
            "prompt": SECRET,
            "response": SECRET,
            "teach": meter is TRAINING,
            "ip": "203.0.113.77",
            "user_id": 987654321,
        }
        self.rows.append(row)

    def used(self, meter):
        now = self.clock()
        period = period_at(now - self.offset)
        return sum(
            tokens
            for t, of, tokens in self.bills
            if of is meter and t <= now - self.lag and period_at(t - self.offset) == period
        )

    def open(self, server):
        server.on(USED, lambda _: told(self.used(INFERENCE)))
        server.on(TAUGHT, lambda _: told(self.used(TRAINING)))
        server.on(LEFT, lambda _: told(self.limit - self.used(INFERENCE)))
        server.on(LIMITS, lambda _: told({"max_tokens": self.limit, "max_train_tokens": 5_000}))
        server.on(LOG, self.page)

    def page(self, request):
        before = request.json.get("before_id")
        rows = [row for row in reversed(self.rows) if before is None or row["id"] < before]
        return told(rows[: request.json["limit"]])


def told(value):
    return {"response": value, "status": 200}


def session_of(ledger, service, clock):
    """A session with this ledger and this service, of `ME`."""
    session = Session(AskSage(presume_after_s=3600), clock=clock)
    session.account, session.ledger, session.service = ME, ledger, service
    session.settling = Settling(ME, session.settings, lambda: ledger, clock, lambda: None)
    return session


class Desk:
    """A kernel beside a tenant."""

    def __init__(self, path, server, t=None):
        self.clock = Clock() if t is None else Clock(t)
        self.tenant = Tenant(self.clock)
        self.tenant.open(server)
        self.server = server
        self.ledger = Ledger(path, clock=self.clock)
        self.service = self.another_service()
        self.session = session_of(self.ledger, self.service, self.clock)
        for meter, monthly in ((INFERENCE, 10_000), (TRAINING, 5_000)):
            self.ledger.set_plan(ME, meter, monthly, source="the service's")
        self.later(HOUR)

    def another_service(self):
        return Service(self.server.url, Secret("key"), sleep=lambda _: None)

    def later(self, passed):
        self.clock.t += passed

    def sleep(self, seconds):
        self.later(round(seconds * SECOND))

    def reconcile(self, **options):
        options.setdefault("running_s", 300)  # nobody here waits longer for a reply
        return reconcile(self.session, sleep=self.sleep, **options)

    def hold(self, estimate=60, *, meter=INFERENCE, due=HOUR, model=MODEL):
        call = Call(new_op(), self.clock(), model, meter, estimate)
        self.ledger.hold(ME, call, due=self.clock() + due)
        return call.op

    @contextmanager
    def flying(self, op):
        """A call of this kernel, under way."""
        self.session.settling.begin(op)
        yield
        self.session.settling.end(op, is_open=True)

    def settle(self, op, tokens, figures=(10, 5)):
        self.ledger.settle(op, Bill(tokens, Source.BILLED, input_tokens=figures[0], output_tokens=figures[1]))

    def ask(self, tokens, estimate=60, figures=(10, 5)):
        """A call that goes well."""
        op = self.hold(estimate)
        self.later(SECOND)
        self.tenant.bill(tokens, figures=figures)
        self.settle(op, tokens, figures)

    def used(self, meter=INFERENCE):
        return self.ledger.used_in(ME, meter)

    def calls(self):
        return [dict(zip(CALL_COLUMNS, row, strict=True)) for row in self.ledger.calls(ME)]

    def call(self, op):
        return next(call for call in self.calls() if call["op"] == op)

    def close(self):
        self.service.close()
        self.ledger.close()


@pytest.fixture
def desk(tmp_path):
    with closing(Scripted()) as server, closing(Desk(tmp_path / "ledger.db", server)) as made:
        yield made


def books_nothing(desk):
    """A second run, right after the first and again later."""
    for passed in (0, MINUTE):
        desk.later(passed)
        found = desk.reconcile()
        assert not found.changed, str(found)
    return found


# -- bills from the log -------------------------------------------------------------------------------------


def test_an_interrupted_call_is_settled_with_the_bill_of_the_log(desk):
    op = desk.hold(60)
    desk.later(SECOND)
    desk.tenant.bill(47)
    desk.later(6 * MINUTE)
    found = desk.reconcile()
    (settled,) = found.settled
    assert (settled.op, settled.before, settled.tokens, settled.presumed) == (op, 60, 47, False)
    assert desk.call(op)["source"] == "log"
    assert (desk.call(op)["input_tokens"], desk.call(op)["output_tokens"]) == (10, 5)
    assert desk.used() == 47
    assert not found.corrections
    books_nothing(desk)


def test_a_presumed_call_is_settled_and_only_the_difference_is_booked(desk):
    op = desk.hold(60)
    desk.tenant.bill(81)
    desk.later(2 * HOUR)
    desk.ledger.presume()
    assert desk.used() == 60
    (settled,) = desk.reconcile().settled
    assert (settled.presumed, settled.tokens, desk.used()) == (True, 81, 81)
    assert desk.call(op)["source"] == "log"
    books_nothing(desk)


def test_a_call_that_may_still_run_is_left_to_settle_itself(desk):
    op = desk.hold(60)
    desk.later(5 * SECOND)
    desk.tenant.bill(90)
    desk.later(3 * SECOND)
    found = desk.reconcile()
    assert not found.changed
    assert "still be running" in found.still_open[0].why
    desk.settle(op, 90)
    books_nothing(desk)
    assert desk.used() == 90


def test_a_lost_call_that_was_never_billed_stays_open_then_presumed_then_is_given_back(desk):
    desk.hold(60, due=HOUR)
    desk.later(10 * MINUTE)
    found = desk.reconcile()
    assert not found.changed
    assert "no bill" in found.still_open[0].why
    desk.later(HOUR)
    found = desk.reconcile()
    assert [(call.tokens, call.presumed) for call in found.settled] == [(0, True)]
    assert not found.corrections
    assert not found.still_open
    assert desk.used() == 0
    assert not desk.ledger.calls(ME)
    books_nothing(desk)


def test_a_row_that_comes_late_settles_late_and_the_meter_comes_out_right(desk):
    op = desk.hold(60)
    desk.tenant.bill(40, logged=False)
    sent = desk.clock()
    desk.later(2 * HOUR)
    assert desk.reconcile().corrections == {INFERENCE: -20}
    desk.tenant.log(40, t=sent)
    desk.later(MINUTE)
    found = desk.reconcile()
    assert [call.op for call in found.settled] == [op]
    assert desk.used() == 40
    books_nothing(desk)
    assert desk.used() == 40


def test_a_row_told_twice_settles_one_call(desk):
    first, second = desk.hold(60), desk.hold(60)
    desk.later(SECOND)
    desk.tenant.bill(47)
    desk.tenant.rows.append(desk.tenant.rows[0])
    desk.later(6 * MINUTE)
    found = desk.reconcile()
    assert not found.settled
    assert {call.op for call in found.still_open} == {first, second}


def test_twins_with_unlike_bills_are_never_guessed(desk):
    ops = {desk.hold(60), desk.hold(60)}
    for tokens in (47, 52):
        desk.later(SECOND)
        desk.tenant.bill(tokens)
    desk.later(6 * MINUTE)
    found = desk.reconcile()
    assert not found.changed
    assert {call.op for call in found.still_open} == ops
    assert "cannot be told" in found.still_open[0].why
    assert "2 possible" in str(found)
    desk.later(HOUR)
    assert desk.reconcile().corrections == {INFERENCE: 99 - 120}
    books_nothing(desk)


def test_a_call_that_cannot_be_told_from_another_devices_hides_none_of_the_counter(desk):
    desk.hold(60)
    desk.later(SECOND)
    desk.tenant.bill(47)
    desk.tenant.bill(500)
    desk.later(6 * MINUTE)
    assert desk.reconcile().corrections == {INFERENCE: 547 - 60}
    desk.later(HOUR)
    books_nothing(desk)
    assert desk.used() == 547


def test_twins_with_the_same_bill_are_settled_one_row_each(desk):
    ops = {desk.hold(60), desk.hold(60)}
    for _ in ops:
        desk.later(SECOND)
        desk.tenant.bill(47)
    desk.later(6 * MINUTE)
    found = desk.reconcile()
    assert {call.op for call in found.settled} == ops
    assert {desk.call(op)["request_id"] for op in ops} == {"log:1", "log:2"}
    books_nothing(desk)


def test_rows_of_calls_whose_bill_is_known_are_nobody_elses(desk):
    lost = desk.hold(60)
    desk.later(SECOND)
    desk.tenant.bill(33, figures=(9, 4))
    for tokens in (47, 52, 61):
        desk.ask(tokens)
    desk.later(6 * MINUTE)
    (settled,) = desk.reconcile().settled
    assert (settled.op, settled.tokens) == (lost, 33)
    books_nothing(desk)


def test_another_model_another_meter_and_another_hour_are_no_match(desk):
    desk.hold(60)
    desk.later(SECOND)
    desk.tenant.bill(47, model="another")
    desk.tenant.bill(47, meter=TRAINING)
    desk.tenant.bill(2_000)
    desk.later(20 * MINUTE)
    desk.tenant.bill(47)
    found = desk.reconcile()
    assert not found.settled


def test_training_calls_are_settled_by_training_rows_whatever_model_they_name(desk):
    op = desk.hold(80, meter=TRAINING, model="train")
    desk.tenant.bill(78, meter=TRAINING, model="ada-002")
    desk.later(6 * MINUTE)
    assert [call.op for call in desk.reconcile().settled] == [op]
    assert desk.used(TRAINING) == 78
    books_nothing(desk)


def test_a_bill_is_found_behind_many_pages(desk):
    op = desk.hold(60)
    desk.tenant.bill(47)
    desk.later(10 * MINUTE)
    for _ in range(250):
        desk.tenant.bill(1, model="another")
    desk.later(MINUTE)
    found = desk.reconcile()
    assert [call.op for call in found.settled] == [op]
    assert found.corrections == {INFERENCE: 250}
    books_nothing(desk)


def test_without_a_log_the_calls_stay_open_and_the_counter_still_tells(desk):
    desk.server.on(LOG)
    desk.hold(60)
    desk.tenant.bill(47, logged=False)
    desk.tenant.bill(500, logged=False)
    desk.later(6 * MINUTE)
    found = desk.reconcile()
    assert "no log" in found.still_open[0].why
    assert found.corrections == {INFERENCE: 547 - 60}
    desk.later(HOUR)
    books_nothing(desk)
    assert desk.used() == 547


def test_a_long_call_is_not_settled_with_another_devices_bill(desk):
    op = desk.hold(60)
    desk.later(40 * SECOND)
    desk.tenant.bill(47, figures=(9, 4))  # the other device's
    desk.later(270 * SECOND)
    assert "running" in desk.reconcile(running_s=None).still_open[0].why
    with desk.flying(op):
        desk.later(2 * HOUR)
        desk.ledger.presume()
        assert not desk.reconcile(running_s=0).settled
    desk.tenant.bill(900, figures=(100, 300))
    desk.settle(op, 900, (100, 300))
    desk.later(MINUTE)
    desk.reconcile()
    assert (desk.call(op)["tokens"], desk.used()) == (900, 947)
    books_nothing(desk)


def test_a_call_of_this_kernel_that_is_over_needs_no_waiting(desk):
    op = desk.hold(60)
    desk.tenant.bill(47)
    with desk.flying(op):
        pass
    desk.later(10 * SECOND)
    assert [call.op for call in desk.reconcile(running_s=None).settled] == [op]


def test_a_lost_call_is_found_under_the_model_it_was_served_as_before(desk):
    once = desk.hold(60, model="haiku-com")
    desk.tenant.bill(50, model="haiku-45", figures=(8, 3))
    desk.ledger.settle(once, Bill(50, Source.BILLED, input_tokens=8, output_tokens=3, model="haiku-45"))
    desk.later(20 * MINUTE)
    op = desk.hold(60, model="haiku-com")
    other = desk.hold(60, model="another")
    desk.tenant.bill(47, model="haiku-45")
    desk.later(6 * MINUTE)
    assert [call.op for call in desk.reconcile().settled] == [op]
    assert desk.call(op)["model"] == "haiku-45"
    assert [call.op for call in desk.reconcile().still_open] == [other]


def test_what_a_log_that_lacks_rows_does_not_show_stays_presumed(desk):
    desk.hold(60)
    desk.tenant.bill(500, logged=False)
    desk.later(2 * HOUR)
    found = desk.reconcile()
    assert not found.settled
    assert [call.presumed for call in found.still_open] == [True]


# -- other devices ------------------------------------------------------------------------------------------


def test_other_devices_are_booked_once_on_each_meter(desk):
    desk.ask(63)
    desk.tenant.bill(500)
    desk.tenant.bill(70, meter=TRAINING)
    desk.later(MINUTE)
    found = desk.reconcile()
    assert found.corrections == {INFERENCE: 500, TRAINING: 70}
    assert (desk.used(), desk.used(TRAINING)) == (563, 70)
    assert "500 booked for other devices" in str(found)
    books_nothing(desk)
    desk.tenant.bill(500)
    desk.later(MINUTE)
    assert desk.reconcile().corrections == {INFERENCE: 500}
    books_nothing(desk)


def test_a_person_who_knows_that_nothing_runs_need_not_wait(desk):
    op = desk.hold(60)
    desk.tenant.bill(47)
    desk.later(10 * SECOND)
    assert [call.op for call in desk.reconcile(running_s=0).settled] == [op]


def test_a_counter_that_lags_behind_our_own_call_gives_nothing_back(desk):
    desk.ask(63)
    found = desk.reconcile()
    assert not found.changed
    assert desk.used() == 63
    books_nothing(desk)


def test_a_counter_that_stays_behind_is_not_followed_while_our_calls_are_young(desk):
    desk.tenant.lag = 30 * SECOND
    desk.ask(63)
    found = reconcile(desk.session, sleep=lambda _: None)
    assert not found.changed
    assert "lags" in found.meters[0].why


def test_a_call_in_flight_is_not_mistaken_for_another_device(desk):
    op = desk.hold(60)
    desk.later(SECOND)
    desk.tenant.bill(90)  # more than was held: the log's row shows how much it may be
    desk.tenant.bill(500, model="another")
    desk.later(10 * SECOND)
    found = desk.reconcile()
    assert found.corrections == {INFERENCE: 500}
    desk.settle(op, 90)
    books_nothing(desk)
    assert desk.used() == 590


def test_a_call_in_flight_that_is_not_billed_yet_hides_no_more_than_its_hold(desk):
    desk.hold(60)
    desk.later(SECOND)
    desk.tenant.bill(500, model="another")
    desk.later(10 * SECOND)
    found = desk.reconcile()
    assert found.corrections == {INFERENCE: 440}
    assert "60 more may be" in found.meters[0].why
    balance = desk.ledger.balance(ME).inference
    assert balance.remaining == 10_000 - 500


def test_a_call_settled_between_the_two_witnesses_is_seen(desk):
    op = desk.hold(60)
    desk.later(MINUTE)

    def settle_meanwhile(_):
        figure = told(desk.tenant.used(INFERENCE))
        if desk.ledger.unsettled(ME, INFERENCE):
            desk.tenant.bill(63)
            desk.settle(op, 63)
        return figure

    desk.server.on(LEFT)
    desk.server.on(USED, settle_meanwhile)
    assert not desk.reconcile().changed
    assert desk.used() == 63


def test_two_kernels_at_once_book_once(desk, tmp_path):
    desk.tenant.bill(500, model="another")
    desk.tenant.bill(47)
    desk.hold(60)
    desk.later(6 * MINUTE)
    together = threading.Barrier(4)
    wrong = []

    def kernel():
        with (
            closing(Ledger(tmp_path / "ledger.db", clock=desk.clock)) as ledger,
            closing(desk.another_service()) as service,
        ):
            session = session_of(ledger, service, desk.clock)
            together.wait(WAIT_S)
            try:
                reconcile(session, sleep=lambda _: None, running_s=300)
            except BaseException as error:
                wrong.append(repr(error))

    kernels = [threading.Thread(target=kernel) for _ in range(4)]
    for each in kernels:
        each.start()
    for each in kernels:
        each.join()
    assert not wrong
    desk.later(MINUTE)
    assert desk.used() == 547
    books_nothing(desk)
    assert desk.ledger.verify().ok


def book_once(path, t, tokens, start, results):
    ledger = Ledger(path, clock=Clock(t))
    start.wait(WAIT_S)
    results.put(book(ledger, ME, INFERENCE, tokens, period_at(t), 0))
    ledger.close()


@pytest.mark.long
def test_processes_that_saw_different_counters_never_book_both(desk, tmp_path):
    start, results = PROCESSES.Event(), PROCESSES.Queue()
    runs = [
        PROCESSES.Process(
            target=book_once, args=(tmp_path / "ledger.db", desk.clock(), tokens, start, results)
        )
        for tokens in (30, 50)
    ]
    for run in runs:
        run.start()
    start.set()
    booked = sorted(results.get(timeout=WAIT_S) for _ in runs)
    for run in runs:
        run.join()
    assert booked == [False, True]
    assert desk.used() in (30, 50)


def test_a_correction_of_a_sum_that_was_there_before_is_booked_again(desk):
    period = period_at(desk.clock())
    for number in range(0, 30, 2):
        assert book(desk.ledger, ME, INFERENCE, 30, period, number)
        assert not book(desk.ledger, ME, INFERENCE, 31, period, number)
        assert book(desk.ledger, ME, INFERENCE, -30, period, number + 1)
    assert desk.used() == 0


def test_a_correction_that_fails_leaves_the_next_run_to_it(desk, monkeypatch):
    desk.tenant.bill(500)
    desk.later(MINUTE)

    def conflict(*_, **__):
        raise LedgerConflict("another came first")

    with monkeypatch.context() as patched:
        patched.setattr(desk.ledger, "correct", conflict)
        assert not desk.reconcile().changed
    assert desk.reconcile().corrections == {INFERENCE: 500}


# -- plans --------------------------------------------------------------------------------------------------


def test_a_limit_that_changed_becomes_the_plan(desk):
    desk.ask(63)
    desk.later(MINUTE)
    desk.tenant.limit = 15_000
    found = desk.reconcile()
    (plan,) = found.plans
    assert (plan.before, plan.monthly) == (10_000, 15_000)
    assert desk.ledger.balance(ME).inference.granted == 15_000
    assert "account limit + monthly counter" in desk.ledger.balance(ME).inference.source
    books_nothing(desk)


def test_a_limit_below_what_is_used_is_followed_too(desk):
    desk.ask(63)
    desk.later(MINUTE)
    desk.tenant.limit = 50
    desk.reconcile()
    assert desk.ledger.balance(ME).inference.remaining == -13


def test_top_ups_are_not_taken_for_a_larger_plan(desk):
    starts, ends = at(2026, 11, 1), at(2026, 12, 1)
    desk.ledger.grant(ME, INFERENCE, 2_000, source="top-up:r-1", starts=starts, ends=ends)
    desk.tenant.limit = 12_000
    assert not desk.reconcile().plans
    assert desk.ledger.balance(ME).inference.granted == 12_000


def test_counters_that_lag_apart_change_no_plan(desk):
    answers = iter([9_990, 10_000])
    desk.server.on(LEFT, lambda _: told(next(answers, 10_000)))
    assert not desk.reconcile().plans


def test_a_ledger_that_knows_nothing_makes_first_contact(desk, tmp_path):
    desk.tenant.bill(411)
    desk.later(MINUTE)
    with closing(Ledger(tmp_path / "new.db", clock=desk.clock)) as ledger:
        session = session_of(ledger, desk.service, desk.clock)
        assert not reconcile(session, sleep=desk.sleep).corrections
        assert ledger.balance(ME).inference.used == 411


def test_a_tenant_that_tells_no_counter_is_left_alone(desk):
    for path in (USED, TAUGHT, LEFT):
        desk.server.on(path)
    found = desk.reconcile()
    assert not found.changed
    assert "tells no counter" in str(found)


# -- rollover -----------------------------------------------------------------------------------------------


def test_the_old_months_counter_is_not_booked_in_the_new_one(desk):
    desk.ask(800, estimate=800)
    desk.tenant.bill(100)
    desk.later(MINUTE)
    desk.reconcile()
    desk.tenant.offset = 5 * HOUR  # the service's month begins in New York
    desk.clock.t = at(2026, 12, 1, 0, 10)
    found = desk.reconcile()
    assert not found.changed
    assert "last month's" in found.meters[0].why
    assert desk.ledger.balance(ME).inference.remaining == 10_000
    desk.clock.t = at(2026, 12, 1, 6)
    desk.tenant.bill(70)
    desk.later(MINUTE)
    assert desk.reconcile().corrections == {INFERENCE: 70}
    books_nothing(desk)
    assert desk.ledger.used_in(ME, INFERENCE, "2026-11") == 900


def test_a_first_day_busier_than_the_last_month_is_believed_by_its_rows(desk):
    desk.ask(63)
    desk.clock.t = at(2026, 12, 1, 3)
    desk.tenant.bill(500)
    desk.later(MINUTE)
    assert desk.reconcile().corrections == {INFERENCE: 500}
    books_nothing(desk)


def test_a_counter_that_fell_before_our_month_ended_gives_nothing_back(desk):
    desk.ask(800, estimate=800)
    desk.tenant.offset = -10 * HOUR  # the service's month begins in the east
    desk.clock.t = at(2026, 11, 30, 20)
    found = desk.reconcile()
    assert not found.changed
    assert "edge" in found.meters[0].why
    assert desk.used() == 800


def test_a_call_lost_in_the_old_month_is_settled_there(desk):
    desk.clock.t = at(2026, 11, 30, 23, 59)
    op = desk.hold(60)
    desk.tenant.bill(47)
    desk.clock.t = at(2026, 12, 1, 2)
    assert [call.op for call in desk.reconcile().settled] == [op]
    assert desk.ledger.used_in(ME, INFERENCE, "2026-11") == 47
    assert desk.used() == 0
    books_nothing(desk)


def test_a_closed_month_comes_to_what_its_rows_say_once(desk):
    desk.ask(63)
    desk.clock.t = at(2026, 11, 30, 23, 59)
    across = desk.hold(60)
    desk.tenant.bill(500)  # another device, to the last minute
    never = desk.hold(70, model="never-billed")
    desk.later(2 * MINUTE)
    desk.tenant.bill(47)  # billed when it was answered, and so in December
    desk.settle(across, 47)
    desk.later(2 * HOUR)
    desk.tenant.bill(5)
    desk.later(MINUTE)
    found = desk.reconcile()
    assert [(each.period, each.correction) for each in found.closed] == [("2026-11", 500 - 47)]
    assert "2026-11, inference: counter 563, ledger 110, 453 booked for other devices" in str(found)
    assert desk.ledger.used_in(ME, INFERENCE, "2026-11") == 563
    assert desk.used() == 52 == desk.tenant.used(INFERENCE)
    assert never not in [call["op"] for call in desk.calls()]
    books_nothing(desk)
    starts, ends = at(2026, 11, 1), at(2026, 12, 1)
    assert sum(tokens for _, tokens in desk.ledger.spending(ME, INFERENCE, starts, ends)) == 563
    assert sum(tokens for _, tokens in desk.ledger.spending(ME, INFERENCE, ends, ends + DAY)) == 52
    figures, calls = desk.ledger.month_with_calls(ME, INFERENCE, "2026-11")
    assert sum(row[10] for row in calls) + figures.corrections == figures.used == 563
    assert desk.ledger.verify().ok


def test_a_month_is_closed_after_another_in_which_nobody_was_here(desk):
    desk.ask(63)
    desk.tenant.bill(500, t=at(2026, 11, 30, 23, 59))
    desk.tenant.bill(9, t=at(2026, 12, 20))
    desk.clock.t = at(2027, 1, 3)
    desk.tenant.bill(5)
    desk.later(MINUTE)
    found = desk.reconcile()
    assert [(each.period, each.correction) for each in found.closed] == [("2026-11", 500)]
    assert desk.ledger.used_in(ME, INFERENCE, "2026-11") == 563
    assert desk.used() == 5
    books_nothing(desk)


def test_all_months_that_are_looked_back_at_are_closed(desk):
    desk.ask(63)
    desk.tenant.bill(500, t=at(2026, 11, 30, 23, 59))
    desk.clock.t = at(2026, 12, 28)  # nobody compared since, and the counter is that of December alone
    desk.ask(20)
    desk.tenant.bill(300, t=at(2026, 12, 31, 23, 59))
    desk.clock.t = at(2027, 1, 3)
    desk.tenant.bill(5)
    desk.later(MINUTE)
    found = desk.reconcile()
    assert [(each.period, each.correction) for each in found.closed] == [("2026-12", 300), ("2026-11", 500)]
    assert [desk.ledger.used_in(ME, INFERENCE, period) for period in ("2026-11", "2026-12")] == [563, 320]
    books_nothing(desk)


def test_a_row_that_comes_after_its_month_agreed_is_booked_in_it(desk):
    desk.ask(63)
    desk.clock.t = at(2026, 12, 1, 2)
    desk.tenant.bill(5)
    desk.later(MINUTE)
    assert not desk.reconcile().closed
    desk.tenant.bill(47, t=at(2026, 11, 30, 23, 50))
    assert [(each.period, each.correction) for each in desk.reconcile().closed] == [("2026-11", 47)]
    books_nothing(desk)


def test_an_old_row_at_the_end_of_a_page_hides_none_of_the_next(desk):
    for tokens, t in ((300, at(2026, 12, 1, 0, 20)), (63, at(2026, 11, 30, 23, 59)), (5, at(2026, 12, 1, 1))):
        desk.tenant.bill(tokens, t=t)
    for _ in range(97):
        desk.tenant.bill(1, t=at(2026, 12, 1, 1))
    desk.ledger.correct(ME, INFERENCE, 63, op="november")
    desk.clock.t = at(2026, 12, 1, 2)
    desk.ledger.correct(ME, INFERENCE, 402, op="december")
    desk.later(HOUR)
    assert not desk.reconcile().changed
    desk.clock.t = at(2027, 1, 1, 2)
    desk.tenant.bill(5)
    desk.later(MINUTE)
    assert not desk.reconcile().closed
    assert desk.ledger.used_in(ME, INFERENCE, "2026-12") == 402


def test_who_compares_often_reads_a_month_that_is_over_once_an_hour(desk):
    def compare():
        asked = len(desk.server.requests)
        found = run_once(Parties.of(desk.session, desk.sleep, 3 * 86_400.0, agreed=agreed))
        return found, sum(each.path == LOG for each in desk.server.requests[asked:])

    agreed = {}
    for day in range(1, 28):
        desk.ask(10)
        desk.tenant.bill(1, t=at(2026, 11, day))
    for _ in range(200):
        desk.tenant.bill(1, t=at(2026, 11, 28))
    desk.clock.t = at(2026, 12, 1, 2)
    desk.tenant.bill(5)
    desk.later(MINUTE)
    first, pages = compare()
    assert [each.period for each in first.closed] == ["2026-11"]
    desk.later(MINUTE)
    assert compare()[1] < pages
    desk.tenant.bill(47, t=at(2026, 11, 30))
    desk.later(HOUR)
    assert [each.correction for each in compare()[0].closed] == [47]


@pytest.mark.parametrize(("before", "lowered"), [(0, True), (40, False)])
def test_a_members_closed_month_is_lowered_by_what_they_used_of_the_pool(desk, before, lowered):
    lab = Account.of_pool(ME.host, "lab")
    if before:
        desk.ledger.correct(ME, INFERENCE, before, op="before-joining")
    desk.ledger.set_plan(lab, INFERENCE, 9_000, source="the owner")
    desk.ledger.join_pool(ME, INFERENCE, lab, 500)
    op = desk.hold(60)
    desk.settle(op, 60)
    desk.clock.t = at(2026, 12, 1, 2)
    if not lowered:  # more than the 60 of the pool
        desk.ledger.correct(ME, INFERENCE, -20, op="by-hand", period="2026-11")
    desk.tenant.bill(10, t=at(2026, 11, 30))
    desk.tenant.bill(5)
    desk.later(MINUTE)
    desk.ledger.correct(ME, INFERENCE, 5, op="now")
    found = desk.reconcile()
    (closed,) = found.closed
    if lowered:
        assert (closed.correction, closed.why) == (-50, "")
        assert desk.ledger.used_in(ME, INFERENCE, "2026-11") == 10
        assert desk.ledger.used_in(lab, INFERENCE, "2026-11") == 10
    else:
        assert closed.correction == 0
        assert "70 tokens cannot be given back: " in closed.why
        assert closed.why.endswith("used 40 of the pool lab in 2026-11")
        assert desk.ledger.used_in(lab, INFERENCE, "2026-11") == 40
    books_nothing(desk)
    assert desk.ledger.verify().ok


@pytest.mark.parametrize("hours", [5, -6])
def test_a_closed_month_is_lowered_where_the_counters_begin_theirs_by_another_midnight(desk, hours):
    desk.tenant.offset = hours * HOUR
    desk.ask(63)
    desk.ledger.correct(ME, INFERENCE, 200, op="never billed")
    for tokens, t in ((40, at(2026, 11, 30, 20)), (30, at(2026, 12, 1, 2)), (5, at(2026, 12, 1, 9))):
        desk.tenant.bill(tokens, t=t)
    desk.clock.t = at(2026, 12, 3)
    assert desk.reconcile().closed
    assert desk.ledger.used_in(ME, INFERENCE, "2026-11") == 63 + 40
    assert desk.used() == desk.tenant.used(INFERENCE)  # that is what is left to spend by
    books_nothing(desk)
    desk.clock.t = at(2027, 1, 3)
    desk.reconcile()
    assert desk.ledger.used_in(ME, INFERENCE, "2026-12") == 35


def test_a_closed_month_is_not_lowered_by_a_log_that_lacks_rows(desk):
    desk.ask(63)
    desk.tenant.rows.clear()
    desk.clock.t = at(2026, 12, 1, 2)
    desk.tenant.bill(5)
    desk.later(MINUTE)
    desk.tenant.bill(7, logged=False)
    desk.later(MINUTE)
    assert not desk.reconcile().closed
    assert desk.ledger.used_in(ME, INFERENCE, "2026-11") == 63


# -- limits -------------------------------------------------------------------------------------------------


def test_an_organisations_pool_below_the_limit_moves_no_plan_and_overage_shows(desk):
    desk.server.on(LEFT, lambda _: told(0))
    desk.tenant.bill(10_500)
    for _ in range(3):
        desk.later(MINUTE)
        assert not desk.reconcile().plans
        desk.tenant.bill(100)
    inference = desk.ledger.balance(ME).inference
    assert (inference.granted, inference.overage) == (10_000, 700)
    assert "700 over" in str(inference)


@pytest.mark.parametrize(
    "left", [{"response": "no organisation", "status": 503}, told(-1), told(-2), told(False)]
)
def test_tokens_left_that_are_not_told_stop_nothing(desk, left):
    desk.server.on(LEFT, left)
    desk.tenant.bill(500)
    desk.later(MINUTE)
    found = desk.reconcile()
    assert found.corrections == {INFERENCE: 500}
    assert not found.plans


def test_limits_that_are_no_numbers_are_no_plan(desk):
    desk.server.on(LIMITS, lambda _: told({"max_tokens": -1, "max_train_tokens": False}))
    assert not desk.reconcile().plans


@pytest.mark.parametrize("left", [-10_000, 0])
@pytest.mark.parametrize("limit", [10_000, None])
def test_an_overdrawn_organisation_makes_first_contact(desk, tmp_path, left, limit):
    desk.server.on(LEFT, lambda _: told(left))
    desk.server.on(LIMITS, lambda _: told({"max_tokens": limit}))
    desk.tenant.bill(411)
    desk.later(MINUTE)
    with closing(Ledger(tmp_path / "new.db", clock=desk.clock)) as ledger:
        make_contact(ME, ledger, desk.service)
        inference = ledger.balance(ME).inference
        assert inference.used == 411
        assert inference.granted == (limit or max(0, left + 411))


def test_what_a_top_up_gave_and_lost_does_not_move_the_plan(desk):
    starts, ends = at(2026, 11, 1), at(2026, 11, 26)
    desk.ledger.grant(ME, INFERENCE, 2_000, source="top-up:r-1", starts=starts, ends=ends)
    for limit in (10_000, 12_000):
        desk.tenant.limit = limit
        assert not desk.reconcile().plans
    desk.clock.t = ends + HOUR
    for limit in (12_000, 10_000):
        desk.tenant.limit = limit
        assert not desk.reconcile().plans
    desk.tenant.limit = 9_000
    assert [plan.monthly for plan in desk.reconcile().plans] == [9_000]


# -- privacy, faults, words ---------------------------------------------------------------------------------


def test_the_rows_text_and_people_are_nowhere(desk, tmp_path):
    desk.hold(60)
    desk.tenant.bill(47)
    desk.tenant.bill(47)
    desk.tenant.bill(470)
    desk.later(6 * MINUTE)
    found = desk.reconcile()
    desk.ledger.close()
    shown = [str(found), repr(found), found._repr_html_(), *map(repr, (*found.settled, *found.meters))]
    files = list(contents(tmp_path).values())
    for text in (SECRET, "203.0.113.77", "987654321"):
        assert not any(text in words for words in shown)
        assert not any(text.encode() in content for content in files)


def test_a_service_that_is_away_changes_nothing_and_says_so(desk):
    desk.server.on(USED, {"response": "overloaded", "status": 503})
    desk.hold(60)
    with pytest.raises(Unavailable):
        desk.reconcile()
    assert desk.used() == 0


def test_the_words_are_short_lines_with_sources(desk):
    desk.hold(60)
    desk.tenant.bill(47)
    desk.tenant.bill(500, model="<other>")
    desk.later(6 * MINUTE)
    found = desk.reconcile()
    assert max(map(len, str(found).splitlines())) <= 100
    assert "60 held → 47 tokens (log)" in str(found)
    html = found._repr_html_()
    assert "monthly counter" in html
    assert "<script" not in html
    assert "UTC" in str(found)


# -- in the background --------------------------------------------------------------------------------------


def run_of(desk, background):
    """Tell it of a call, and wait for the run that follows."""
    gate = threading.Event()
    limits = desk.server._script[LIMITS][0]
    desk.server.on(LIMITS, lambda request: gate.wait(WAIT_S) and limits(request))
    background.after_call()
    thread = background._thread
    gate.set()
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_use_is_followed_by_a_run_in_the_background(desk):
    desk.tenant.bill(500)
    desk.later(MINUTE)
    with closing(Background(desk.session, every_s=0, after_s=0)) as follower:
        run_of(desk, follower)
        assert follower.trouble == ""
        assert desk.used() == 500
        desk.tenant.bill(20)
        desk.later(MINUTE)
        run_of(desk, follower)
    assert desk.used() == 520


def test_only_a_run_that_changed_the_ledger_is_told(desk):
    told = []
    with closing(Background(desk.session, every_s=0, after_s=0, tell=told.append)) as follower:
        run_of(desk, follower)
        desk.tenant.bill(500)
        desk.later(MINUTE)
        run_of(desk, follower)
        run_of(desk, follower)
    assert [found.booked for found in told][-1] == "500 inference tokens booked from other devices"
    assert len(told) == 1
    assert told[-1].words == "500 inference tokens booked from other devices."


def test_a_call_during_a_run_asks_for_another(desk):
    gate, counts = threading.Event(), []
    both = threading.Event()

    def limits(_):
        gate.wait(WAIT_S)
        counts.append(1)
        if len(counts) == 2:
            both.set()
        return told({"max_tokens": 10_000})

    desk.server.on(LIMITS, limits)
    with closing(Background(desk.session, every_s=0, after_s=0)) as follower:
        follower.after_call()
        while not desk.server.asked(LIMITS):
            follower.after_call()
        follower.after_call()
        gate.set()
        assert both.wait(WAIT_S)


def test_runs_keep_their_distance_and_closing_does_not_wait_for_the_next(desk):
    with closing(Background(desk.session, every_s=600, after_s=0)) as follower:
        run_of(desk, follower)
        asked = len(desk.server.requests)
        follower.after_call()
        thread = follower._thread
    assert not thread.is_alive()
    assert len(desk.server.requests) == asked


def test_trouble_in_the_background_is_kept_and_not_raised(desk):
    with closing(Background(desk.session, every_s=0, after_s=0)) as follower:
        desk.server.on(USED, {"response": "overloaded", "status": 503})
        run_of(desk, follower)
        assert "busy" in follower.trouble


def test_the_demo_is_compared_by_itself_too_also_when_its_counters_were_made_anew(desk):
    desk.session.account = demo = Account("localhost", "local-demo")
    desk.tenant.bill(500)
    desk.later(2 * DAY)
    with closing(Background(desk.session, every_s=0, after_s=0)) as follower:
        run_of(desk, follower)
        assert desk.ledger.balance(demo).inference.used == 500
        desk.tenant.bills.clear()
        desk.tenant.rows.clear()
        desk.later(MINUTE)
        run_of(desk, follower)
        assert follower.trouble == ""
    balance = desk.ledger.balance(demo).inference
    assert (balance.granted, balance.used, balance.held) == (10_000, 0, 0)
    assert desk.ledger.verify().ok


def test_a_reply_that_was_never_billed_leaves_no_note_that_it_arrived(desk):
    op = desk.hold(60)
    desk.session.settling.note_arrival(op)
    noted = Arrived(desk.ledger.outbox)
    assert op in noted
    desk.tenant.bill(47, model="another")
    desk.later(2 * HOUR)
    assert [(call.op, call.tokens) for call in desk.reconcile().settled] == [(op, 0)]
    assert op not in noted


def test_a_training_counter_of_nothing_gives_nothing_back(desk):
    """The service also says 0 where it has none to tell."""
    desk.ledger.correct(ME, TRAINING, 500, op="uploaded")
    desk.later(2 * DAY)
    found = desk.reconcile()
    assert not found.corrections
    assert "may be one that is not told" in str(found)
    desk.tenant.bill(470, meter=TRAINING)
    desk.later(MINUTE)
    assert desk.reconcile().corrections == {TRAINING: -30}


def test_a_lost_reply_of_one_word_is_found_where_a_long_one_was_expected(desk):
    """Output counts five times the input: of 30 tokens in and 300 expected, the reply may be 1."""
    desk.hold(328)
    desk.tenant.bill(8)
    desk.later(2 * HOUR)
    found = desk.reconcile()
    assert [call.tokens for call in found.settled] == [8]
    assert desk.used() == 8


def test_a_presumed_call_is_not_given_back_while_a_bill_far_from_its_estimate_may_be_its_own(desk):
    desk.hold(60)
    desk.tenant.bill(60 * 30)  # thought about for long, or another device's
    desk.later(2 * HOUR)
    found = desk.reconcile()
    assert not found.settled
    assert [call.tokens for call in found.still_open] == [60]
    assert "cannot be told from others" in found.still_open[0].why
    assert desk.used() == 60 * 30


def test_a_call_older_than_the_look_back_is_looked_for_no_more(desk):
    desk.hold(60)
    desk.tenant.bill(47)
    desk.later(2 * DAY)
    found = desk.reconcile(look_back_s=86_400)
    assert not found.settled
    assert not desk.server.asked(LOG)


# -- all of it together -------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_after_any_history_both_witnesses_agree_to_the_token(desk, seed):
    chance = random.Random(seed)
    flying, sent, bills = [], {}, {}

    def send():
        op = desk.hold(chance.randint(20, 90))
        flying.append(op)
        sent[op] = desk.clock()

    def arrive():
        if flying:
            op, tokens = flying.pop(0), chance.randint(5, 200)
            is_billed = chance.random() < 0.8
            if is_billed:
                desk.tenant.bill(tokens, logged=chance.random() < 0.9)
            if chance.random() < 0.3:
                return  # the reply is lost
            desk.settle(op, tokens) if is_billed else desk.ledger.void(op)
            bills[op] = tokens if is_billed else None

    def other_device():
        desk.tenant.bill(chance.randint(1, 300), model=chance.choice([MODEL, "another"]))

    def change_limit():
        desk.tenant.limit = chance.randint(8_000, 12_000)

    def compare():
        desk.later(5 * SECOND)
        found = desk.reconcile(running_s=None)
        balance = desk.ledger.balance(ME).inference
        assert balance.granted == desk.tenant.limit
        if not any("running" in call.why for call in found.still_open):
            assert balance.used + balance.held >= desk.tenant.used(INFERENCE)

    for _ in range(40):
        while flying and desk.clock() - sent[flying[0]] > 50 * MINUTE:
            arrive()
        chance.choice([send, send, arrive, arrive, arrive, other_device, change_limit, compare])()
        desk.later(chance.choice([SECOND, 20 * SECOND, 3 * MINUTE]))
    while flying:
        arrive()
        desk.later(SECOND)
    desk.later(HOUR)
    desk.reconcile()
    assert desk.used() == desk.tenant.used(INFERENCE)
    books_nothing(desk)
    assert desk.ledger.verify().ok
    calls = {call["op"]: call["tokens"] for call in desk.calls()}
    for op, tokens in bills.items():  # each call's own, and nobody else's
        assert calls.get(op) == tokens


def test_the_demo_agrees_when_it_is_asked(at_demo):
    asksage_jupyter.ask("Name one ocean.", model=at_demo.model)
    found = reconcile()
    assert not found.changed, str(found)
    assert "they agree" in str(found)


@pytest.mark.long
def test_a_plugins_call_on_the_demo_is_settled_by_itself_and_told(shell, monkeypatch, tmp_path):
    """A plugin tells no bill: without a comparison its estimate would stay held."""
    with local.start(tmp_path / "demo", weights=local.fetch(), output_limit=8) as demo:
        for name, value in demo.environment.items():
            monkeypatch.setenv(name, value)
        AskSage.clear_instance()
        session = current()
        news = next(each for each in session.companions if isinstance(each, News))
        news._background._after_s = 0
        shell.run_cell_magic("asksage", "--plugin Summarize", "The sea is salt.")
        news._background._thread.join(WAIT_S)
    with capture_output() as captured:
        shell.run_cell("1")
    balance = session.ledger.balance(session.account).inference
    assert balance.held == 0 < balance.used
    told = [output.data["text/plain"] for output in captured.outputs]
    assert "[Compared with the local demo meanwhile: 1 bill found in the log.]" in told
