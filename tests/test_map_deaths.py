"""Maps whose process is killed at any step: nothing is sent twice, and the ledger has what was billed."""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import map_desk
import pytest
from ledger_desk import PROCESSES
from patience import WAIT_S, soon
from scripted import QUERY, envelope
from tenant import USED, questions
from test_map import said

import asksage_jupyter as sage
from asksage_jupyter.mapping import map as map_rows

pytestmark = pytest.mark.long

pytest_plugins = ["postgres_server"]

ROWS = 80


def billed(request):
    """A bill of its own for each row."""
    tokens = 5 + int(said(request)[-3:]) % 7
    usage = {"model_tokens": {"prompt_tokens": 60, "completion_tokens": 4}, "asksage_tokens": tokens}
    return envelope("good", usage=usage, provenance={"model": "sage-haiku"})


def started(*death, **environment):
    told = {**os.environ, **environment}
    process = PROCESSES.Process(target=map_desk.map_and_die, args=(told, ROWS, *death), daemon=True)
    process.start()
    return process


def ended(process):
    process.join(WAIT_S)
    return process.exitcode


def check(server, rows):
    """One more run ends it; what it shows, the ledger and the service agree."""
    mapped = map_rows([f"row {number:03}" for number in range(rows)], "Good? {value}")
    # A process may be killed between the head of a request and its body: nothing was asked then.
    asked = Counter(said(request) for request in questions(server) if request.content)
    assert max(asked.values()) == 1
    statuses = mapped.frame["status"].tolist()
    assert set(statuses) <= {"ok", "unknown"}
    bills = sum(5 + n % 7 for n, status in enumerate(statuses) if status == "ok")
    held = sum(call.tokens for call in in_doubt())
    inference = sage.balance().inference
    assert (inference.used - USED, inference.held) == (bills, held)
    assert len(in_doubt()) == statuses.count("unknown")
    return statuses.count("unknown")


def in_doubt():
    from asksage_jupyter.account import Meter
    from asksage_jupyter.session import current

    return current().ledger.unsettled(current().account, Meter.INFERENCE)


@pytest.fixture(params=["sqlite", "postgresql"])
def bills(request, server, monkeypatch, tmp_path):
    """A tenant, and a ledger in a file, then in a database."""
    server.on(QUERY, billed)
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        place = postgres.url("postgres", schema=postgres.new_schema())
        monkeypatch.setenv("ASKSAGE_LEDGER", place)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return server


def test_a_death_at_any_step_bills_nothing_twice(bills):
    deaths = 0
    for step in map_desk.STEPS:
        for when in ("before", "after"):
            code = ended(started(when, step, 6))
            assert code in (-9, 0)  # 0: too few rows were left to be killed there
            deaths += code == -9
    unknown = check(bills, ROWS)
    assert 0 < unknown <= 4 * deaths and deaths > len(map_desk.STEPS)


def test_two_runs_of_one_job_share_it_and_one_may_be_killed(bills):
    first, second = started(), started(BACKWARDS="1")
    soon(lambda: len(questions(bills)) >= 20)
    second.kill()
    assert ended(first) == 0
    assert ended(second) in (-9, 0)
    assert check(bills, ROWS) <= 4


def test_deaths_at_random_moments_bill_nothing_twice(bills):
    chance, deaths = random.Random(15), 5
    for _ in range(deaths):
        wanted = len(questions(bills)) + chance.randrange(1, 12)
        process = started()
        while process.is_alive() and len(questions(bills)) < wanted:
            time.sleep(0.001)
        process.kill()
        assert ended(process) in (-9, 0)  # 0: it was through before it was killed
    assert check(bills, ROWS) <= 4 * deaths
