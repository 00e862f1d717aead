"""Many threads, many processes, one file: races, kill -9, forks and changes made elsewhere."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ledger_desk import (
    DAY,
    HOUR,
    INFERENCE,
    ME,
    PROCESSES,
    Clock,
    a_bill,
    a_call,
    figures,
    hold_once,
    hold_the_gate,
    open_and_close,
    race,
    write_until_killed,
)
from patience import WAIT_S

from asksage_jupyter.errors import LedgerError
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.ledger.stores.gate import Gate
from asksage_jupyter.locks import take
from asksage_jupyter.month import now

pytestmark = pytest.mark.long

pytest_plugins = ["postgres_server"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


def test_four_processes_of_32_threads_never_hold_more_than_is_granted(where):
    ledger = Ledger(where)
    ledger.set_plan(ME, INFERENCE, 2000, source="me")
    start, results = PROCESSES.Barrier(4), PROCESSES.Queue()
    racers = [PROCESSES.Process(target=race, args=(where, 32, 7, start, results)) for _ in range(4)]
    for racer in racers:
        racer.start()
    outcomes = [results.get(timeout=WAIT_S) for _ in racers]
    for racer in racers:
        racer.join()
    assert [wrong for _, wrong in outcomes] == [[]] * 4
    assert sum(won for won, _ in outcomes) == 2000 // 7 * 7
    assert figures(ledger) == (2000, 2000 // 7 * 7, 0)
    assert ledger.verify().problems == ()
    assert len(ledger.calls()) == 2000 // 7
    ledger.close()


def test_threads_that_open_their_own_ledger_share_the_file(where):
    Ledger(where).set_plan(ME, INFERENCE, 10_000, source="me")
    wrong = []

    def spend():
        try:
            ledger = Ledger(where)
            for _ in range(10):
                call = a_call(5, now)
                ledger.hold(ME, call, due=now() + HOUR)
                ledger.settle(call.op, a_bill(5))
            ledger.close()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=spend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger = Ledger(where)
    assert wrong == []
    assert figures(ledger) == (10_000, 300, 0)
    ledger.close()


def killed_writer(path, after):
    """What a writer acknowledged before it was killed, as ``{op: last word}``."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    writer = PROCESSES.Process(target=write_until_killed, args=(path, theirs))
    writer.start()
    theirs.close()
    words = {}
    try:
        while True:
            word, op = ours.recv()
            words[op] = word
            if len(words) == after:
                writer.kill()  # what it does meanwhile is still read
    except EOFError:
        writer.join()
    return words


def test_what_a_killed_writer_acknowledged_is_there_exactly_once(where):
    ledger = Ledger(where)
    ledger.set_plan(ME, INFERENCE, 10**6, source="me")
    ledger.close()
    acknowledged, mutex = {}, threading.Lock()

    def keep_killing(writer):
        for round_ in (0, 2, 5):
            words = killed_writer(where, after=2 + 5 * round_ + 3 * writer)
            with mutex:
                acknowledged.update(words)

    killers = [threading.Thread(target=keep_killing, args=(writer,)) for writer in range(4)]
    for killer in killers:
        killer.start()
    for killer in killers:
        killer.join()

    ledger = Ledger(where)
    assert ledger.verify().problems == ()
    listed = [row[0] for row in ledger.calls()]
    settled = {op for op, word in acknowledged.items() if word == "settled"}
    assert len(listed) == len(set(listed))
    assert settled <= set(listed)
    for op, word in acknowledged.items():  # a retry of everything converges, whatever had happened
        call = a_call(3, now)
        ledger.hold(ME, type(call)(op, call.sent_at, call.model, call.meter, 3), due=now() + DAY)
        ledger.settle(op, a_bill(2))
        assert word in ("sent", "held", "settled")
    assert {row[0] for row in ledger.calls()} == set(acknowledged)
    assert figures(ledger) == (10**6, 2 * len(acknowledged), 0)
    assert ledger.verify().problems == ()
    ledger.close()


def test_two_openers_presume_each_hold_once(where):
    clock = Clock()
    ledger = Ledger(where, clock=clock)
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    for _ in range(20):
        ledger.hold(ME, a_call(10, clock), due=clock() + HOUR)
    start, results = PROCESSES.Barrier(4), PROCESSES.Queue()
    args = (where, clock() + 2 * HOUR, start, results)
    openers = [PROCESSES.Process(target=open_and_close, args=args) for _ in range(4)]
    for opener in openers:
        opener.start()
    assert [results.get(timeout=WAIT_S) for _ in openers] == ["ok"] * 4
    for opener in openers:
        opener.join()
    assert figures(ledger) == (1000, 200, 0)
    assert ledger.verify().entries == 1 + 20 + 20
    ledger.close()


