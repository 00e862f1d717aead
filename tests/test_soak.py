"""A quarter of a year: two kernels and another device, faults, top-ups, plan changes, rollovers.

Ledger and service keep their books apart. Before each month ends they must agree to the token, on both
meters, and the chain of entries must verify. The model is an echo: what is tested is the bookkeeping.
"""

import calendar
import random
from contextlib import closing, contextmanager, suppress

import pytest
from ledger_desk import DAY, SECOND, Clock, at

from asksage_jupyter import local
from asksage_jupyter.account import Meter
from asksage_jupyter.errors import Interrupted, NotEnoughTokens, Refused, ReplyLost
from asksage_jupyter.local import Control
from asksage_jupyter.reconciling import reconcile
from asksage_jupyter.service import Secret, Service
from asksage_jupyter.session import Session, build_query
from asksage_jupyter.session.plan import top_up
from asksage_jupyter.session.training import train
from asksage_jupyter.settings import AskSage

MONTHS = [(2026, 10), (2026, 11), (2026, 12)]
ALLOTMENT = 3_000
FAULTS = [
    "overloaded", "invalid-token", "drop-stream", "drop-reply", "late-log", "duplicate-log",
    "lagging-counters", "wrong-types", "gmt-dates",
]  # fmt: skip
WORDS = ["tide", "moon", "harbour", "salt", "gull", "lantern", "keel", "rope", "wind", "sand"]


class Quarter:
    """The service, two kernels on one ledger, and one clock for all of them."""

    def __init__(self, seed, service, control):
        self.random = random.Random(seed)
        self.service, self.control = service, control
        self.clock = Clock(at(2026, 10, 1, 9))
        control.set_clock(self.clock.t)
        self.kernels = [self.kernel(), self.kernel()]
        self.kernels[0].service.add_dataset("notes")
        self.limit, self.receipts = ALLOTMENT, 0
        self.met = set()

    def kernel(self):
        session = Session(AskSage(), clock=self.clock)
        session.service = Service(
            self.service.url,
            Secret(self.service.key),
            email=self.service.email,
            sleep=lambda seconds: None,
            clock=lambda: self.clock.t / 1e6,
        )
        return session

    @property
    def any_kernel(self):
        return self.random.choice(self.kernels)

    def pass_time(self, seconds):
        self.clock.t += round(seconds * SECOND)
        self.control.set_clock(self.clock.t)

    def live(self, year, month):
        """A month of days like any other, and an evening on which all comes to rest."""
        # A day before the edge: nearer to it, reconcile gives nothing back.
        end = at(year, month, calendar.monthrange(year, month)[1], 12) - DAY
        actions = {
            self.ask: 10, self.stop: 2, self.elsewhere: 3, self.teach: 2, self.fault: 5,
            self.change_plan: 0.5, self.request: 0.5, self.reconcile: 2,
        }  # fmt: skip
        while self.clock.t < end - DAY:
            self.pass_time(self.random.uniform(30, 16 * 3600))
            (action,) = self.random.choices(list(actions), weights=list(actions.values()))
            action()
        self.control.clear_faults()
        self.clock.t = end
        for _ in range(3):
            self.pass_time(2 * 3600)
            self.reconcile()

    def cross_midnight(self, year, month):
        """Both kernels meet the new month, the second as the first has just begun it."""
        self.clock.t = at(year, month, calendar.monthrange(year, month)[1], 23, 59) + 2 * 60 * SECOND
        self.control.set_clock(self.clock.t)
        for kernel in self.kernels:
            self.ask(kernel)

    def prompt(self, most):
        return " ".join(self.random.choices(WORDS, k=self.random.randint(3, most)))

    @contextmanager
    def meeting(self, *errors):
        try:
            yield
        except errors as error:
            self.met.add(type(error).__name__)

    def ask(self, kernel=None):
        kernel = kernel or self.any_kernel
        with self.meeting(Refused, ReplyLost, NotEnoughTokens):
            kernel.ask(build_query(kernel, self.prompt(400), self.service.model, {}))

    def stop(self):
        def press(text):
            raise KeyboardInterrupt

        kernel = self.any_kernel
        with self.meeting(Refused, ReplyLost, NotEnoughTokens, Interrupted):
            kernel.ask(build_query(kernel, self.prompt(60), self.service.model, {}), on_text=press)

    def elsewhere(self):
        self.control.spend(self.random.randint(1, 60), self.random.choice(list(Meter)))

    def teach(self):
        with self.meeting(Refused, ReplyLost, NotEnoughTokens):
            train(self.any_kernel, self.prompt(200), "notes")

    def fault(self):
        # Three times in a row outlast the retries.
        self.control.fault(self.random.choice(FAULTS), times=self.random.choice([1, 3]))

    def change_plan(self):
        self.limit = max(500, self.limit + self.random.randint(-500, 500))
        self.control.plan(max_tokens=self.limit)

    def request(self):
        """More tokens this month; bought ones are booked by receipt, others are left for reconcile to see."""
        kernel = self.any_kernel
        with self.meeting(Refused, ReplyLost):
            kernel.service.request_tokens(200, "a longer report")
            if self.random.random() < 0.5:
                self.receipts += 1
                top_up(kernel, 200, "inference", f"receipt-{self.receipts}", None)

    def reconcile(self):
        with suppress(Refused):
            reconcile(self.any_kernel, sleep=self.pass_time)


@pytest.mark.parametrize("seed", range(10))
def test_ledger_and_service_agree_to_the_token(seed, tmp_path, monkeypatch):
    place = tmp_path / "service"
    with local.start(place, weights=local.ECHO, controlled=True, allotment=ALLOTMENT) as service:
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        with Control(service) as control:
            quarter = Quarter(seed, service, control)
            with closing(quarter.kernels[0]) as first, closing(quarter.kernels[1]):
                for year, month in MONTHS:
                    quarter.live(year, month)
                    for meter in Meter:
                        used = first.service.used(meter)
                        assert first.ledger.used_in(first.account, meter) == used, (month, meter)
                    balance = first.balance()
                    assert max(0, balance.inference.remaining) == first.service.left(), month
                    assert first.ledger.verify().ok
                    quarter.cross_midnight(year, month)
                assert {"Interrupted", "ReplyLost"} <= quarter.met
