"""A damaged ledger: every flipped bit is named or harmless, and what is whole can be saved."""

import csv
import json
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fault_desk import GRANTED, fresh_ops, plan, spend
from ledger_desk import DAY, HOUR, INFERENCE, ME, a_call

from asksage_jupyter import session
from asksage_jupyter.account import Account
from asksage_jupyter.cli import doctor
from asksage_jupyter.errors import BadInput, LedgerError, LedgerUnusable
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.ledger.reads.export import EXPORT_COLUMNS, export
from asksage_jupyter.month import now

pytestmark = pytest.mark.long

CALLS = 60
ENTRIES = 1 + 2 * CALLS + 1  # the allotment, and a hold that is open


def unheard(_word, _op):
    pass


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The bytes of a closed ledger."""
    path = tmp_path_factory.mktemp("whole") / "ledger.db"
    with closing(Ledger(path)) as ledger:
        plan(ledger, unheard)
        spend(ledger, unheard, fresh_ops(CALLS))
        ledger.hold(ME, a_call(5, now, notebook="é.ipynb"), due=now() + DAY)
    return path.read_bytes()


@pytest.fixture
def path(content):
    """The ledger of this test's settings."""
    path = Path(os.environ["ASKSAGE_LEDGER"])
    path.write_bytes(content)
    yield path
    session.forget()


def tables(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        names = ("account", "plan", "grant_", "entry", "call", "bill")
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}


def alter(path, statement):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(statement).rowcount == 1
        connection.commit()


def flip(content, chance):
    flipped = bytearray(content)
    bit = chance.randrange(8 * len(content))
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def told_of(path):
    """What is told of the ledger at `path`: its problems, or the error that refuses it."""
    try:
        with closing(Ledger(path)) as ledger:
            return ledger.verify().problems
    except LedgerError as error:
        return (str(error),)


def test_a_flipped_bit_is_told_or_changes_nothing(content, tmp_path):
    chance, told, before = random.Random(6), 0, None
    for number in range(60):
        path = tmp_path / f"{number}.db"
        path.write_bytes(content)
        before = before or tables(path)
        path.write_bytes(flip(content, chance))
        problems = told_of(path)
        told += bool(problems)
        assert problems or tables(path) == before
        if number % 4:
            continue
        try:
            found = export(path, tmp_path / f"{number}.jsonl")
        except LedgerError:
            continue  # not even the tables' names can be read
        assert found.whole <= ENTRIES
        if not problems:
            assert found.whole == ENTRIES
    assert told > 10


def test_the_damaged_entry_is_named_by_grant_number_and_op(path):
    with closing(sqlite3.connect(path)) as connection:
        op = connection.execute("SELECT op FROM entry WHERE seq = 7").fetchone()[0]
    alter(path, "UPDATE entry SET tokens = tokens + 1 WHERE seq = 7")
    problems = told_of(path)
    assert problems[0].startswith("grant 1 (allotment:")
    assert f"entry 7 (settle, op {op}): " in problems[0]


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        ("grant_", "source = x'ff'"),
        ("entry", "granted = x'ff'"),
        ("entry", "op = 'x' || seq"),  # of its kind, but its call is gone
        ("bill", "tokens = 'few'"),
    ],
)
def test_a_value_of_another_kind_is_told_as_damage_in_a_line(path, table, changed):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE {table} SET {changed}")
        connection.commit()
    reads = (
        lambda ledger: ledger.balance(ME),
        lambda ledger: ledger.month(ME, INFERENCE),
        lambda ledger: ledger.recent(ME),
        lambda ledger: ledger.unsettled(ME, INFERENCE),
        lambda ledger: ledger.usual_call(ME, INFERENCE),
        lambda ledger: ledger.hold(ME, a_call(5, now), due=now() + DAY),
    )
    refused = 0
    for read in reads:
        with closing(Ledger(path)) as ledger:
            try:
                read(ledger)
            except LedgerUnusable as error:
                assert "doctor --export" in str(error)
                assert "\n" not in str(error)
                refused += 1
    assert refused
    assert told_of(path)


TEAM = Account("api.example", "ana@example"), Account.of_pool("api.example", "lab")