def test_many_processes_may_make_the_file_at_once(path):
    start, results = PROCESSES.Barrier(6), PROCESSES.Queue()
    args = (path.parent / "new" / "folder" / path.name, now(), start, results)
    openers = [PROCESSES.Process(target=open_and_close, args=args) for _ in range(6)]
    for opener in openers:
        opener.start()
    assert [results.get(timeout=WAIT_S) for _ in openers] == ["ok"] * 6
    for opener in openers:
        opener.join()


def test_a_watch_sees_the_commit_of_another_process_and_of_this_one(where):
    clock = Clock()
    ledger = Ledger(where, clock=clock)
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    seen, times = threading.Event(), []

    def fail_first():
        times.append(figures(ledger))
        seen.set()
        if len(times) == 1:
            raise RuntimeError("a display that fails")

    stop = ledger.watch(fail_first, interval_s=0.01)
    other = PROCESSES.Process(target=hold_once, args=(where, clock(), (new_op(), 40)))
    other.start()
    other.join()
    assert seen.wait(WAIT_S)
    assert times[-1] == (1000, 0, 40)
    seen.clear()
    ledger.correct(ME, INFERENCE, 2, op=new_op())
    assert seen.wait(WAIT_S)
    assert times[-1] == (1000, 2, 40)
    stop()
    stop()
    seen.clear()
    ledger.correct(ME, INFERENCE, 2, op=new_op())
    assert not seen.wait(0.05)
    ledger.close()


