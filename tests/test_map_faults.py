"""What may go wrong while a table is asked: service, store, ledger, clock, and others who spend."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from ledger_desk import a_bill, a_call
from patience import WAIT_S
from postgres_server import running
from scripted import QUERY, Played, envelope
from tenant import USED, questions
from test_faults_disk import CAN_MOUNT
from test_map import billed, said, standing

import asksage_jupyter as sage
from asksage_jupyter.account import Account, Meter
from asksage_jupyter.errors import AskSageError, JobStopped, NotEnoughTokens, Unavailable
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.mapping import map as map_rows
from asksage_jupyter.mapping.outcome import Outcome, RowStatus
from asksage_jupyter.mapping.planning.sheet import Task
from asksage_jupyter.mapping.running.crew import Crew
from asksage_jupyter.month import now, period_at
from asksage_jupyter.service import Query
from asksage_jupyter.session import current, forget
from asksage_jupyter.session.keeping.file import StoreUnusable
from asksage_jupyter.session.keeping.keys import keyed
from asksage_jupyter.session.keeping.replies import Replies
from asksage_jupyter.session.keeping.store import open_replies

ROWS = [f"row {number:03}" for number in range(40)]


def outcome_of(run):
    """What a map comes to, whether or not it is stopped."""
    try:
        return run()
    except JobStopped as stopped:
        return stopped.result


def at_call(server, number, do, reply=None):
    """Let the tenant do something at its `number`-th question from now on; all are answered at 7 tokens."""
    before, lock = len(questions(server)), threading.Lock()

    def answer(request):
        with lock:
            if len(questions(server)) - before >= number and do not in done:
                done.append(do)
                do()
        return billed("good", 7) if reply is None else reply(request)

    done = []
    server.on(QUERY, answer)
    return done


def asked_once(server):
    return max(Counter(map(said, questions(server))).values()) == 1


def store():
    return current().ledger.outbox.with_suffix(".replies")


# -- the key ------------------------------------------------------------------------------------------

FIELDS = {
    "prompt": ["", "a", "aa", "1:a", "-", "é", "e\u0301", "\ud800"],
    "model": ["a", "aa"],
    "system": [None, "", "a", "-"],
    "persona": [None, 0, 1, 11],
    "dataset": ["none", "a"],
    "live": [0, 1, 2],
    "temperature": [None, 0.0, 0.1, 1],
    "reasoning": [None, "low", "high"],
    "history": [(), (("a", "a"),), (("a", ""),), (("", "a"),), (("a", "a"), ("a", "a"))],
}


def test_of_ten_thousand_pairs_the_keys_are_equal_where_all_that_is_sent_is():
    chance, account = random.Random(15), Account("api.example", "ada@example.org")
    equal = 0
    for _ in range(10_000):
        one = {name: chance.choice(values) for name, values in FIELDS.items()}
        other = {
            name: chance.choice(values) if chance.random() < 0.15 else one[name]
            for name, values in FIELDS.items()
        }
        draws = [chance.choice((0, 0, 1)) for _ in range(2)]
        keys = [
            keyed(Query(**fields), account)(fields["prompt"], draw)
            for fields, draw in zip((one, other), draws, strict=True)
        ]
        is_same = one == other and draws[0] == draws[1]
        assert (keys[0] == keys[1]) is is_same, (one, other, draws)
        equal += is_same
    assert 1_000 < equal < 9_000
    query = Query(**one)
    assert keyed(query, account)("a") != keyed(query, replace(account, holder="bob@example.org"))("a")
    assert keyed(query, account)("a") != keyed(query, replace(account, host="other.example"))("a")
    assert keyed(query, account)("a") == keyed(query, replace(account, zone="Asia/Tokyo"))("a")


# -- the service --------------------------------------------------------------------------------------


def test_a_retry_after_rests_all_together_and_is_waited_out_once():
    clock, rests = [0.0], []

    def tick():
        clock[0] += 6.0  # each look
        return clock[0]

    tries = Counter()

    def send(task, may_send):
        tries[task.key] += 1
        if sum(tries.values()) in (3, 4):  # two under way together
            raise Unavailable("slow down", retry_after_s=100.0)
        rests.append(clock[0])
        return Outcome(RowStatus.OK)

    crew = Crew(send, [Task(str(n), bytes([n])) for n in range(12)], most=2, clock=tick)
    crew.start()
    while not crew.is_over:
        crew.wait(0.1)
    assert crew.failure is None
    assert len(crew.outcomes) == 12
    assert sum(tries.values()) == 14  # nobody else repeats a call: the job owns the pauses
    gaps = [after - before for before, after in pairwise(rests)]
    assert sum(gap >= 90 for gap in gaps) == 1


def test_a_retry_after_of_ten_minutes_is_told_and_not_waited_for():
    def send(task, may_send):
        raise Unavailable("try again in 10 minutes", retry_after_s=601.0)

    crew = Crew(send, [Task("a", b"a")], most=2)
    crew.start()
    while not crew.is_over:
        crew.wait(0.1)
    assert "10 minutes" in str(crew.failure)


def test_ten_minutes_without_one_reply_end_it():
    clock = [0.0]

    def tick():
        clock[0] += 20.0
        return clock[0]

    def send(task, may_send):
        raise Unavailable("slow down", retry_after_s=90.0)

    crew = Crew(send, [Task("a", b"a"), Task("b", b"b")], most=2, clock=tick)
    crew.start()
    while not crew.is_over:
        crew.wait(0.1)
    assert "slow down" in str(crew.failure)
    assert not crew.outcomes


@pytest.mark.parametrize(
    "half",
    [
        Played(billed("good", 7), drop_at=10),
        Played(billed("good", 7), drop_at=0),
        Played(json.dumps(billed("good", 7)).encode()[:-30]),
        Played(b"<html>bad gateway</html>", status=502),
    ],
    ids=["cut", "only a head", "half a JSON", "502"],
)
def test_every_seventh_reply_comes_half_and_is_not_asked_again(server, half):
    server.on(QUERY, lambda request: half if int(said(request)[-3:]) % 7 == 6 else billed("good", 7))
    mapped = map_rows(ROWS, "Good? {value}")
    statuses = mapped.frame["status"].tolist()
    assert statuses.count("unknown") == 5
    assert statuses.count("ok") == 35
    server.on(QUERY, billed("good", 7))
    assert map_rows(ROWS, "Good? {value}").tokens == 0
    assert asked_once(server)
    inference = sage.balance().inference
    assert inference.used == USED + 35 * 7
    assert inference.held == sum(
        call.tokens for call in current().ledger.unsettled(current().account, Meter.INFERENCE)
    )


def test_overloaded_told_with_200_is_waited_for(server, monkeypatch):
    monkeypatch.setattr("asksage_jupyter.mapping.running.flow._PAUSES_S", (0.01, 0.05))
    sorry = envelope("Sorry, overloaded", status=400, response="Sorry, the model is overloaded", usage=None)
    server.on(QUERY, *[billed("good", 7)] * 6, sorry, billed("good", 7))
    mapped = map_rows(ROWS[:12], "Good? {value}", workers=1)
    assert set(mapped.frame["status"]) <= {"ok", "refused"}
    assert mapped.tokens == 7 * (mapped.frame["status"] == "ok").sum()
    assert standing() == (USED + mapped.tokens, 0)


def test_a_key_that_is_revoked_ends_it_and_nothing_stays_held(server):
    revoked = Played({"message": "Token is invalid", "status": 401}, status=401)
    server.on(QUERY, *[billed("good", 7)] * 12, revoked)
    with pytest.raises(JobStopped) as stopped:
        map_rows(ROWS, "Good? {value}", workers=2)
    assert stopped.value.result.tokens == 84
    assert standing() == (USED + 84, 0)


# -- the store ----------------------------------------------------------------------------------------


def test_a_store_on_a_network_disk_works_without_shared_memory(server, monkeypatch):
    monkeypatch.setattr("asksage_jupyter.session.keeping.file.is_on_network", lambda path: True)
    server.on(QUERY, billed("canary-9b", 7))
    map_rows(ROWS, "Good? {value}")
    assert map_rows(ROWS, "Good? {value}").tokens == 0
    with closing(sqlite3.connect(store())) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert not list(store().parent.glob("*.replies-wal"))
    with closing(open_replies(current())) as replies:
        assert replies.clear() == 40
    assert b"canary-9b" not in store().read_bytes()


@pytest.mark.parametrize("damage", ["no database", "newer", "read-only"])
def test_nothing_is_sent_without_a_store(server, damage, monkeypatch):
    server.on(QUERY, billed("good", 7))
    map_rows(ROWS[:3], "Good? {value}")
    forget()
    path, before = store(), len(questions(server))
    if damage == "no database":
        path.write_bytes(b"no database at all" * 500)
    elif damage == "newer":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version=99")
    connect, opened = sqlite3.connect, []

    def connected(name, **options):
        if damage == "read-only":
            name, options = f"file:{name}?mode=ro", options | {"uri": True}
        opened.append(connect(name, **options))
        return opened[-1]

    monkeypatch.setattr("asksage_jupyter.session.keeping.replies.sqlite3.connect", connected)
    # A store that can be read shows what it has; a claim cannot be written into it.
    with pytest.raises((StoreUnusable, JobStopped), match=r"store of replies|newer version"):
        map_rows(ROWS, "Good? {value}")
    forget()  # the ledger's
    assert len(questions(server)) == before
    assert opened
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
    assert standing() == (USED + 21, 0)


def test_a_store_that_was_deleted_is_made_anew_and_asks_again(server):
    server.on(QUERY, billed("good", 7))
    map_rows(ROWS[:3], "Good? {value}")
    for path in store().parent.glob("*.replies*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert map_rows(ROWS[:3], "Good? {value}").tokens == 21
    assert standing() == (USED + 42, 0)


@pytest.mark.long
@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(CAN_MOUNT.split(), capture_output=True).returncode != 0,
    reason="no right to mount a small disk here",
)
def test_a_disk_that_is_full_in_mid_job_sends_no_more_and_loses_no_reply(server, tmp_path):
    server.on(QUERY, billed("good", 7))
    desk = Path(__file__).with_name("map_desk.py")
    script = 'mount -t tmpfs -o size=8m none "$1" && exec "$2" -W ignore "$3" 40 full "$1"'
    command = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
        tmp_path,
        sys.executable,
        desk,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert "full" in told["stopped"] or "store of replies" in told["stopped"]
    assert told["sent"] < 40
    assert told["lost"] == 0
    assert told["statuses"] == ["ok"]
    assert asked_once(server)
    assert told["standing"] == [USED + 7 * 40, 0]


# -- the ledger, the clock, and others who spend ------------------------------------------------------


def test_the_months_edge_in_mid_job_books_each_call_in_its_own_month(server, monkeypatch):
    zone, start = "UTC", now()
    months = [period_at(start, zone), period_at(start + 32 * 86_400 * 1_000_000, zone)]
    later = [0]
    session = current()
    monkeypatch.setattr(session, "_clock", lambda: now() + later[0])
    sage.balance()

    def pass_the_edge():
        later[0] = 32 * 86_400 * 1_000_000

    at_call(server, 15, pass_the_edge)
    mapped = map_rows(ROWS, "Good? {value}", workers=4)
    assert mapped.count(RowStatus.OK) == 40
    used = [
        figures.used
        for figures in (session.ledger.month(session.account, Meter.INFERENCE, m) for m in months)
    ]
    assert used[0] >= USED + 14 * 7
    assert sum(used) == USED + 40 * 7
    assert session.ledger.verify().problems == ()


def spend_the_rest(server):
    """As another notebook of the account does, between two calls of the map."""
    with closing(Ledger(current().settings.ledger)) as ledger:
        account, is_spent = current().account, False
        while not is_spent:
            left = ledger.balance(account).inference.remaining
            call = a_call(left, now)
            with suppress(NotEnoughTokens):
                ledger.hold(account, call, due=now() + 3_600_000_000)
                ledger.settle(call.op, a_bill(left))
                is_spent = True


def lower_the_plan(server):
    told = {"response": {"max_tokens": 500, "max_train_tokens": 10}, "status": 200}
    server.on("/user/validate_token_with_full_user", told)
    sage.set_plan(inference=500)


@pytest.mark.parametrize("do", [spend_the_rest, lower_the_plan])
def test_what_others_take_in_mid_job_ends_it_cleanly(server, do):
    done = at_call(server, 12, partial(do, server))
    with pytest.raises(JobStopped, match="not enough inference tokens") as stopped:
        map_rows(ROWS, "Good? {value}", workers=4)
    assert done
    result = stopped.value.result
    assert result.count(RowStatus.UNSENT) > 0
    assert result.count(RowStatus.OK) == len(questions(server))
    assert standing()[1] == 0
    assert current().ledger.verify().problems == ()
    sage.set_plan(inference=1_000_000)
    assert map_rows(ROWS, "Good? {value}", budget=100_000).count(RowStatus.OK) == 40
    assert asked_once(server)


def test_a_comparison_with_the_service_during_a_job_takes_nothing_away(server):
    found, threads = [], []

    def counter(request):
        return {"response": USED + 7 * len(questions(server)), "status": 200}

    server.on("/server/count-monthly-tokens", counter)

    def compare():
        threads.append(threading.Thread(target=lambda: found.append(sage.reconcile())))
        threads[0].start()

    at_call(server, 10, compare)
    assert map_rows(ROWS, "Good? {value}", workers=4).tokens == 280
    threads[0].join(WAIT_S)
    assert found
    assert standing() == (USED + 280, 0)
    assert current().ledger.verify().problems == ()


@pytest.fixture
def ten_minutes(monkeypatch):
    """Let ten minutes of a map pass at once, within a call, which is under way until the map drains."""
    passed, drain, drains = [0.0], Crew.drain, threading.Event()

    def drained(crew):
        drain(crew)
        drains.set()

    def do(passes_s=601, slow_s=0):
        passed[0] += passes_s
        assert passed[0] < 600 or drains.wait(WAIT_S)
        passed[0] += slow_s

    timer = SimpleNamespace(monotonic=lambda: passed[0], sleep=lambda seconds: None)
    monkeypatch.setattr("asksage_jupyter.mapping.running.interim.time", timer)
    monkeypatch.setattr(Crew, "drain", drained)
    yield do
    assert drains.is_set()


@pytest.mark.parametrize(("elsewhere", "ends"), [(1_000, False), (199_450, True)])
def test_a_long_job_rests_every_ten_minutes_and_sees_what_others_used(server, ten_minutes, elsewhere, ends):
    sage.balance()
    held_then, after = [], [0]

    def others_spend():
        after[0] = elsewhere
        ten_minutes()

    def counter(request):
        if after[0]:
            held_then.append(standing()[1])
        return {"response": USED + 7 * len(questions(server)) + after[0], "status": 200}

    server.on("/server/count-monthly-tokens", counter)
    at_call(server, 12, others_spend)
    result = outcome_of(lambda: map_rows(ROWS, "Good? {value}", workers=4))
    asked = len(questions(server))
    assert set(held_then) == {0}
    assert standing() == (USED + 7 * asked + elsewhere, 0)
    assert result.count(RowStatus.OK) == asked
    assert (asked < 40) is ends
    assert current().ledger.verify().problems == ()


def test_a_job_goes_on_where_the_comparison_fails(server, ten_minutes):
    sage.balance()
    server.on("/server/count-monthly-tokens", Played(b"broken"))
    server.on("/user/validate_token_with_full_user", Played(b"broken"))
    at_call(server, 12, ten_minutes)
    assert map_rows(ROWS, "Good? {value}", workers=4).tokens == 280


def test_one_slow_call_keeps_the_others_from_being_sent_for_half_a_minute_at_most(server, ten_minutes):
    first, others = threading.Lock(), threading.Event()

    def reply(request):
        number = len(questions(server))
        if number >= 12 and first.acquire(blocking=False):
            ten_minutes(slow_s=31)
            assert others.wait(WAIT_S)
        elif number > 16:  # more than were under way then
            others.set()
        return billed("good", 7)

    server.on(QUERY, reply)
    assert map_rows(ROWS, "Good? {value}", workers=4).count(RowStatus.OK) == 40


def test_the_ten_minutes_are_those_of_the_job_and_not_of_each_round(server, ten_minutes):
    first, after = threading.Lock(), [0]

    def counter(request):
        return {"response": USED + 7 * len(questions(server)) + after[0], "status": 200}

    def reply(request):
        if "does not fit" not in said(request):
            if first.acquire(blocking=False):
                ten_minutes(passes_s=400)
            number = said(request).splitlines()[0][-3:]
            return billed(f"hm {number}" if int(number) % 8 == 0 else "good", 7)
        after[0] = 1_000
        ten_minutes(passes_s=201)  # in each: the last of the five is not asked before the others rest
        return billed("good", 7)

    sage.balance()
    server.on("/server/count-monthly-tokens", counter)
    server.on(QUERY, reply)
    assert map_rows(ROWS, "Good? {value}", schema=["good", "bad"], workers=4).count(RowStatus.OK) == 40
    assert standing() == (USED + 45 * 7 + 1_000, 0)


def test_a_stop_during_the_comparison_sends_no_more(server, ten_minutes, monkeypatch):
    def interrupted(parties):
        raise KeyboardInterrupt

    monkeypatch.setattr("asksage_jupyter.mapping.running.interim.run", interrupted)
    at_call(server, 12, ten_minutes)
    with pytest.raises(JobStopped, match="stopped") as stopped:
        map_rows(ROWS, "Good? {value}", workers=4)
    assert stopped.value.result.count(RowStatus.OK) == len(questions(server)) < 40
    assert standing()[1] == 0


@pytest.mark.long
def test_a_ledger_server_that_goes_in_mid_job_stops_it_and_running_it_again_bills_nothing_twice(
    server, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with running() as postgres:
        monkeypatch.setenv("ASKSAGE_LEDGER", postgres.url("postgres", schema=postgres.new_schema()))
        forget()
        sage.balance()
        at_call(server, 14, lambda: postgres.stop(signal.SIGQUIT))
        with pytest.raises((JobStopped, AskSageError)):
            map_rows(ROWS, "Good? {value}", workers=4)
        sent = len(questions(server))
        assert sent < 40
        postgres.start()
        forget()
        again = map_rows(ROWS, "Good? {value}")
        assert asked_once(server)
        assert again.count(RowStatus.OK, RowStatus.UNKNOWN) == 40
        assert sage.balance().inference.used == USED + 7 * again.count(RowStatus.OK)
        assert current().ledger.verify().problems == ()
        forget()


def test_a_run_that_ends_while_another_looks_leaves_no_doubt(server, monkeypatch):
    """A claim is read, then its run keeps the reply and ends: it did not die with nothing."""
    server.on(QUERY, billed("good", 7))
    session = current()
    sage.balance()
    call = session.settling.call("sage-haiku", 7)
    session.settling.hold(call)
    query = Query(prompt="?", model="sage-haiku", system="Answer with the value only.")
    key = keyed(query, session.account)("Good? row 000")
    with closing(open_replies(session)) as replies:
        owner = replies.owner()
        assert replies.claim(key, call.op, owner, "job")
        is_alive = Replies.is_alive

        def ends_meanwhile(self, name):
            monkeypatch.setattr(Replies, "is_alive", is_alive)
            replies.keep(key, call.op, "good", "sage-haiku", a_bill(7))
            session.ledger.settle(call.op, a_bill(7))
            owner.close()
            return is_alive(self, name)

        monkeypatch.setattr(Replies, "is_alive", ends_meanwhile)
        mapped = map_rows(["row 000"], "Good? {value}")
    assert mapped.frame["how"].tolist() == ["replayed"]
    assert not questions(server)
