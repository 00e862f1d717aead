"""Sealed months: the same frame as from the ledger, made anew whenever they are not what they should be."""

import json
import os
import random
import shutil
import stat
import threading
from functools import partialmethod
from operator import itemgetter
from unittest.mock import patch

import pandas
import pytest
from ledger_desk import DAY, HOUR, INFERENCE, ME, PROCESSES, Clock, a_bill, at
from pandas.testing import assert_frame_equal
from patience import WAIT_S

from asksage_jupyter import month
from asksage_jupyter.account import Account, Bill, Call, Meter, Source, Status
from asksage_jupyter.ledger import Ledger, LedgerView, new_op
from asksage_jupyter.ledger.reads.sealing import Copying
from asksage_jupyter.usage_log import arrow, reading
from asksage_jupyter.usage_log.reading import FEWEST, read

pytest.importorskip("pyarrow")
pytest_plugins = ["postgres_server"]

NOW = at(2026, 11, 23, 9)
BEGIN = at(2026, 7, 30)
YOU = Account("api.example", "you@example")


def filled(path, calls=120, seed=5, account=ME):
    """A ledger whose calls of four months are still young, settled and unsettled."""
    clock, chance = Clock(BEGIN), random.Random(seed)
    ledger = Ledger(path, clock=clock)
    for meter in Meter:
        ledger.set_plan(account, meter, 1_000_000, source="me")
    for number in range(calls):
        clock.t = BEGIN + (NOW - BEGIN) * number // calls
        meter = chance.choice(list(Meter))
        where = {
            name: chance.choice([None, f"{name} {chance.randrange(9)}"])
            for name in ("notebook", "cell", "project", "user")
        }
        call = Call(
            new_op(), clock.t, f"model {chance.randrange(5)}", meter, chance.randrange(5, 99), **where
        )
        ledger.hold(account, call, due=NOW + DAY)
        if chance.random() < 0.9:
            ledger.settle(call.op, some_bill(chance))
    clock.t = NOW
    return ledger


def some_bill(chance):
    def known(most):
        return chance.choice([None, chance.randrange(most)])

    return Bill(
        chance.randrange(90),
        chance.choice(list(Source)),
        chance.choice(list(Status)),
        input_tokens=known(9_000),
        output_tokens=known(900),
        duration_ms=known(9_000),
        request_id=chance.choice([None, "r1"]),
    )


def sealed(ledger, since=None, until=None, accounts=(ME,), **options):
    return read(ledger, accounts, since, until, now=NOW, fewest=1, **options)


def unsealed(ledger, since=None, until=None, accounts=(ME,), **options):
    return read(ledger, accounts, since, until, now=NOW, fewest=10**9, **options)


def by_rows(ledger, **options):
    with patch.object(reading, "_has_arrow", lambda: False):
        return unsealed(ledger, **options)


def check(ledger, **options):
    expected = by_rows(ledger, **options)
    assert_frame_equal(unsealed(ledger, **options), expected)
    assert_frame_equal(sealed(ledger, **options), expected)


def files(ledger):
    return sorted(ledger.folder.rglob("*.arrow"))


def stamps(ledger):
    return {path.name: path.stat().st_ctime_ns for path in files(ledger)}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    filled(path).close()
    return path


@pytest.fixture
def ledger(template, tmp_path):
    ledger = Ledger(shutil.copy(template, tmp_path / "ledger.db"), clock=Clock(NOW))
    yield ledger
    ledger.close()


def test_closed_months_are_sealed_and_the_open_one_is_not(ledger):
    check(ledger)
    assert [path.name[:7] for path in files(ledger)] == ["2026-07", "2026-08", "2026-09", "2026-10"]


def test_seals_are_used_and_left_alone_while_nothing_changes(ledger):
    first = sealed(ledger)
    before = stamps(ledger)
    assert_frame_equal(sealed(ledger), first)
    assert stamps(ledger) == before


def test_folders_and_files_are_the_owners_alone(ledger):
    sealed(ledger)
    (folder,) = ledger.folder.glob("*.seals")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir()) if path.is_dir()}
    if os.name != "nt":
        assert (modes, folders) == ({0o600}, {0o700})


def test_a_short_log_is_read_from_the_ledger(ledger):
    read(ledger, [ME], None, None, now=NOW)
    assert FEWEST > 120
    assert not files(ledger)


