"""Reading the ledger without a right to write it: what is seen, and that nothing is made or changed."""

import os
import sqlite3
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_desk import DAY, HOUR, INFERENCE, ME, PROCESSES, Clock, a_bill, a_call, at, read_as_nobody
from patience import WAIT_S
from sqlalchemy import create_engine

from asksage_jupyter.account import Account, Call, Meter
from asksage_jupyter.errors import LedgerMissing, LedgerTooNew, LedgerUnusable
from asksage_jupyter.ledger import Ledger, LedgerView, new_op
from asksage_jupyter.ledger.reads.spending import QUARTER
from asksage_jupyter.ledger.tables.schema import metadata

YOU = Account("api.example", "you@example")

pytest_plugins = ["postgres_server"]
on_file = pytest.mark.parametrize("where", ["sqlite"], indirect=True)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"  # as `where` has it


@pytest.fixture
def ledger(where, clock):
    ledger = Ledger(where, clock=clock)
    ledger.set_plan(ME, INFERENCE, 100_000, source="me")
    yield ledger
    ledger.close()


@pytest.fixture
def view(where, clock):
    view = LedgerView(where, clock=clock)
    yield view
    view.close()


def spend(ledger, tokens, account=ME, **fields):
    call = a_call(tokens, ledger._clock, **fields)
    ledger.hold(account, call, due=call.sent_at + HOUR)
    ledger.settle(call.op, a_bill(tokens))
    return call


# A view on its own


def test_a_view_reads_what_a_kernel_wrote_and_goes_on_reading(ledger, view):
    spend(ledger, 40, notebook="a.ipynb")
    assert view.balance(ME) == ledger.balance(ME)
    assert view.calls(ME) == ledger.calls(ME)
    assert view.month(ME, INFERENCE) == ledger.month(ME, INFERENCE)
    assert view.verify() == ledger.verify()
    spend(ledger, 2)
    assert view.balance(ME).inference.used == 42


@on_file
def test_a_view_has_no_moves(view):
    assert not [name for name in ("hold", "settle", "void", "set_plan", "correct") if hasattr(view, name)]


def test_what_is_missing_is_told_and_not_made(tmp_path):
    view = LedgerView(tmp_path / "nowhere" / "ledger.db")
    with pytest.raises(LedgerMissing, match="the first call makes it"):
        view.balance(ME)
    assert list(tmp_path.iterdir()) == []


@on_file
def test_a_file_that_is_just_being_made_is_no_ledger_yet(path, view):
    path.touch()
    with pytest.raises(LedgerMissing):
        view.balance(ME)
    assert path.read_bytes() == b""


@on_file
def test_a_view_sees_a_ledger_that_is_made_later_and_another_one_in_its_place(path, view, clock):
    with pytest.raises(LedgerMissing):
        view.balance(ME)
    for monthly in (100, 200):
        ledger = Ledger(path, clock=clock)
        ledger.set_plan(ME, INFERENCE, monthly, source="me")
        ledger.close()
        assert view.balance(ME).inference.granted == monthly
        for file in path.parent.glob(f"{path.name}*"):
            file.rename(file.with_name(f"{monthly}-{file.name}"))
    with pytest.raises(LedgerMissing):
        view.balance(ME)


@on_file
def test_a_view_writes_no_byte_of_the_ledger(ledger, path, clock):
    ledger.close()
    before = path.read_bytes()
    view = LedgerView(path, clock=Clock(clock() + 365 * DAY))  # every hold would be past due
    assert view.balance(ME).inference.granted == 100_000
    view.close()
    assert path.read_bytes() == before


def test_a_view_reads_while_a_writer_is_in_the_middle_of_a_move(ledger, view):
    spend(ledger, 5)
    seen = []
    ledger._store.write(lambda connection: seen.append(view.balance(ME).inference.used))
    assert seen == [5]


@on_file
def test_a_newer_ledger_another_programs_and_no_ledger_are_told(ledger, path, view, tmp_path):
    ledger.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerTooNew, match="upgrade"):
        view.balance(ME)
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE sessions (a)")
    connection.close()
    with pytest.raises(LedgerUnusable, match="another program"):
        LedgerView(other).balance(ME)
    novel = tmp_path / "novel.txt"
    novel.write_text("It was a dark and stormy night. " * 200)
    with pytest.raises(LedgerUnusable, match="no ledger"):
        LedgerView(novel).balance(ME)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no modes")