def test_a_watch_where_threads_cannot_start_does_nothing(where, monkeypatch):
    ledger = Ledger(where)

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    ledger.watch(lambda: None)()
    ledger.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_opens_its_own_but_for_what_its_parent_is_writing(path):
    # In a process of its own: the test runner has threads, which a fork would lose.
    code = """
import multiprocessing, os, sys, threading
from ledger_desk import *
from asksage_jupyter import forks
from asksage_jupyter.errors import LedgerError
from asksage_jupyter.ledger.stores.sqlite.driver import FileConnection
path = Path(sys.argv[1])

def spend(ledger):
    call = a_call(5)
    ledger.hold(ME, call, due=ledger._clock() + HOUR)
    ledger.settle(call.op, a_bill(5))

def fork(child):
    pid = os.fork()
    if not pid:
        try:
            child()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return lambda: os.waitpid(pid, 0)[1] == 0 or sys.exit("the child failed")

def is_refused():
    other = path.with_name("another.sqlite")  # SQLite itself is locked, whatever the file
    opens = (lambda: Ledger(path), lambda: Ledger(other))
    for move in (lambda: spend(ledger), lambda: ledger.balance(ME), *opens):
        try:
            move()
        except LedgerError as error:
            assert "forked" in str(error)
        else:
            os._exit(1)

ledger = Ledger(path)
ledger.set_plan(ME, INFERENCE, 1000, source="me")
spend(ledger)
fork(lambda: Ledger(path.with_name("another.sqlite")).balance(ME))()
reader = ledger._store.connect()  # a watch, or a display, has one in use
fork(is_refused)()
reader.close()
stop = ledger.watch(lambda: None, interval_s=0.01)
def spends():
    spend(ledger)
    with multiprocessing.get_context("fork").Pool(2) as pool:  # forks a child that was forked
        pool.map(spend_there, [path] * 4)
    Ledger(path).balance(ME)
def spend_there(path):
    spend(Ledger(path))
joins = [fork(spends) for _ in range(3)]
spend(ledger)
for join in joins:
    join()
stop()
inside, leave = threading.Event(), threading.Event()
thread = threading.Thread(target=ledger._store.write, args=(lambda connection: inside.set() or leave.wait(),))
thread.start()
inside.wait()
fork(is_refused)()  # while another thread writes
leave.set()
thread.join()
inside.clear(), leave.clear()
pipe = path.with_name("pipe")
os.mkfifo(pipe)
thread = threading.Thread(target=FileConnection, args=(f"file:{pipe}?mode=ro",), kwargs={"uri": True})
thread.start()
while not forks._open:
    time.sleep(0)
fork(is_refused)()  # while another thread is within SQLite, here opening a file that nobody writes to yet
os.close(os.open(pipe, os.O_WRONLY))
thread.join()
inside.clear(), leave.clear()
reader = ledger._store.connect()
reader.connection.driver_connection._cursors.append(lambda: inside.set() or leave.wait() and None)
thread = threading.Thread(target=reader.close, daemon=True)
thread.start()
inside.wait()
fork(is_refused)()  # while another thread closes it
leave.set()
thread.join()
spend(ledger)
ledger.close()
fork(lambda: spend(ledger))()
spend(ledger)
assert ledger.verify().ok
print(figures(ledger))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, path], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    assert done.stdout == "(1000, 100, 0)\n", done.stderr


# The gate


def test_the_gate_lets_threads_pass_in_the_order_they_came(tmp_path):
    gate, order = Gate(tmp_path / "lock", wait_s=WAIT_S), []

    def pass_through(number):
        with gate:
            order.append(number)

    threads = []
    with gate:
        for number in range(8):
            threads.append(threading.Thread(target=pass_through, args=(number,)))
            threads[-1].start()
            while len(gate._waiting) <= number:
                time.sleep(0.0005)
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_who_has_just_left_the_gate_passes_after_who_waited(tmp_path, monkeypatch):
    the_gate, order = tmp_path / "lock", []
    gate = Gate(the_gate, wait_s=WAIT_S)
    other = Gate(the_gate, wait_s=WAIT_S)  # as another process has it
    is_next = threading.Event()

    def take_and_tell(file, *, wait):
        if wait and Path(file.name) == the_gate:
            is_next.set()  # it has the next one's place, and keeps it while it waits for the gate
        return take(file, wait=wait)

    def pass_through():
        with other:
            order.append("other")

    monkeypatch.setattr("asksage_jupyter.locks.take", take_and_tell)
    for _ in range(20):
        with gate:
            thread = threading.Thread(target=pass_through)
            thread.start()
            assert is_next.wait(WAIT_S)
        with gate:
            order.append("again")
        thread.join()
        is_next.clear()
    assert order == ["other", "again"] * 20


def test_a_wait_at_the_gate_is_bounded_and_leaves_no_trace(tmp_path):
    holding, leave = PROCESSES.Event(), PROCESSES.Event()
    other = PROCESSES.Process(target=hold_the_gate, args=(tmp_path / "lock", holding, leave), daemon=True)
    other.start()
    assert holding.wait(WAIT_S)
    gate = Gate(tmp_path / "lock", wait_s=0.02)
    for _ in range(2):
        with pytest.raises(LedgerError, match="busy"), gate:
            raise AssertionError("two are in the gate")
    leave.set()
    other.join()
    patient = Gate(tmp_path / "lock", wait_s=WAIT_S)
    with patient:
        pass


def test_a_thread_that_waits_behind_another_gives_up_in_time(tmp_path):
    gate, told = Gate(tmp_path / "lock", wait_s=0.02), []

    def try_to_pass():
        try:
            with gate:
                told.append("passed")
        except LedgerError as error:
            told.append(str(error))

    with gate:
        thread = threading.Thread(target=try_to_pass)
        thread.start()
        thread.join()
    assert len(told) == 1
    assert "busy" in told[0]
    try_to_pass()
    assert told[1] == "passed"


def test_a_gate_left_taken_by_an_interrupt_is_reclaimed_by_its_thread(tmp_path):
    gate = Gate(tmp_path / "lock", wait_s=0.05)
    gate.__enter__()  # and the interrupt comes before __exit__
    with gate:
        pass
    with Gate(tmp_path / "lock", wait_s=0.05):
        pass


def test_a_gate_opens_its_file_so_that_no_interrupt_leaves_it_open(tmp_path, monkeypatch):
    gate = Gate(tmp_path / "lock", wait_s=1)
    with gate:  # which makes the file
        pass
    monkeypatch.setattr(os, "open", None)  # a descriptor alone, which whoever is struck cannot close
    with gate:
        pass


def test_another_program_that_writes_makes_the_ledger_wait_not_fail(path):
    ledger = Ledger(path)
    ledger.set_plan(ME, INFERENCE, 1000, source="me")
    # Another process, as a person with the sqlite3 shell would be.
    code = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print(flush=True)
sys.stdin.read(1)
connection.execute("COMMIT")
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, path], **pipes) as shell:
        shell.stdout.readline()
        op = new_op()
        waiting = threading.Thread(target=ledger.correct, args=(ME, INFERENCE, 1), kwargs={"op": op})
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        shell.communicate(b"x")
    waiting.join()
    assert figures(ledger) == (1000, 1, 0)
    ledger.close()
