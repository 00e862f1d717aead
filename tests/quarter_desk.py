"""A quarter of a year: two kernels and another device, faults, top-ups, plan changes, rollovers.

Ledger and service keep their books apart. The model is an echo: what is tested is the bookkeeping.
"""

import calendar
import os
import random
from contextlib import closing, contextmanager, suppress
from unittest import mock

import controlled
from ledger_desk import DAY, HOUR, SECOND, Clock, at

from asksage_jupyter.account import Call, Meter
from asksage_jupyter.errors import Interrupted, NotEnoughTokens, Refused, ReplyLost
from asksage_jupyter.ledger import new_op
from asksage_jupyter.reconciling import reconcile
from asksage_jupyter.service import Secret, Service
from asksage_jupyter.session import Session, build_query
from asksage_jupyter.session.asking import prompt
from asksage_jupyter.session.managing.plan import top_up
from asksage_jupyter.session.training.train import train
from asksage_jupyter.settings import AskSage

MONTHS = [(2026, 10), (2026, 11), (2026, 12)]
ALLOTMENT = 3_000
FAULTS = [
    "overloaded", "invalid-token", "drop-stream", "drop-reply", "late-log", "duplicate-log",
    "lagging-counters", "wrong-types", "gmt-dates",
]  # fmt: skip
WORDS = ["tide", "moon", "harbour", "salt", "gull", "lantern", "keel", "rope", "wind", "sand"]


class Quarter:
    """The service, two kernels on one ledger, and one clock for all of them.

    Parameters
    ----------
    mode : str
        ``calm``: each month ends with an evening of rest. ``completion``: so too, but a call is billed when
        it is answered, up to two minutes after it was sent. ``edge``: that, and kernels that are killed,
        faults and other devices to the month's last minute, after its last comparison.
    """

    def __init__(self, seed, service, control, mode="calm"):
        self.random = random.Random(seed)
        self.mode = mode
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
        """A month of days like any other, and perhaps an evening of rest; tells its end."""
        ends = at(year, month, calendar.monthrange(year, month)[1], 23, 59) + 60 * SECOND
        # A day before the edge: nearer to it, reconcile gives nothing back.
        rests = ends - DAY - 12 * HOUR
        to_rest = self.mode != "edge"
        self.act_until(rests - DAY if to_rest else ends - HOUR, 16 * 3600, {self.reconcile: 2})
        if to_rest:
            self.control.clear_faults()
            self.clock.t = rests
            for _ in range(3):
                self.pass_time(2 * 3600)
                self.reconcile()
        else:
            self.clock.t = ends - HOUR
            self.act_until(ends - 60 * SECOND, 600, {})
        return ends

    def act_until(self, end, pause, more):
        actions = {
            self.ask: 10, self.stop: 2, self.elsewhere: 3, self.teach: 2, self.fault: 5,
            self.change_plan: 0.5, self.request: 0.5, self.killed: self.mode == "edge", **more,
        }  # fmt: skip
        while True:
            self.pass_time(self.random.uniform(30, pause))
            if self.clock.t >= end:
                return
            (action,) = self.random.choices(list(actions), weights=list(actions.values()))
            action()

    def cross_midnight(self, ends):
        """Both kernels meet the new month, the second as the first has just begun it."""
        if self.mode != "calm":
            self.clock.t = ends - 20 * SECOND
            for kernel in self.kernels:
                self.clock.t = min(self.clock.t, ends - SECOND)
                self.ask(kernel)
        self.clock.t = ends + 60 * SECOND
        self.control.set_clock(self.clock.t)
        for kernel in self.kernels:
            self.ask(kernel)

    def close_month(self, ends):
        """In the new month, when nothing runs any more: one comparison; returns it, and one more."""
        self.control.clear_faults()
        self.clock.t = max(self.clock.t, ends + 3 * HOUR)
        self.control.set_clock(self.clock.t)
        self.ask(self.kernels[0])
        self.pass_time(600)
        once = reconcile(self.any_kernel, sleep=self.pass_time)
        self.pass_time(600)
        return once, reconcile(self.any_kernel, sleep=self.pass_time)

    def counters(self, t):
        """The service's own counters, as they stand at `t`."""
        self.control.set_clock(t)
        counters = {meter: self.kernels[0].service.used(meter) for meter in Meter}
        self.control.set_clock(self.clock.t)
        return counters

    def booked(self, period):
        """What the ledger has of a month."""
        first = self.kernels[0]
        return {meter: first.ledger.used_in(first.account, meter, period) for meter in Meter}

    @contextmanager
    def under_way(self):
        """A call lasts some time, and the service bills it at its end: by then it may be another month."""
        lasts = 0 if self.mode == "calm" else self.random.uniform(1, 120) * SECOND
        self.control.set_clock(self.clock.t + round(lasts))
        yield
        self.clock.t += round(lasts)
        self.control.set_clock(self.clock.t)

    def killed(self):
        """A kernel is killed on either side of its bill: its hold stays."""
        kernel, tokens = self.any_kernel, self.random.randint(5, 60)
        call = Call(new_op(), self.clock.t, self.service.model, Meter.INFERENCE, tokens)
        with self.meeting(Refused, NotEnoughTokens):
            kernel.make_contact()
            kernel.ledger.hold(kernel.account, call, due=self.clock.t + HOUR)
            with self.under_way():
                if self.random.random() < 0.5:
                    self.control.spend(self.random.randint(1, 2 * tokens), model=self.service.model)

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
        with self.under_way(), self.meeting(Refused, ReplyLost, NotEnoughTokens):
            prompt.ask(kernel, build_query(kernel, self.prompt(400), self.service.model, {}))

    def stop(self):
        def press(text):
            raise KeyboardInterrupt

        kernel = self.any_kernel
        with self.under_way(), self.meeting(Refused, ReplyLost, NotEnoughTokens, Interrupted):
            prompt.ask(kernel, build_query(kernel, self.prompt(60), self.service.model, {}), on_text=press)

    def elsewhere(self):
        self.control.spend(self.random.randint(1, 60), self.random.choice(list(Meter)))

    def teach(self):
        with self.under_way(), self.meeting(Refused, ReplyLost, NotEnoughTokens):
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


@contextmanager
def opened(seed, place, mode):
    """A quarter that is about to begin; the environment names its service."""
    with (
        controlled.start(place, allotment=ALLOTMENT) as service,
        mock.patch.dict(os.environ, service.environment),
        controlled.Control(service) as control,
    ):
        quarter = Quarter(seed, service, control, mode)
        with closing(quarter.kernels[0]), closing(quarter.kernels[1]):
            yield quarter


def disagreements(quarter):
    """Live through it; tell each closed month whose books differ, or that a second look changed."""
    wrong = []
    for year, month in MONTHS:
        period = f"{year}-{month:02d}"
        ends = quarter.live(year, month)
        quarter.cross_midnight(ends)
        once, again = quarter.close_month(ends)
        booked, counted = quarter.booked(period), quarter.counters(ends - SECOND)
        wrong += [
            f"{period}, {meter}: {booked[meter]:,}, by the service {counted[meter]:,}\n{once}"
            for meter in Meter
            if booked[meter] != counted[meter]
        ]
        if again.corrections or again.closed or again.settled:
            wrong.append(f"{period}: a second look booked\n{again}\nafter\n{once}")
        verified = quarter.kernels[0].ledger.verify()
        wrong += [f"{period}: {problem}" for problem in verified.problems]
    return wrong