@pytest.mark.parametrize("writing", [False, True], ids=["nobody writes", "while its owner writes"])
def test_a_view_reads_in_a_folder_that_it_may_not_write(writing):
    with tempfile.TemporaryDirectory() as folder:  # not under tmp_path, into which only its owner may look
        Path(folder).chmod(0o755)
        path = Path(folder, "ledger.db")
        ledger = Ledger(path)
        ledger.set_plan(ME, INFERENCE, 70, source="me")
        if not writing:
            ledger.close()
        for file in path.parent.iterdir():
            file.chmod(0o644)
        before = sorted(file.name for file in path.parent.iterdir())
        results = PROCESSES.Queue()
        nobody = PROCESSES.Process(target=read_as_nobody, args=(path, results))
        nobody.start()
        assert results.get(timeout=WAIT_S) == 70
        nobody.join()
        assert sorted(file.name for file in path.parent.iterdir()) == before
        ledger.close()


# Watching


@on_file
def test_a_watch_tells_of_commits_and_of_a_ledger_that_appears(path, view, clock):
    changed = threading.Event()
    stop = view.watch(changed.set, interval_s=0.01)
    ledger = Ledger(path, clock=clock)
    assert changed.wait(WAIT_S)
    ledger.set_plan(ME, INFERENCE, 100, source="me")
    while view.balance(ME).inference.granted != 100:
        assert changed.wait(WAIT_S)
    changed.clear()
    spend(ledger, 1)
    assert changed.wait(WAIT_S)
    stop()
    ledger.close()


@on_file
def test_a_watch_tells_that_the_ledger_is_gone(ledger, path, view):
    assert view.balance(ME)
    changed = threading.Event()
    stop = view.watch(changed.set, interval_s=0.01)
    ledger.close()
    path.rename(path.with_suffix(".moved"))
    assert changed.wait(WAIT_S)
    stop()


# The tables


@on_file
def test_the_steps_make_the_tables_as_they_are_described(ledger):
    described = create_engine("sqlite://")

    def tables(connection):
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: "".join((sql or "").split()).replace('"', "") for name, sql in rows}

    with described.connect() as connection, ledger._store.reading() as made:
        metadata.create_all(connection)
        assert tables(made) == tables(connection)
    described.dispose()


# What was spent, and when


def test_a_call_counts_when_it_was_held_and_a_correction_when_it_was_booked(ledger, clock):
    first = clock() // QUARTER * QUARTER
    clock.t = first
    call = a_call(100, clock)
    ledger.hold(ME, call, due=clock() + 10 * HOUR)
    clock.t += DAY
    ledger.settle(call.op, a_bill(130))
    ledger.correct(ME, INFERENCE, 7, op=new_op())
    spent = ledger.spending(ME, INFERENCE, first, first + 2 * DAY)
    assert spent == [(first, 130), (first + DAY, 7)]
    assert ledger.spending(ME, INFERENCE, first + QUARTER, first + DAY) == []
    assert ledger.spending(ME, INFERENCE, first + DAY, first + 2 * DAY) == [(first + DAY, 7)]
    assert ledger.spending(ME, INFERENCE, first, first + QUARTER) == [(first, 130)]


def test_what_a_presumed_call_came_to_counts_on_its_own_day(ledger, clock):
    first = clock.t = clock() // QUARTER * QUARTER
    call = a_call(100, clock)
    ledger.hold(ME, call, due=clock() + HOUR)
    clock.t += DAY
    ledger.presume()
    assert ledger.spending(ME, INFERENCE, first, clock() + DAY) == [(first, 100)]
    clock.t += DAY
    ledger.settle(call.op, a_bill(30))
    assert ledger.spending(ME, INFERENCE, first, clock() + DAY) == [(first, 30)]
    assert ledger.spending(ME, INFERENCE, clock(), clock() + DAY) == []


def test_nothing_was_spent_where_the_ledger_knows_nobody(ledger):
    assert ledger.spending(YOU, INFERENCE, 0, at(2027, 1, 1)) == []
    assert ledger.spending(ME, Meter.TRAINING, 0, at(2027, 1, 1)) == []