@pytest.mark.parametrize("seed", range(6))
def test_any_bounds_give_what_the_ledger_gives(tmp_path, seed, monkeypatch):
    chance = random.Random(seed)
    monkeypatch.setattr(reading, "FEWEST_OF_MONTH", chance.choice([1, 10**9]))
    ledger = filled(tmp_path / "ledger.db", calls=60, seed=seed)
    for _ in range(8):
        bounds = [
            None if chance.random() < 0.2 else chance.randrange(BEGIN - DAY, NOW + DAY) for _ in range(2)
        ]
        check(ledger, since=bounds[0], until=bounds[1], meter=chance.choice([None, *Meter]))
    ledger.close()


def test_all_holders_with_and_without_seals(ledger, tmp_path):
    filled(ledger.path, seed=6, account=YOU).close()
    check(ledger, accounts=(YOU, ME), with_holder=True)
    assert len(list((ledger.folder / "ledger.db.seals").glob("*/seals.json"))) == 2
    both = sealed(ledger, accounts=(YOU, ME), with_holder=True)
    assert list(both.holder.drop_duplicates()) == ["you@example", "me@example"]


def test_the_frame_can_be_changed_and_outlives_its_seals(ledger):
    calls = sealed(ledger)
    ops = list(calls.op)
    shutil.rmtree(ledger.folder / "ledger.db.seals", ignore_errors=os.name == "nt")
    calls.loc[0, "tokens"] = 5
    calls.loc[0, "model"] = calls.model.cat.categories[0]
    assert list(calls.op) == ops
    assert calls.tokens[0] == 5


def flip(path):
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)


def flip_and_hide(path):
    """Bit rot, but for the time of the file's last change, which nobody can set."""
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


def swap(path):
    """Another month's seal in its place."""
    shutil.copy(next(other for other in path.parent.glob("*.arrow") if other != path), path)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("damage", [flip, flip_and_hide, truncate, empty, swap, remove])
def test_a_damaged_seal_is_made_anew(ledger, damage):
    sealed(ledger)
    before = stamps(ledger)
    path = files(ledger)[1]
    damage(path)
    check(ledger)
    after = stamps(ledger)
    assert {name for name in before if before[name] != after[name]} == {path.name}


@pytest.mark.parametrize(
    "contents", [b"", b"{}", b"[1]", b'{"check": 1, "seals": {}}', b"\xff", b"[" * 100_000, None]
)
def test_a_damaged_manifest_is_as_good_as_none(ledger, contents):
    sealed(ledger)
    (path,) = ledger.folder.rglob("seals.json")
    found = json.loads(path.read_bytes())
    found["seals"]["months"]["2026-08"]["calls"] += 1  # its check no longer fits
    path.write_bytes(json.dumps(found).encode() if contents is None else contents)
    check(ledger)


def test_a_seal_that_was_copied_is_checked_and_kept(ledger):
    sealed(ledger)
    path = files(ledger)[0]
    shutil.copy(path, copied := path.with_name("copied"))
    copied.replace(path)
    kept = path.stat().st_ino
    for _ in range(2):
        check(ledger)
        assert path.stat().st_ino == kept


def test_seals_of_another_ledger_are_not_trusted(ledger, tmp_path):
    sealed(ledger)
    other = filled(tmp_path / "other" / "ledger.db", seed=99)
    shutil.copytree(ledger.folder / "ledger.db.seals", other.folder / "ledger.db.seals")
    check(other)
    other.close()


def test_seals_of_another_account_are_not_trusted(ledger):
    sealed(ledger)
    (mine,) = (ledger.folder / "ledger.db.seals").glob("*/")
    filled(ledger.path, seed=6, account=YOU).close()
    sealed(ledger, accounts=(YOU,))
    (yours,) = set((ledger.folder / "ledger.db.seals").glob("*/")) - {mine}
    shutil.rmtree(yours)
    shutil.copytree(mine, yours)
    check(ledger, accounts=(YOU,))


def test_a_late_settle_changes_its_month_alone(ledger):
    first = sealed(ledger)
    before = stamps(ledger)
    held = min(
        (call for call in ledger.unsettled(ME, INFERENCE) if month.period_at(call.sent_at) < "2026-11"),
        key=lambda call: call.sent_at,
    )
    ledger.settle(held.op, a_bill(77))
    check(ledger)
    period = month.period_at(held.sent_at)
    gone = set(before) - set(stamps(ledger))
    assert {name[:7] for name in gone} == {period}
    assert set(sealed(ledger).op) - set(first.op) == {held.op}


