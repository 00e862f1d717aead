"""Stop at any moment: real signals at random instants of a call, on both databases."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from itertools import count

import pytest
from certificates import agency, serving
from ledger_desk import PROCESSES, pass_often
from patience import WAIT_S, soon
from scripted import QUERY, envelope, question
from stops_desk import are_free, ask, compare, passed, stop_often, stopped_at_random, uploading
from tenant import MODEL, environment, open_tenant, questions

import asksage_jupyter
from asksage_jupyter import session
from asksage_jupyter.account import Meter
from asksage_jupyter.errors import Interrupted
from asksage_jupyter.interrupts import begin
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.ledger.stores.gate import Gate
from asksage_jupyter.ledger.stores.place import lock_file_of
from asksage_jupyter.ledger.stores.sqlite.store import FileStore
from asksage_jupyter.service.way.departure import departing
from asksage_jupyter.session.holding.shielded import Shielded
from asksage_jupyter.settings import AskSage

pytest_plugins = ["postgres_server"]
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="there are no timers' signals"),
    # Of a socket that was being made when the stop came, or of a stop that came while something was thrown
    # away, nobody knows but Python itself.
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]

STOPS, SECONDS = 25, 4.0  # benchmarks/stops.py does it at length


@pytest.fixture(params=["sqlite", "postgres"])
def tenant(request, server, monkeypatch, tmp_path):
    """A tenant, and a ledger: a file, or a server that is 4 ms away."""
    if request.param == "postgres":
        from asksage_jupyter.ledger.stores.postgres.connection import BoundedConnection

        wait = BoundedConnection.wait

        def far(*args, **named):
            time.sleep(0.004)
            return wait(*args, **named)

        postgres = request.getfixturevalue("postgres")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        url = postgres.url("postgres", schema=postgres.new_schema())
        monkeypatch.setenv("ASKSAGE_LEDGER", url)
        monkeypatch.setattr(BoundedConnection, "wait", far)
        AskSage.clear_instance()
    return server


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return agency(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def at(request, authority, own_settings, monkeypatch, tmp_path):
    """A tenant at an address of http, or of https."""
    with closing(open_tenant(tls=serving(authority) if request.param else None)) as server:
        for name, value in environment(server, tmp_path).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ASKSAGE_CA_BUNDLE", str(authority[0]))
        yield server
        session.forget()


def test_a_stop_as_the_request_leaves_strikes_when_it_has_left(at):
    service, told = session.current().service, []
    service.query(question("Why?"))  # a connection is there

    def leaves(is_on_way):
        told.append(is_on_way)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), departing(leaves):
        service.query(question("Why?"))
    assert told == [True]
    soon(lambda: len(questions(at)) == 2)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("at", [True], ids=["tls"], indirect=True)
@pytest.mark.parametrize("what", ["ask", "train"])
def test_a_stop_at_any_moment_of_a_secure_connection_tells_what_is_so(at, what):
    do = {"ask": ask, "train": uploading(at)}[what]
    seed = time.time_ns()
    tally = stopped_at_random(at, do, STOPS, seed=seed, until=time.monotonic() + SECONDS)
    assert not tally.wrong, f"seed {seed}"
    assert tally.ends["told"]
    assert are_free(at, do)


@pytest.mark.parametrize("do", [ask, compare])
def test_nothing_that_may_be_struck_is_called_between_the_debit_and_the_person(server, do):
    """Python looks for a Ctrl-C where a function begins: what was paid for would be lost there."""
    is_over, called = [], []

    def watch(frame, event, _):
        if event == "return" and frame.f_code is Shielded.run.__code__:
            is_over.append(True)
        elif event == "call" and is_over:
            called.append(frame.f_code.co_qualname)
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        paid = do()
    finally:
        sys.settrace(before)
    assert is_over and paid.tokens
    assert called == []


@pytest.mark.parametrize("what", ["ask", "compare", "train"])
def test_a_stop_at_any_moment_loses_nothing_and_tells_what_is_so(tenant, what):
    do = {"ask": ask, "compare": compare, "train": uploading(tenant)}[what]
    seed = time.time_ns()
    tally = stopped_at_random(tenant, do, STOPS, seed=seed, until=time.monotonic() + SECONDS)
    assert not tally.wrong, f"seed {seed}"
    assert tally.ends["told"]
    assert are_free(tenant, do)
    assert session.current().ledger.verify().ok


def test_a_stop_while_a_thread_is_begun_leaves_none_stuck():
    over, begun = threading.Event(), []

    def run():
        thread = threading.Thread(target=over.wait, daemon=True)
        begun.append(thread)
        begin(thread)

    stop_often(run, 200)
    over.set()
    assert sum(thread.ident is not None for thread in begun) >= 100
    for thread in begun:
        if thread.ident:  # else the stop came before its beginning
            thread.join(WAIT_S)
            assert not thread.is_alive()


def test_a_stop_in_a_wait_for_another_kernel_leaves_the_gate_to_all(tmp_path):
    gate = Gate(tmp_path / "lock", wait_s=WAIT_S)
    with PROCESSES.Manager() as manager:
        over = manager.Event()
        other = PROCESSES.Process(target=pass_often, args=(tmp_path / "lock", over))
        other.start()
        try:
            stop_often(lambda: passed(gate), 60)
            with Gate(tmp_path / "lock", wait_s=WAIT_S):
                pass
            with gate:
                pass
        finally:
            over.set()
            other.join()


@pytest.mark.parametrize("tenant", ["sqlite", "postgres"], indirect=True)
def test_a_stop_in_whatever_the_ledger_writes_is_a_stop_and_harms_nothing(tenant):
    ledger, account = session.current().ledger, session.current().account
    ledger.set_plan(account, Meter.INFERENCE, 10**9, source="the test")
    written = []

    def write():
        op = new_op()
        ledger.correct(account, Meter.INFERENCE, 1, op=op)
        written.append(op)
        ledger.balance(account)

    stop_often(write, 40)
    ledger.set_plan(account, Meter.INFERENCE, 10**9, source="the test again")
    used = ledger.balance(account).inference.used
    assert len(written) <= used
    assert ledger.verify().ok
    with Ledger(AskSage.instance().ledger)._store.reading():
        pass


@pytest.mark.filterwarnings("ignore:the ledger .* is on a network file system:UserWarning")
@pytest.mark.parametrize("on_network", [False, True])
@pytest.mark.parametrize("verb", ["write", "read"])
def test_a_stop_whose_error_is_kept_keeps_no_lock(tmp_path, verb, on_network):
    store = FileStore(tmp_path / "ledger.db", wait_s=1, on_network=on_network)

    def stopped(connection):
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master")
        assert rows.fetchone()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as kept:
        getattr(store, verb)(stopped)
    store.write(lambda connection: connection.exec_driver_sql("CREATE TABLE fox (dog)").close())
    assert kept.value.__context__
    store.close()


@pytest.mark.parametrize(
    ("place", "events"),
    [("cookie|transport", {"line"}), ("keeping|contextlib", {"call", "return"})],
)
def test_a_stop_at_any_moment_within_leaves_all_locks_to_others(server, place, events):
    """Where locks are taken that all threads share: the client's and the store of replies'."""
    prompt = map(str, count())

    def do():
        return asksage_jupyter.ask(next(prompt), replay=True)

    do()
    for number in count():
        stop = _stopped_at(number, place, events, do)  # alive, with all that its frames hold
        if stop is None:
            break
        assert isinstance(stop, KeyboardInterrupt | Interrupted)
        assert are_free(server, do), f"not after {number}"
    assert number > 10


def _stopped_at(number, place, events, do):
    """What came of a Ctrl-C at the `number`-th of these events in a file like `place`; None past the last."""
    moments, before = count(), sys.gettrace()

    def trace(frame, event, _told):
        is_there = event in events and re.search(place, frame.f_code.co_filename)
        if is_there and next(moments) == number:
            signal.raise_signal(signal.SIGINT)
        return trace

    sys.settrace(trace)
    try:
        do()
    except BaseException as error:
        return error
    finally:
        sys.settrace(before)
    return None if next(moments) <= number else KeyboardInterrupt("it came too late to stop anything")


@pytest.mark.parametrize("moment", ["hold", "settle"])
def test_a_stop_ends_the_wait_for_a_ledger_that_another_has(server, moment):
    asksage_jupyter.balance()
    store = session.current().ledger._store
    other = Gate(lock_file_of(store.path), wait_s=WAIT_S)

    def has_it_meanwhile(_request):
        other.__enter__()
        return envelope("An answer.", provenance={"model": MODEL})

    def stop():
        soon(lambda: other._file is not None and store._gate._owner == threading.main_thread().ident)
        time.sleep(0.1)  # as a person does, who has waited for a while
        os.kill(os.getpid(), signal.SIGINT)

    server.on(QUERY, has_it_meanwhile)
    if moment == "hold":
        other.__enter__()
    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        if moment == "hold":
            with pytest.raises(Interrupted, match="nothing was sent"):
                ask()
        else:
            assert "still to be booked" in ask().notes[0]
    finally:
        stopper.join()
        other.__exit__()
    assert not (moment == "hold" and questions(server))
    after = asksage_jupyter.balance().inference
    assert (after.used, after.held) == (411 + 63 * (moment == "settle"), 0)


def test_what_a_stop_struck_is_let_go_of_without_a_word(tmp_path):
    code = """
import sys
from asksage_jupyter.ledger import Ledger
connection = Ledger(sys.argv[1])._store.connect()
connection.connection.driver_connection.close()  # as far as `discard` comes that a second stop strikes
connection.close()
"""
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "ledger.db")]
    assert subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S).stderr == ""