moves = st.lists(
    st.tuples(
        st.sampled_from(["hold", "settle", "void", "presume", "correct", "top-up"]),
        st.integers(0, 400),
        st.sampled_from([0, 1, 10**6, QUARTER // 3, QUARTER, 3 * HOUR, 2 * DAY, 9 * DAY]),
    ),
    max_size=40,
)


@pytest.mark.long
@given(moves, st.integers(0, 35), st.integers(0, 35))
@settings(max_examples=60)
def test_the_quarters_are_those_of_a_plain_count_and_sum_up_to_what_was_used(steps, since, until):
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(at(2026, 10, 20))
        ledger = Ledger(Path(folder, "ledger.db"), clock=clock)
        ledger.set_plan(ME, INFERENCE, 2_000, source="me")
        play(ledger, clock, steps)
        first, end = sorted((at(2026, 10, 20) + since * DAY, at(2026, 10, 20) + until * DAY))
        expected = {q: n for q, n in plainly(ledger).items() if first <= q < end and n}
        assert dict(ledger.spending(ME, INFERENCE, first, end)) == expected
        for month in (10, 11):
            spent = ledger.spending(ME, INFERENCE, at(2026, month, 1), at(2026, month + 1, 1))
            assert sum(tokens for _, tokens in spent) == ledger.used_in(ME, INFERENCE, f"2026-{month}")
        ledger.close()


def play(ledger, clock, steps):
    """Do what comes, as far as the ledger allows it."""
    held = []
    for kind, tokens, passed in steps:
        clock.t += passed
        if kind == "hold" and (ledger.balance(ME).inference.remaining or 0) >= max(1, tokens):
            held.append(a_call(tokens, clock))
            ledger.hold(ME, held[-1], due=clock() + HOUR)
        elif kind in ("settle", "void") and held:
            call = held.pop(tokens % len(held))
            if kind == "settle":
                ledger.settle(call.op, a_bill(2 * tokens))
            else:
                ledger.void(call.op)
        elif kind == "presume":
            ledger.presume()
        elif kind == "correct":
            ledger.correct(ME, INFERENCE, tokens - 200, op=new_op())
        elif kind == "top-up":
            source = f"top-up:{new_op()}"
            ledger.grant(ME, INFERENCE, tokens, source=source, starts=clock(), ends=clock() + 12 * DAY)


def plainly(ledger):
    """The tokens of each quarter, entry by entry."""
    with ledger._store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT op, kind, tokens, t FROM entry ORDER BY t").all()
    held_at = {}
    for op, kind, _, t in rows:
        if kind == "hold":
            held_at.setdefault(op, t)
    used = defaultdict(int)
    for op, kind, tokens, t in rows:
        if kind in ("settle", "presume", "correct"):
            used[held_at.get(op, t) // QUARTER * QUARTER] += tokens
    return used


# Notebooks, calls, people


def test_the_dearest_cells_of_a_notebook_and_all_it_spent(ledger, clock):
    since = clock()
    for cell, tokens in (("a", 10), ("b", 70), ("a", 20), ("c", 30), (None, 5)):
        clock.t += 1
        spend(ledger, tokens, notebook="n.ipynb", **({"cell": cell} if cell else {}))
    spend(ledger, 900, notebook="other.ipynb", cell="a")
    found = ledger.notebook_spending(ME, INFERENCE, "n.ipynb", since=since, until=clock() + 1, limit=2)
    assert (found.tokens, found.calls) == (135, 5)
    assert [(cell.cell, cell.tokens, cell.calls) for cell in found.cells] == [("b", 70, 1), ("a", 30, 2)]
    assert found.cells[1].sent_at == since + 3
    assert ledger.notebook_spending(YOU, INFERENCE, "n.ipynb", since=0, until=clock() + 1).calls == 0
    assert ledger.notebook_spending(ME, Meter.TRAINING, "n.ipynb", since=0, until=clock() + 1).calls == 0
    assert ledger.notebook_spending(ME, INFERENCE, "n.ipynb", since=0, until=since).calls == 0


def test_a_notebooks_call_that_was_presumed_and_settled_late_counts_once(ledger, clock):
    since = clock()
    call = Call(new_op(), clock(), "a-model", INFERENCE, 100, "n.ipynb", "a")
    ledger.hold(ME, call, due=clock() + HOUR)
    clock.t += DAY
    ledger.presume()
    ledger.settle(call.op, a_bill(30))
    found = ledger.notebook_spending(ME, INFERENCE, "n.ipynb", since=since, until=since + 1)
    assert (found.tokens, found.calls) == (30, 1)


def test_the_newest_calls_come_first_and_of_both_meters(ledger, clock):
    ledger.set_plan(ME, Meter.TRAINING, 1_000, source="me")
    ops = []
    for meter in (INFERENCE, Meter.TRAINING, INFERENCE, Meter.TRAINING):
        clock.t += 1
        ops.append(spend(ledger, 1, meter=meter).op)
    assert [row[0] for row in ledger.recent(ME, limit=3)] == ops[:0:-1]
    assert [row[0] for row in ledger.recent(ME, since=clock() - 2, until=clock())] == [ops[2], ops[1]]
    assert ledger.recent(YOU) == []


def test_who_used_the_ledger_last_comes_first(ledger, clock):
    nobody = Account("api.example", "nobody@example", "America/New_York")
    ledger.set_plan(nobody, INFERENCE, 1, source="me")
    ledger.set_plan(YOU, INFERENCE, 10, source="me")
    spend(ledger, 1)
    clock.t += 1
    spend(ledger, 1, account=YOU)
    assert [(known.account, known.last_used) for known in ledger.accounts()] == [
        (YOU, clock()),
        (ME, clock() - 1),
        (nobody, None),
    ]
