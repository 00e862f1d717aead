"""What calls are booked under, from where it is said to the log: project, billing codes, job and client."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import pandas
import pytest
from ledger_desk import HOUR, INFERENCE, ME, Clock, a_bill, a_call, at
from sqlalchemy import text

import asksage_jupyter as sage
from asksage_jupyter.account import tags
from asksage_jupyter.errors import BadInput, ConfigurationError
from asksage_jupyter.ledger import CALL_COLUMNS, Ledger, LedgerView
from asksage_jupyter.ledger.reads.export import export
from asksage_jupyter.ledger.tables.chain import about_call
from asksage_jupyter.session import current
from asksage_jupyter.session.holding.settling import Settling
from asksage_jupyter.settings import AskSage
from asksage_jupyter.statements.gather import gather
from asksage_jupyter.usage_log import report

pytest_plugins = ["postgres_server"]

BOOKED = {"job": "labels", "tags": '{"task":"ä","wbs":"1234.5"}', "client": "openai-python"}


@pytest.fixture
def ledger(where):
    with closing(Ledger(where, clock=Clock())) as ledger:
        ledger.set_plan(ME, INFERENCE, 1000, source="me")
        yield ledger


def spend(ledger, tokens=5, **fields):
    call = a_call(tokens, ledger._clock, **fields)
    ledger.hold(ME, call, due=ledger._clock() + HOUR)
    ledger.settle(call.op, a_bill(tokens))
    return call.op


def columns(row, names=BOOKED):
    told = dict(zip(CALL_COLUMNS, row, strict=True))
    return {name: told[name] for name in names}


# -- the ledger --------------------------------------------------------------------------------------


def test_a_call_keeps_what_it_is_booked_under(ledger):
    spend(ledger, **BOOKED)
    spend(ledger)
    assert [columns(row) for row in ledger.calls()] == [BOOKED, dict.fromkeys(BOOKED)]
    opened = a_call(3, ledger._clock, **BOOKED)
    ledger.hold(ME, opened, due=ledger._clock() + HOUR)
    assert [columns(row) for row in ledger.open_calls(ME)] == [BOOKED]
    assert ledger.verify().ok


@pytest.mark.parametrize(
    "change", ["job = 'other'", "tags = NULL", "job = NULL", "client = job, job = client", "client = NULL"]
)
def test_what_it_is_booked_under_is_bound_by_the_hash(ledger, change):
    spend(ledger, **BOOKED)
    ledger._store.write(lambda connection: connection.execute(text(f"UPDATE call SET {change}")))
    assert "its hash is not that of its fields" in "".join(ledger.verify().problems)


def test_a_call_that_is_booked_under_nothing_has_the_hash_it_always_had():
    call = a_call(5, notebook="a.ipynb", project="apollo")
    assert about_call(call) == (call.sent_at, "a-model", 5, "a.ipynb", None, "apollo", None)


def test_an_older_ledger_is_read_as_it_is_then_migrated_and_still_adds_up(tmp_path):
    path = tmp_path / "old.db"
    with closing(Ledger(path, clock=Clock())) as ledger:
        ledger.set_plan(ME, INFERENCE, 1000, source="me")
        spend(ledger)
        head = ledger.verify().head
    with closing(sqlite3.connect(path)) as older:
        for name in BOOKED:
            older.execute(f"ALTER TABLE call DROP COLUMN {name}")
        older.execute("PRAGMA user_version = 6")
        older.commit()
    with closing(LedgerView(path, clock=Clock())) as view:
        assert [columns(row) for row in view.calls()] == [dict.fromkeys(BOOKED)]
        assert (view.verify().problems, view.verify().head) == ((), head)
        assert export(path, tmp_path / "old.jsonl").left_out == 0
        with closing(Ledger(path, clock=Clock())) as ledger:
            assert ledger.verify().head == head
            spend(ledger, **BOOKED)
        assert columns(view.calls()[-1]) == BOOKED


def test_an_export_tells_it_too(ledger, tmp_path):
    if ledger.path is None:
        pytest.skip("files are exported")
    spend(ledger, **BOOKED)
    spend(ledger)
    assert export(ledger.path, tmp_path / "all.jsonl").left_out == 0
    lines = map(json.loads, (tmp_path / "all.jsonl").read_text().splitlines())
    held = [line for line in lines if line["kind"] == "hold"]
    assert [{name: line[name] for name in BOOKED} for line in held] == [BOOKED, dict.fromkeys(BOOKED)]


def test_a_statement_has_a_line_for_each_code(ledger):
    spend(ledger, 5, tags=tags.text_of({"wbs": "1.1"}))
    spend(ledger, 7, tags=tags.text_of({"wbs": "=1.2", "task": "7"}))
    spend(ledger, 9)
    told = gather(ledger, ME, None)
    rows = csv.reader(io.StringIO(told.to_csv()))
    found = [(section, name, tokens) for _, _, section, name, _, tokens in rows if section.startswith("tag:")]
    assert found == [
        ("tag:task", "", "14"), ("tag:task", "7", "7"),
        ("tag:wbs", "", "9"), ("tag:wbs", "'=1.2", "7"), ("tag:wbs", "1.1", "5"),
    ]  # fmt: skip
    assert "Inference by wbs" in told.to_html()


# -- where it is said --------------------------------------------------------------------------------


def booked_now():
    session = current()
    settling = Settling(session.account, session.settings, lambda: session.ledger, session.clock, print)
    call = settling.call("a-model", 1)
    return call.project, tags.read(call.tags), call.job, call.client


def test_a_block_adds_to_the_block_around_it_and_leaves_nothing_behind():
    with sage.booked(project="apollo", tags={"wbs": "1"}):
        with sage.booked(tags={"task": "2"}, job="labels", client="a script"):
            assert booked_now() == ("apollo", {"wbs": "1", "task": "2"}, "labels", "a script")
        assert booked_now() == ("apollo", {"wbs": "1"}, None, None)
    assert booked_now() == (None, {}, None, None)


def test_what_is_nearer_counts_of_block_setting_and_file(tmp_path, monkeypatch):
    folder = tmp_path / "repository" / "notebooks"
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.asksage.tags]\nabove = "the repository"\n')
    (tmp_path / "repository" / ".git").mkdir()
    file = tmp_path / "repository" / "pyproject.toml"
    monkeypatch.chdir(folder)
    assert booked_now()[1] == {}
    file.write_text('[tool.asksage.tags]\nwbs = "file"\ntask = "file"\nowner = "file"\n')
    assert booked_now()[1] == {"wbs": "file", "task": "file", "owner": "file"}
    AskSage.instance().tags = {"wbs": "setting", "task": "setting"}
    with sage.booked(tags={"wbs": "block"}):
        assert booked_now()[1] == {"wbs": "block", "task": "setting", "owner": "file"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[tool.asksage", "cannot be read"),
        ("[tool.asksage.tags]\nwbs = 1234.50", 'write the code in quotes, like wbs = "1234.5"'),
        ('[tool.asksage.tags]\n"a b" = "1"', "names no code"),
        ('[tool.asksage]\ntags = "1"', r"\[tool.asksage.tags\] is no table"),
        ("[tool]\nasksage = 1", r"\[tool.asksage.tags\] is no table"),
    ],
)
def test_a_file_that_says_what_is_no_code_is_told_and_never_passed_over(tmp_path, monkeypatch, said, told):
    (tmp_path / "pyproject.toml").write_text(said)
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ConfigurationError, BadInput), match=told) as refused:
        booked_now()
    assert str(tmp_path / "pyproject.toml") in str(refused.value)


def test_a_setting_that_is_no_code_is_refused():
    with pytest.raises(BadInput, match=r"AskSage\.tags"):
        AskSage.instance().tags = {"wbs": "a\nb"}
    with pytest.raises(BadInput, match="10 codes are the most"):
        AskSage.instance().tags = {f"n{number}": "1" for number in range(11)}


# -- a cell, and the log -----------------------------------------------------------------------------


def test_a_cell_books_under_its_own_project_and_codes(shell, server):
    AskSage.instance().project = "usual"
    shell.run_cell("%%asksage --project apollo --tag wbs=1234.5 --tag task=7\nWhy?").raise_error()
    shell.run_cell("%%asksage\nWhy?").raise_error()
    found = sage.usage()
    assert list(found.project) == ["apollo", "usual"]
    assert found.tags[0] == '{"task":"7","wbs":"1234.5"}'
    assert found.tags.isna().tolist() == [False, True]


@pytest.mark.parametrize("said", ["--tag wbs", "--tag =1", "--tag wbs=", "--tag 1=2"])
def test_a_cell_with_what_is_no_code_is_refused(shell, server, said):
    with pytest.raises(BadInput, match="--tag"):
        shell.run_cell(f"%%asksage {said}\nWhy?").raise_error()


@pytest.fixture
def log(own_settings):
    session = current()
    session.ledger.set_plan(session.account, INFERENCE, 1000, source="me")
    one, other = {"wbs": "1"}, {"wbs": "1", "task": "x"}
    spent = [(5, "small", one), (7, "large", other), (9, "small", {"wbs": "2"}), (2, "small", {})]
    for tokens, model, codes in spent:
        call = a_call(tokens, lambda: at(2026, 11, 23), tags=tags.text_of(codes))
        session.ledger.hold(session.account, call, due=session.clock() + HOUR)
        session.ledger.settle(call.op, a_bill(tokens, model=model))
    return sage.usage()


def test_the_log_is_divided_by_a_code(log):
    table = log.asksage.by("tag:wbs")
    assert table.index.name == "tag:wbs"
    assert list(table.tokens) == [12, 9, 2]
    assert list(table.index[:2]) == ["1", "2"]
    assert pandas.isna(table.index[2])
    assert log.asksage.by("tag:none-has-it").tokens.tolist() == [23]
    read_back = log.astype({"tags": object})
    assert read_back.asksage.by("tag:wbs").tokens.tolist() == [12, 9, 2]


def test_the_log_is_divided_by_two_keys(log):
    table = log.asksage.by(["model", "tag:wbs"])
    assert table.index.names == ["model", "tag:wbs"]
    rows = [(*key, int(tokens)) for key, tokens in table.tokens.items()]
    assert rows[:3] == [("small", "2", 9), ("large", "1", 7), ("small", "1", 5)]
    assert pandas.isna(rows[3][1])
    assert table.share.sum() == pytest.approx(1)
    assert log.asksage.by(["day", "model"]).tokens.sum() == 23
    with pytest.raises(BadInput, match="tag:NAME"):
        log.asksage.by(["model", "fortnight"])
    with pytest.raises(BadInput, match="not none"):
        log.asksage.by([])


def test_the_report_and_the_command_take_codes_and_two_keys(log, shell):
    told = str(report("model,tag:wbs", "2026-11"))
    assert "small · 2" in told
    assert "small · not told" in told
    assert list(report("model,tag:wbs", "2026-11").to_frame().columns)[:3] == ["meter", "model", "tag:wbs"]
    shell.run_cell("%asksage usage 2026-11 --by tag:wbs").raise_error()
    with pytest.raises(BadInput, match="'fortnight' is not one of"):
        shell.run_cell("%asksage usage --by model,fortnight").raise_error()
