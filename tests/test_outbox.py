"""Bills that the ledger could not take: kept on the disk, and booked exactly once when it can."""

import errno
import json
import os
import stat
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from ledger_desk import INFERENCE, ME, PROCESSES, Clock, a_bill, figures
from patience import WAIT_S

from asksage_jupyter.account import Source
from asksage_jupyter.errors import LedgerError, LedgerRefused, LedgerUnusable, Unavailable
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.ledger.stores.outbox import Outbox
from asksage_jupyter.ledger.stores.place import place_of
from asksage_jupyter.session.holding.held import Held
from asksage_jupyter.session.holding.settling import Settling
from asksage_jupyter.settings import AskSage

pytest_plugins = ["postgres_server"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "ledger.outbox"


@pytest.fixture
def outbox(path):
    return Outbox(path)


def test_what_is_kept_is_read_by_another_whole_and_in_order(outbox, path):
    bills = [
        ("a", a_bill(12, Source.PRICED, input_tokens=7, duration_ms=3)),
        ("b", None),
        ("c", a_bill(0, Source.LOG)),
    ]
    for waiting in bills:
        outbox.keep(*waiting)
    assert Outbox(path).waiting() == bills
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_file_is_there_only_while_something_waits(outbox, path):
    assert outbox.waiting() == []
    assert not path.parent.exists()
    outbox.keep("a", None)
    outbox.keep("b", None)
    outbox.remove([("a", None)])
    assert outbox.waiting() == [("b", None)]
    outbox.remove(outbox.waiting())
    assert not path.exists()


def test_a_line_that_a_crash_cut_off_is_passed_over_and_the_next_stands_on_its_own(outbox, path):
    outbox.keep("a", a_bill(1))
    whole = path.read_text()
    for length in range(1, len(whole) - 1):
        path.write_text(whole + whole[:length])
        outbox.keep("b", None)
        assert [op for op, _ in Outbox(path).waiting()] == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    ["[" * 200_000, "{}", "[]", "7", '"bill"', "\udcff", '{"op":"b","bill":{}}', '{"op":"b","bill":7}',
     '{"op":"b","bill":{"tokens":"9","source":"billed","status":"ok"}}',
     '{"op":"b","bill":{"tokens":1,"source":"billed","status":"ok","more":1}}'],
    ids=range(10),
)  # fmt: skip
def test_a_line_that_is_no_bill_is_passed_over(outbox, path, line):
    outbox.keep("a", a_bill(1))
    with path.open("a", errors="surrogateescape") as file:
        file.write(f"{line}\n")
    outbox.keep("c", None)
    assert outbox.waiting() == [("a", a_bill(1)), ("c", None)]


def test_what_comes_while_others_are_booked_stays(outbox, path):
    outbox.keep("a", None)
    seen = outbox.waiting()
    Outbox(path).keep("b", None)
    outbox.remove(seen)
    assert outbox.waiting() == [("b", None)]


