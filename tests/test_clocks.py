"""Kernels whose clocks are wrong, about a month's end: no month is begun early, given twice or lost."""

import random
from copy import copy
from email.utils import formatdate

import pytest
import scripted
from scripted import QUERY, envelope
from tenant import MODEL

from asksage_jupyter import month
from asksage_jupyter.account import Meter
from asksage_jupyter.errors import AskSageError
from asksage_jupyter.reconciling import reconcile
from asksage_jupyter.session import Session, build_query
from asksage_jupyter.session.asking.prompt import ask
from asksage_jupyter.session.clock import ALLOWED_APART, Clock
from asksage_jupyter.settings import AskSage

pytest_plugins = ["postgres_server"]
pytestmark = pytest.mark.long

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
LIMIT = 100_000
BILL = 63
# Right, a little ahead, far ahead into the next month, behind, and behind by so much that it is in the last.
SKEWS = (0, 4 * 60 * SECOND, 40 * DAY, -2 * HOUR, -3 * DAY)
USED, LEFT = "/server/count-monthly-tokens", "/server/count-monthly-tokens-left-with-org"
FULL = "/user/validate_token_with_full_user"


class World:
    """The true time, and a tenant that counts by it."""

    def __init__(self, server, monkeypatch, zone):
        self.t, self.zone, self.bills = month.bounds("2026-10", zone)[1] - 2 * DAY, zone, {}
        monkeypatch.setattr(
            scripted._Handler, "date_time_string", lambda *_: formatdate(self.t / SECOND, usegmt=True)
        )
        server.on(USED, lambda _: {"response": self.used, "status": 200})
        server.on(LEFT, lambda _: {"response": LIMIT - self.used, "status": 200})
        server.on(FULL, {"response": {"max_tokens": LIMIT, "max_train_tokens": 1}, "status": 200})
        server.on(QUERY, self.answer)
        self.rows = []
        server.on("/user/get-user-logs", self.page)

    @property
    def period(self):
        return month.period_at(self.t, self.zone)

    @property
    def used(self):
        return self.bills.get(self.period, 0)

    def answer(self, _):
        self.bills[self.period] = self.used + BILL
        row = {"id": len(self.rows) + 1, "date_time": month.to_datetime(self.t).isoformat(), "model": MODEL}
        row |= {"total_tokens": BILL, "prompt_tokens": 820, "completion_tokens": 4, "teach": "False"}
        self.rows.insert(0, row)
        return envelope("OK", provenance={"model": MODEL})

    def page(self, request):
        before = request.json.get("before_id") or 10**9
        return {"response": [row for row in self.rows if row["id"] < before][:100], "status": 200}

    def kernel(self, skew):
        """A kernel that begins now, and its machine's clock."""
        session = Session(copy(AskSage.instance()))
        session._guarded = Clock(lambda: self.t + skew, lambda: self.t / SECOND)
        session._clock = session._guarded
        return session


@pytest.fixture
def database(request, server, monkeypatch, tmp_path):
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        monkeypatch.setenv("ASKSAGE_LEDGER", postgres.url("postgres", schema=postgres.new_schema()))
        AskSage.clear_instance()


@pytest.mark.parametrize(
    ("database", "zone", "seed"),
    [
        ("sqlite", "UTC", 1),
        ("sqlite", "America/Havana", 1),  # where the 1st of November has two midnights
        ("postgres", "UTC", 2),
    ],
    indirect=["database"],
)
def test_wrong_clocks_begin_no_month_early_and_give_none_twice(server, monkeypatch, database, zone, seed):
    AskSage.instance().zone = zone
    world, chance = World(server, monkeypatch, zone), random.Random(seed)
    kernels = {skew: world.kernel(skew) for skew in SKEWS}
    right = kernels[0]
    assert right.account.zone == zone
    account, ends = right.account, month.bounds("2026-11", zone)[1] + 2 * DAY
    refused = 0
    while world.t < ends:
        skew = chance.choice(SKEWS)
        if skew and chance.random() < 0.2:  # a kernel is started anew, which has not heard of the time
            kernels[skew].close()
            kernels[skew] = world.kernel(skew)
        try:
            ask(kernels[skew], build_query(kernels[skew], "Say OK.", MODEL, {}))
        except AskSageError as error:
            refused += 1
            assert "\n" not in str(error)
        begun = month.period_at(world.t + ALLOWED_APART, zone)
        latest = [p for p in ("2026-10", "2026-11", "2026-12", "2027-01") if granted(right, p)]
        assert latest[-1] <= begun
        assert {granted(right, period) for period in latest} == {LIMIT}
        if chance.random() < 0.1:
            reconcile(right, sleep=lambda _: None)
        world.t += chance.choice([1, 60, 3_600, 30_000]) * SECOND
    reconcile(right, sleep=lambda _: None)
    months = [right.ledger.month(account, Meter.INFERENCE, p) for p in ("2026-10", "2026-11", "2026-12")]
    assert [each.given for each in months] == [LIMIT] * 3
    # Who is behind books a call to the month that is over: closing it gives that back.
    assert [each.used for each in months] == list(world.bills.values())
    assert not any(each.held for each in months)
    assert right.ledger.verify().ok
    assert refused == 0
    for session in kernels.values():
        session.close()


def granted(session, period):
    return session.ledger.month(session.account, Meter.INFERENCE, period).given