def test_a_settle_after_a_presume_and_a_void_change_theirs(ledger):
    held = [call for call in ledger.unsettled(ME, INFERENCE) if month.period_at(call.sent_at) < "2026-11"]
    ledger._clock.t = NOW + 2 * DAY
    ledger.presume()
    assert set(sealed(ledger).op) >= {call.op for call in held}
    ledger.settle(held[0].op, a_bill(500))
    ledger.void(held[1].op)
    check(ledger)
    calls = sealed(ledger).set_index("op")
    assert calls.tokens[held[0].op] == 500
    assert held[1].op not in calls.index


def test_a_correction_touches_no_seal(ledger):
    sealed(ledger)
    before = stamps(ledger)
    ledger.correct(ME, INFERENCE, 40, op=new_op())
    check(ledger)
    assert stamps(ledger) == before


def test_a_month_that_closes_is_sealed_too(ledger):
    sealed(ledger)
    later = at(2026, 12, 2)
    assert_frame_equal(read(ledger, [ME], None, None, now=later, fewest=1), unsealed(ledger))
    assert files(ledger)[-1].name.startswith("2026-11")


def test_a_month_without_calls_needs_no_file(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db", clock=Clock(at(2026, 7, 1)))
    ledger.set_plan(ME, INFERENCE, 1_000, source="me")
    for sent_at in (at(2026, 7, 5), at(2026, 10, 5)):
        call = Call(new_op(), sent_at, "a-model", INFERENCE, 5)
        ledger.hold(ME, call, due=at(2026, 7, 1) + HOUR)
        ledger.settle(call.op, a_bill(5))
    for _ in range(2):
        check(ledger)
    assert [path.name[:7] for path in files(ledger)] == ["2026-07", "2026-10"]
    ledger.close()


def test_days_of_a_month_that_goes_on_are_sealed_until_it_is_over(ledger, monkeypatch):
    def days():
        return [path.name[:10] for path in files(ledger) if path.name[10:11] == "-"]

    monkeypatch.setattr(reading, "FEWEST_OF_MONTH", 1)
    check(ledger)
    whole = days()
    assert "2026-11-05" in whole
    assert max(whole) < "2026-11-23"
    ledger._clock.t = at(2026, 11, 12)
    late = Call(new_op(), ledger._clock.t, "a-model", INFERENCE, 5)
    ledger.hold(ME, late, due=NOW + DAY)
    ledger._clock.t = NOW
    before = stamps(ledger)
    ledger.settle(late.op, a_bill(7))
    check(ledger)
    anew = {name[:10] for name, _ in stamps(ledger).items() - before.items()}
    assert anew == {"2026-11-12"}
    read(ledger, [ME], None, None, now=at(2026, 12, 2), fewest=1)
    assert (len(files(ledger)), days()) == (5, [])


def test_an_interrupt_keeps_the_months_that_were_sealed(ledger, monkeypatch):
    whole = Copying.columns

    def columns(copying, since, until):
        if month.period_at(since) == "2026-09":
            raise KeyboardInterrupt
        return whole(copying, since, until)

    with monkeypatch.context() as interrupted, pytest.raises(KeyboardInterrupt):
        interrupted.setattr(Copying, "columns", columns)
        sealed(ledger)
    before = stamps(ledger)
    assert [name[:7] for name in before] == ["2026-07", "2026-08"]
    check(ledger)
    assert before.items() <= stamps(ledger).items()


def test_one_who_only_reads_seals_as_well(ledger):
    view = LedgerView(ledger.path, clock=lambda: NOW)
    check(view)
    assert len(files(view)) == 4
    view.close()


def test_without_pyarrow_the_same_frame_comes_from_the_ledger(ledger, monkeypatch):
    expected = sealed(ledger)
    monkeypatch.setattr(reading, "find_spec", lambda name: None)
    for path in files(ledger):
        path.unlink()  # in place of one that is mapped, not into it
        path.write_bytes(b"not looked at")
    assert_frame_equal(sealed(ledger), expected)


@pytest.mark.skipif(os.name == "nt", reason="a folder's mode says nothing there")
def test_where_nothing_can_be_written_the_ledger_serves(ledger):
    (ledger.folder / "ledger.db.seals").write_bytes(b"")  # a file in the folder's place
    check(ledger)


def test_a_long_month_is_sealed_block_by_block_with_growing_dictionaries(ledger, monkeypatch):
    monkeypatch.setattr(Copying, "columns", partialmethod(Copying.columns, size=3))
    check(ledger)
    check(ledger)


def test_rows_come_in_their_order_in_whatever_one_the_database_has_them(ledger, monkeypatch):
    whole = Copying.columns

    def backwards(copying, since, until):
        for block in whole(copying, since, until):
            yield json.dumps({name: column[::-1] for name, column in json.loads(block).items()})

    expected = unsealed(ledger)
    monkeypatch.setattr(Copying, "columns", backwards)
    check(ledger)
    assert_frame_equal(sealed(ledger), expected)


def test_memory_is_let_go_of_while_a_long_column_is_read(ledger, monkeypatch):
    monkeypatch.setattr(Copying, "columns", partialmethod(Copying.columns, size=2))
    monkeypatch.setattr(arrow, "_OFTEN", 3)
    check(ledger)


def test_calls_of_one_instant_and_names_of_any_kind_come_whole_as_columns(where):
    ledger = Ledger(where, clock=Clock(BEGIN))
    assert not len(by_rows(ledger)) and not len(unsealed(ledger))
    ledger.set_plan(ME, INFERENCE, 1_000, source="me")
    names = ['a "quoted" \\ name', "line\nbreak\x1f", "日本語 😀", '{"wbs": "1"}', "", "null", None]
    for name in names:
        call = Call(new_op(), BEGIN, "a-model", INFERENCE, 5, notebook=name)
        ledger.hold(ME, call, due=NOW)
        ledger.settle(call.op, a_bill(10**15 if name is None else 5))
    blocks = [*ledger.copying(ME).columns(None, None, size=2)]
    rows = [row for block in blocks for row in zip(*json.loads(block).values(), strict=True)]
    assert sorted(rows, key=itemgetter(1, 0)) == ledger.calls(ME)
    assert len(rows) == len(names)
    assert_frame_equal(unsealed(ledger), by_rows(ledger))
    ledger.close()


def test_the_next_block_is_read_while_one_is_looked_at():
    asked = threading.Event()

    def blocks():
        yield "first"
        asked.set()
        yield "second"

    ahead = arrow._ahead(blocks())
    assert next(ahead) == "first"
    assert asked.wait(60)
    assert [*ahead] == ["second"]


def seal_at_once(path, start, results):
    ledger = Ledger(path, clock=Clock(NOW))
    start.wait(WAIT_S)
    try:
        for _ in range(3):
            results.put(int(sealed(ledger).tokens.sum()))
    except BaseException as error:
        results.put(repr(error))
    ledger.close()


@pytest.mark.long
def test_processes_that_seal_at_once_agree(ledger):
    expected = int(unsealed(ledger).tokens.sum())
    start, results = PROCESSES.Event(), PROCESSES.Queue()
    processes = [PROCESSES.Process(target=seal_at_once, args=(ledger.path, start, results)) for _ in range(3)]
    for process in processes:
        process.start()
    start.set()
    assert [results.get(timeout=WAIT_S) for _ in range(9)] == [expected] * 9
    for process in processes:
        process.join()
    assert len(files(ledger)) == 4
    check(ledger)


def test_nothing_but_seals_and_their_manifest_stays(ledger):
    sealed(ledger)
    (folder,) = (ledger.folder / "ledger.db.seals").glob("*/")
    (folder / "left-by-a-crash.tmp").write_bytes(b"x")
    files(ledger)[0].unlink()
    sealed(ledger)
    assert {path.suffix or path.name for path in folder.iterdir()} == {".arrow", ".json", "lock", ".next"}


def test_no_prompt_no_key_and_no_unknown_column_is_in_a_seal(ledger):
    import pyarrow.ipc

    sealed(ledger)
    (path, *_) = files(ledger)
    with pyarrow.OSFile(str(path)) as file:
        names = pyarrow.ipc.open_file(file).schema.names
        assert sorted(names) == sorted(unsealed(ledger).columns)


def test_a_frame_of_many_categories_keeps_them_sorted_and_used(ledger):
    calls = sealed(ledger, since=at(2026, 10, 5), until=at(2026, 10, 6))
    assert list(calls.model.cat.categories) == sorted(set(calls.model))
    assert isinstance(calls.model.dtype, pandas.CategoricalDtype)