def test_where_nothing_can_be_written_a_bill_is_kept_as_long_as_the_process_lives(tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    outbox = Outbox(tmp_path / "data" / "ledger.outbox")
    outbox.keep("a", a_bill(1))
    assert outbox.waiting() == [("a", a_bill(1))]
    outbox.remove(outbox.waiting())
    assert outbox.waiting() == []


@pytest.mark.parametrize("fails", [errno.EROFS, errno.ENOSPC, errno.EIO])
def test_where_the_disk_fails_a_bill_is_kept_and_nothing_is_raised(outbox, path, fails, monkeypatch):
    outbox.keep("a", a_bill(1))

    def fail(*_):
        raise OSError(fails, os.strerror(fails))

    with monkeypatch.context() as patched:
        patched.setattr("asksage_jupyter.ledger.stores.outbox.os.fsync", fail)
        patched.setattr("asksage_jupyter.ledger.stores.outbox.make_file", fail)
        outbox.keep("b", a_bill(2))
        outbox.set_aside("a", a_bill(1), "odd")
        outbox.remove([("c", None)])
    assert outbox.waiting() == [("a", a_bill(1)), ("b", a_bill(2))]
    outbox.keep("b", a_bill(2))
    outbox.set_aside("a", a_bill(1), "odd")
    assert Outbox(path).waiting() == [("b", a_bill(2))]


# With a server that goes away and comes back


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def settling_of(ledger):
    return Settling(ME, AskSage.instance(), lambda: ledger, Clock(), lambda: None)


def catch_up(url, data, results):
    """Another kernel's next use."""
    os.environ["XDG_DATA_HOME"] = data
    with closing(Ledger(url, clock=Clock())) as ledger:
        settling_of(ledger).debits.catch_up()
        results.put((figures(ledger), settling_of(ledger).debits.unbooked))


@pytest.fixture
def url(postgres):
    return postgres.url("postgres", schema=postgres.new_schema())


@pytest.fixture
def ledger(url):
    with closing(Ledger(url, clock=Clock())) as ledger:
        ledger.set_plan(ME, INFERENCE, 1_000, source="me")
        yield ledger


def test_a_bill_that_comes_while_the_server_is_away_is_booked_once_by_whoever_comes_next(
    postgres, url, ledger
):
    settling = settling_of(ledger)

    try:
        with Held(settling, settling.call("m", 50)) as held:
            held.sent()
            postgres.stop()
            held.settle(a_bill(60))
        assert "the debit is still to be booked" in held.trouble
        assert settling.debits.unbooked == 1
        with pytest.raises(LedgerError, match="nothing is sent"):
            settling.debits.catch_up()
    finally:
        postgres.start()
    ((kept, line),) = [(path, path.read_text()) for path in ledger.folder.glob("*.outbox")]
    assert set(json.loads(line)) == {"op", "bill"}
    results = PROCESSES.Queue()
    kernels = [
        PROCESSES.Process(target=catch_up, args=(url, os.environ["XDG_DATA_HOME"], results)) for _ in range(3)
    ]
    for kernel in kernels:
        kernel.start()
    assert [results.get(timeout=WAIT_S) for _ in kernels] == [((1_000, 60, 0), 0)] * 3
    for kernel in kernels:
        kernel.join()
    kept.write_text(line)  # as if the one who booked it had died before it let go of it
    settling.debits.catch_up()
    assert figures(ledger) == (1_000, 60, 0)
    assert len(ledger.calls()) == 1
    assert not kept.exists()


def test_a_void_waits_too(postgres, ledger):
    settling = settling_of(ledger)

    try:
        with pytest.raises(Unavailable), Held(settling, settling.call("m", 50)) as held:
            held.sent()
            postgres.stop()
            raise Unavailable("busy")
        assert held.tokens == 50
    finally:
        postgres.start()
    settling.debits.catch_up()
    assert figures(ledger) == (1_000, 0, 0)


def test_what_the_ledger_never_held_is_told_once_and_let_go(ledger):
    settling = settling_of(ledger)
    settling.debits._outbox.keep("of-another-ledger", a_bill(5))
    with pytest.warns(UserWarning, match="5 tokens: not debited: the call of-another-ledger was never held"):
        settling.debits.catch_up()
    assert settling.debits.unbooked == 0


# What the ledger refuses for good


def test_a_bill_that_is_refused_each_time_holds_up_no_other(ledger, monkeypatch):
    settling, ops = settling_of(ledger), []
    for tokens in (10, 20, 30):
        call = settling.call("m", 50)
        ledger.hold(ME, call, due=call.sent_at + 3600 * 1_000_000)
        settling.debits._outbox.keep(call.op, a_bill(tokens))
        ops.append(call.op)
    settle = ledger.settle

    def refusing(op, bill):
        if op == ops[0]:
            raise error
        settle(op, bill)

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "settle", refusing)
        error = LedgerUnusable("something is the matter")
        with pytest.warns(UserWarning, match="10 tokens: the debit is still to be booked"):
            settling.debits.catch_up()
        assert figures(ledger) == (1_000, 50, 50)
        settling.debits.catch_up()  # and is told once
        assert settling.debits.unbooked == 1

        error = LedgerRefused("by a check of the database")
        with pytest.warns(UserWarning, match=r"10 tokens: not debited: by a check .*\.refused; %asksage rec"):
            settling.debits.catch_up()
    assert settling.debits.unbooked == 0
    refused = settling.debits._outbox.aside
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600
    told = json.loads(refused.read_text())
    assert (told["op"], told["bill"]["tokens"], told["why"]) == (ops[0], 10, "by a check of the database")
    settling.debits.catch_up()


def test_where_warnings_are_errors_what_waits_is_told_and_stops_no_cell(ledger, capsys):
    settling = settling_of(ledger)
    call = settling.call("m", 50)
    ledger.hold(ME, call, due=call.sent_at + 3600 * 1_000_000)
    for op, tokens in (("of-another-ledger", 5), (call.op, 20)):
        settling.debits._outbox.keep(op, a_bill(tokens))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settling.debits.catch_up()
    assert "5 tokens: not debited" in capsys.readouterr().err
    assert (settling.debits.unbooked, figures(ledger)) == (0, (1_000, 20, 0))


def test_what_cannot_be_set_aside_is_told_once(ledger, monkeypatch):
    settling = settling_of(ledger)
    settling.debits._outbox.keep("of-another-ledger", a_bill(5))
    monkeypatch.setattr(type(settling.debits._outbox), "aside", Path("/proc/nowhere/refused"))
    with pytest.warns(UserWarning, match="5 tokens: not debited"):
        settling.debits.catch_up()
    settling.debits.catch_up()
    assert settling.debits.unbooked == 1


def test_what_the_database_refuses_is_told_apart_from_a_database_that_fails(ledger):
    def against_a_check(connection):
        connection.exec_driver_sql("UPDATE entry SET held = -1")

    with pytest.raises(LedgerRefused):
        ledger._store.write(against_a_check)


@pytest.mark.parametrize("tokens", [2 * 10**15, -1, 1.5])
def test_a_bill_that_cannot_be_is_set_aside_at_once_and_stops_no_cell(ledger, tokens):
    settling = settling_of(ledger)
    with Held(settling, settling.call("m", 50)) as held:
        held.sent()
        held.settle(a_bill(tokens))
    assert "not debited: a bill must be" in held.trouble
    assert held.tokens == 50
    assert figures(ledger) == (1_000, 0, 50)
    settling.debits.catch_up()
    assert settling.debits.unbooked == 0


def test_each_login_has_its_own_outbox(monkeypatch):
    places = [place_of(f"postgresql://{login}host/ours") for login in ("ada@", "ben@", "")]
    assert len({place.outbox for place in places}) == 3
    assert len({place.folder for place in places}) == 1
    monkeypatch.setenv("PGUSER", "ada")
    assert place_of("postgresql://host/ours").outbox == places[0].outbox
    assert "ada" not in str(places[0].outbox)