@pytest.fixture
def of_a_team(path):
    """The ledger with a pool too: Ana has a cap of 40, had one of 50, and before it a plan of her own."""
    ana, lab = TEAM
    with closing(Ledger(path)) as ledger:
        ledger.set_plan(ana, INFERENCE, 90, source="me")
        ledger.set_plan(lab, INFERENCE, 1000, source="me")
        for cap in (50, 40):
            ledger.join_pool(ana, INFERENCE, lab, cap)
            ledger.hold(ana, a_call(5, now), due=now() + DAY)
        assert ledger.verify().problems == ()
    return path


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE plan SET monthly = monthly + 1 WHERE account_id = 1", "not made from the plan or the cap"),
        ("UPDATE plan SET since = '2999-01' WHERE account_id = 1", "not made from the plan or the cap"),
        ("DELETE FROM plan WHERE account_id = 1", "not made from the plan or the cap"),
        ("UPDATE member SET cap = 4000 WHERE seq = 2", "not made from the plan or the cap"),
        ("UPDATE member SET cap = NULL, pool_id = NULL WHERE seq = 2", "not made from the plan or the cap"),
        ("DELETE FROM member WHERE seq = 2", "not made from the plan or the cap"),
        ("DELETE FROM member WHERE seq = 1", "a row of its member is missing"),
        ("UPDATE account SET zone = 'Asia/Tokyo' WHERE id = 1", "not made in its account's zone, Asia/Tokyo"),
        ("UPDATE account SET zone = 'UTB' WHERE id = 1", "not made in its account's zone, UTB"),
    ],
)
def test_verify_tells_of_a_plan_a_cap_or_a_zone_that_was_changed_by_hand(of_a_team, statement, told):
    alter(of_a_team, statement)
    [problem] = told_of(of_a_team)
    assert told in problem


def test_verify_tells_of_a_plan_of_another_kind(path):
    alter(path, "UPDATE plan SET monthly = 'many'")
    assert told_of(path)[-1] == "plan: a value is not of its column's kind"


def test_a_fault_of_the_programs_own_is_not_called_damage(path):
    with closing(Ledger(path)) as ledger, pytest.raises(AttributeError):
        ledger.recent(None)


def test_doctor_explains_the_damage_in_a_line_and_saves_what_is_whole(path, tmp_path):
    alter(path, "UPDATE entry SET tokens = tokens + 1 WHERE seq = 7")
    target = tmp_path / "ledger.jsonl"
    found = {subject: (line, is_right) for subject, line, is_right in doctor.findings(target)}
    line, is_right = found["ledger"]
    assert not is_right
    assert "\n" not in line
    assert "entry 7 (settle, op " in line
    assert "`asksage-jupyter doctor --export ledger.jsonl`" in line
    assert found["export"] == (f"{ENTRIES - 1:,} whole entries are in {target}; 1 left out, damaged", True)
    records = [json.loads(line) for line in target.read_text().splitlines()]
    assert [record["seq"] for record in records] == [*range(1, 7), *range(8, ENTRIES + 1)]
    assert records[0]["granted"] == GRANTED
    assert (records[1]["kind"], records[1]["notebook"]) == ("hold", "a.ipynb")
    assert (records[2]["kind"], records[2]["bill_tokens"]) == ("settle", 2)
    if os.name != "nt":
        assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("table", ["entry", "call", "bill", "grant_", "account"])
def test_what_lies_around_a_page_that_sqlite_refuses_is_saved(path, tmp_path, table):
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    broken = bytearray(path.read_bytes())
    page = memoryview(broken)[(root - 1) * size : root * size]
    if page[0] in (2, 5):  # an inner page: break the first of its leaves instead
        cell = int.from_bytes(page[12:14], "big")
        root = int.from_bytes(page[cell : cell + 4], "big")
    broken[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(broken)

    found = {subject: (line, is_right) for subject, line, is_right in doctor.findings(tmp_path / "a.csv")}
    line, is_right = found["ledger"]
    assert not is_right
    assert "asksage-jupyter doctor --export" in line
    with (tmp_path / "a.csv").open(newline="") as file:
        records = list(csv.DictReader(file))
    assert tuple(records[0]) == EXPORT_COLUMNS
    assert 0 < len(records) < ENTRIES
    assert found["export"][0].startswith(f"{len(records):,} whole entries")


def test_a_whole_ledger_is_exported_while_others_use_it(path, tmp_path):
    with closing(Ledger(path)) as ledger:
        ledger.hold(ME, a_call(1, now), due=now() + HOUR)
        found = export(path, tmp_path / "all.csv")
        ledger.hold(ME, a_call(1, now), due=now() + HOUR)
        assert (found.whole, found.left_out) == (ENTRIES + 1, 0)
        assert ledger.balance(ME).inference.held == 5 + 1 + 1
        assert ledger.unsettled(ME, INFERENCE)[0].tokens == 5


@pytest.mark.parametrize("name", ["ledger.xlsx", "ledger.db", "there.csv", "no/folder.csv"])
def test_an_export_never_writes_over_a_file(path, tmp_path, name):
    (tmp_path / "there.csv").touch()
    before = path.read_bytes()
    with pytest.raises(BadInput, match=name):
        export(path, tmp_path / name)
    assert path.read_bytes() == before
