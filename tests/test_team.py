"""The owner of a pool at the command line, and what PostgreSQL itself allows a member."""

import contextlib
import json
from datetime import timedelta

import psycopg
import pytest
from ledger_desk import HOUR, INFERENCE, a_bill, a_call
from scripted import envelope
from sqlalchemy import make_url
from tenant import MODEL, OTHER, USED, questions

import asksage_jupyter
from asksage_jupyter import cli, session
from asksage_jupyter.account import Account, Meter
from asksage_jupyter.errors import BadInput, LedgerError, NotEnoughTokens
from asksage_jupyter.ledger import Ledger
from asksage_jupyter.month import to_datetime
from asksage_jupyter.server.wire import figures
from asksage_jupyter.settings import AskSage
from asksage_jupyter.team import Team
from asksage_jupyter.widget import words
from asksage_jupyter.widget.page import html as page_of
from asksage_jupyter.widget.words import Shown

pytest_plugins = ["postgres_server"]

HOST = "api.example"
ANA, BEN, EVE = (Account(HOST, f"{name}@example") for name in ("ana", "ben", "eve"))
USERS = "/user/admin-get-all-users-with-tokens"


@pytest.fixture
def owner(where, monkeypatch):
    """The settings of who owns the ledger, on both databases."""
    monkeypatch.setenv("ASKSAGE_URL", f"https://{HOST}")
    monkeypatch.setenv("ASKSAGE_EMAIL", "owner@example")
    monkeypatch.setenv("ASKSAGE_LEDGER", str(where))
    AskSage.clear_instance()
    return where


@pytest.fixture
def run(owner, capsys):
    """Run a command below `team`; returns what it printed, and on which stream."""

    def run(*arguments):
        code = cli.main(["team", *arguments])
        out, err = capsys.readouterr()
        assert code == (1 if err else 0)
        return err or out

    return run


@pytest.fixture
def ledger(owner):
    return session.current().ledger


def spend(ledger, account, tokens, *, billed=None):
    call = a_call(tokens, ledger._clock)
    ledger.hold(account, call, due=ledger._clock() + HOUR)
    ledger.settle(call.op, a_bill(tokens if billed is None else billed))
    return call.op


# The command line


def test_a_pool_is_made_and_its_members_managed(run, ledger):
    assert "there is no pool yet: make one with  asksage-jupyter team init" in run("report")
    assert "Pool lab: 10,000 inference tokens a month." in run("init", "--pool", "lab", "--monthly", "10,000")
    assert run("add", "Ana@Example", "--cap", "3000").startswith("ana@example spends from lab: inference.")
    assert "ben@example spends from lab" in run("add", "ben@example")
    assert run("add", "ben@example") == "ben@example was a member already.\n"
    spend(ledger, ANA, 1500)
    spend(ledger, BEN, 500)
    report = run("report")
    assert "inference: 8,000 of 10,000 left (2,000 used)" in report
    assert ["ana@example", "1,500", "0", "3,000", "75%"] in [line.split() for line in report.splitlines()]
    assert ["ben@example", "500", "0", "none", "25%"] in [line.split() for line in report.splitlines()]
    assert (
        run("cap", "ana@example", "1600")
        == "ana@example has a cap of 1,600 tokens a month on the inference meter.\n"
    )
    with pytest.raises(NotEnoughTokens, match="your cap has 100 left"):
        spend(ledger, ANA, 101)
    assert run("cap", "ana@example", "none").startswith("ana@example has no cap")
    assert run("remove", "ana@example") == "ana@example has left; their history stays.\n"
    assert "ana@example is no member of lab." in run("remove", "ana@example")
    assert "bem@example is no member of lab. Near it: ben@example." in run("remove", "bem@example")
    assert "ana@example is no member of lab" in run("cap", "ana@example", "5")
    assert ["ana@example", "1,500", "0", "left", "75%"] in [
        line.split() for line in run("report").splitlines()
    ]


def test_a_member_is_granted_tokens_until_a_day(run, ledger):
    run("init", "--pool", "lab", "--monthly", "10,000")
    run("add", "ana@example", "--cap", "1000")
    run("add", "ben@example")
    last = (to_datetime(ledger._clock()) + timedelta(days=3)).date()
    told = run("grant", "ana", "5_000", "--until", str(last))
    assert told.startswith("ana may spend 5,000 inference tokens of lab beside the cap through ")
    assert run("grant", "ana@example", "5000", "--until", str(last)) == (
        "ana@example was granted that already.\n"
    )
    assert "was granted 5,000 inference tokens until then, not 6,000" in run(
        "grant", "ana", "6000", "--until", str(last)
    )
    spend(ledger, ANA, 1_500)
    assert ledger.balance(ANA).inference.remaining == 4_500
    assert f"1,000  3,500 until {last.day}" in run("report")
    assert "ben@example has no cap in lab" in run("grant", "ben", "5", "--until", str(last))
    assert "nobody@example is no member of lab" in run("grant", "nobody@example", "5", "--until", str(last))
    for over in ("2026-01-01", "yesterday"):
        assert "a grant must end after now" in run("grant", "ana", "5", "--until", over)
    assert "until is a date like" in run("grant", "ana", "5", "--until", "soon")


def test_the_report_is_a_page_with_members_codes_days_and_forecast(run, ledger, tmp_path):
    run("init", "--pool", "lab", "--monthly", "10,000")
    run("add", "ana@example", "--cap", "3000")
    ledger.set_plan(EVE, INFERENCE, 500, source="me")
    spend(ledger, EVE, 500)  # who is no member is not the pool's affair
    call = a_call(1500, ledger._clock, tags='{"wbs":"<1.5>"}')
    ledger.hold(ANA, call, due=ledger._clock() + HOUR)
    ledger.settle(call.op, a_bill(1500))
    assert run("report", "--html", str(tmp_path / "lab.html")) == f"The report is in {tmp_path}/lab.html.\n"
    page = (tmp_path / "lab.html").read_text()
    for part in ("<!DOCTYPE html>", "Pool lab, ", "ana@example", "3,000", "Inference by wbs", "&lt;1.5&gt;",
                 "Inference by model", "Inference by day", "Too early to say how"):  # fmt: skip
        assert part in page
    assert "<script" not in page
    assert "http" not in page.replace("https://", "")
    assert "cannot be written" in run("report", "--html", str(tmp_path))
    told = json.loads(run("report", "--json"))
    assert [(each["by"], each["parts"][0]["tokens"]) for each in told["divisions"]] == [
        ("model", 1500), ("tag:wbs", 1500),
    ]  # fmt: skip
    assert told["paces"][0]["remaining"] == 8_500


def test_a_second_pool_is_named(run):
    run("init", "--pool", "lab", "--monthly", "100")
    run("init", "--pool", "shop", "--monthly", "100", "--training", "7")
    assert "name one of the pools with --pool: lab, shop" in run("add", "ana@example")
    assert "inference and training" in run("add", "ana@example", "--pool", "shop")
    assert "there is no pool nope: name one of the pools with --pool: lab, shop" in run(
        "report", "--pool", "nope"
    )
    assert "spends from another pool" in run("add", "ana@example", "--pool", "lab")


@pytest.mark.parametrize("name", ["ana", "@example", "ana@example ben@example", " "])
def test_only_an_email_or_who_has_used_the_ledger_becomes_a_member(name, run, ledger):
    run("init", "--pool", "lab", "--monthly", "100")
    assert f"{name!r} is nobody's e-mail: write it as at Ask Sage" in run("add", name)
    assert ledger.members(Account.of_pool(ANA.host, "lab"), Meter.INFERENCE) == []


def test_whoever_has_used_the_ledger_without_an_email_becomes_a_member(run, ledger):
    nameless = Account(ANA.host, "joan (no e-mail)")
    ledger.set_plan(nameless, Meter.INFERENCE, 10, source="test")
    run("init", "--pool", "lab", "--monthly", "100")
    assert "joan (no e-mail) spends from lab" in run("add", "joan (no e-mail)")


def test_a_meter_that_the_pool_gets_later_is_its_members_too(run, ledger):
    run("init", "--pool", "lab", "--monthly", "100")
    run("add", "ana@example")
    run("init", "--pool", "lab", "--training", "50")
    assert ledger.balance(ANA).training.remaining == 50


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("init", "--pool", "lab"), "tell the tokens of the pool lab a month"),
        (("init", "--monthly", "5"), "name the pool"),
        (("init", "--pool", " ", "--monthly", "5"), "cannot be a pool's name"),
    ],
)
def test_what_is_missing_is_said(run, arguments, told):
    assert told in run(*arguments)


@pytest.mark.parametrize("number", ["many", "-5", "1.5"])
def test_what_is_no_number_of_tokens_is_told_so(number, capsys):
    with pytest.raises(SystemExit):
        cli.main(["team", "cap", "ana@example", number])
    assert f"{number!r} is not a number of Ask Sage tokens: write a whole number" in capsys.readouterr().err


def test_a_file_says_that_it_enforces_nothing(run, owner):
    told = run("init", "--pool", "lab", "--monthly", "5")
    assert ("knows no roles" in told) == (not str(owner).startswith("postgresql"))


def test_the_service_tells_the_caps_and_books_nothing_unasked(server, tmp_path, capsys):
    people = [
        {"id": 1, "email": "Ana@Example", "max_tokens": 5000, "max_train_tokens": 70, "mfa_secret": "s3"},
        {"id": 2, "email": "ben@example", "max_tokens": 800},
        {"id": 3, "email": None, "max_tokens": 9},
    ]
    server.on(USERS, {"response": people, "status": 200})
    assert cli.main(["team", "init", "--pool", "lab", "--monthly", "9000"]) == 0
    assert cli.main(["team", "add", "ben@example", "--cap", "200"]) == 0
    capsys.readouterr()
    assert cli.main(["team", "import-admin"]) == 0
    told = capsys.readouterr().out
    assert told.splitlines() == [
        "  ana@example  inference: joins with a cap of 5,000",
        "  ben@example  inference: 200 -> 800",
        "Nothing was booked: run it again with --apply.",
    ]
    assert cli.main(["team", "import-admin", "--apply"]) == 0
    assert "2 caps booked." in capsys.readouterr().out
    assert cli.main(["team", "import-admin"]) == 0
    assert capsys.readouterr().out == "2 users read: every limit is a cap already.\n"
    ledger = session.current().ledger
    team = Team.of(ledger, session.current().account.host, "lab")
    assert {each.account.holder: each.cap for each in ledger.members(team.pool, INFERENCE)} == {
        "ana@example": 5000,
        "ben@example": 800,
    }


def test_a_long_list_is_read_to_its_end_though_the_tenant_always_gives_the_same_page(server):
    page = [{"email": f"user{n}@example", "max_tokens": n, "mfa_secret": "x"} for n in range(1000)]
    server.on(USERS, {"response": {"users": page, "total": 5000}, "status": 200})
    users = session.current().service.users()
    assert len(users) == 1000
    assert users[7].limits.inference == int(users[7].email[4:-8])
    asked = [json.loads(each.content) for each in server.requests if each.path == USERS]
    assert [(each["start"], each["limit"]) for each in asked] == [(0, 1000), (1000, 1000)]
    assert all(each["hide_banned"] is True and each["full"] is False for each in asked)


def test_whoever_is_banned_is_left_out(server):
    rows = [
        {"email": "ada@example.org", "max_tokens": 5, "banned": False, "status": "active"},
        {"email": "eve@example.org", "max_tokens": 5, "banned": True},
        {"email": "mal@example.org", "max_tokens": 5, "status": "banned"},
    ]
    server.on(USERS, {"response": rows, "status": 200})
    assert [user.email for user in session.current().service.users()] == ["ada@example.org"]


def test_who_is_no_administrator_is_told_so(server, capsys):
    server.on(USERS, envelope("", status=403, response="Not authorized"))
    assert cli.main(["team", "init", "--pool", "lab", "--monthly", "9000"]) == 0
    assert cli.main(["team", "import-admin"]) == 1
    assert "Not authorized" in capsys.readouterr().err


# In a notebook


@pytest.fixture
def ada(server, capsys):
    """A session of a member with a cap, in a pool from which Ben has spent."""
    cli.main(["team", "init", "--pool", "lab", "--monthly", "900"])
    cli.main(["team", "add", "ada@example.org", "--cap", "500"])
    cli.main(["team", "add", "ben@example"])
    capsys.readouterr()
    ada = session.current()
    ben = Account(ada.account.host, "ben@example")
    spend(ada.ledger, ben, 100)
    ada.ledger.hold(ben, a_call(120, ada.ledger._clock), due=ada.ledger._clock() + HOUR)
    return ada


def test_a_cell_is_refused_by_the_cap_and_its_receipt_tells_what_is_left(ada, server):
    reply = asksage_jupyter.ask("Why is the sky blue?")
    left = 500 - reply.tokens
    assert f"{left:,} of 500 left" in reply.receipt
    spend(ada.ledger, ada.account, left - 1)
    asked = len(questions(server))
    with pytest.raises(NotEnoughTokens, match="your cap has 1 left until"):
        asksage_jupyter.ask("Why is the sky blue?")
    assert len(questions(server)) == asked


def test_what_the_pool_cannot_pay_is_refused_though_the_cap_could(ada, server):
    spend(ada.ledger, Account(ada.account.host, "ben@example"), 679)
    with pytest.raises(NotEnoughTokens, match="the pool lab has 1 left until"):
        asksage_jupyter.ask("Why is the sky blue?")
    with pytest.raises(NotEnoughTokens, match="the pool lab has 1 left until"):
        asksage_jupyter.compare("Why?", [MODEL, OTHER])
    assert questions(server) == []


def test_the_command_the_panel_and_the_wire_tell_both(ada, capsys):
    told = "pool lab: 680 of 900 left (100 used, 120 held by 1 open call of others)"
    assert cli.main(["balance"]) == 0
    shown = capsys.readouterr().out
    assert "inference: 500 of 500 left (0 used)" in shown
    assert told in shown
    balance = ada.balance()
    panel = Shown(balance=balance)
    assert "Inference: 500 of 500 left" in words.text(panel)
    for page in (words.text(panel), page_of(panel, live=False)):
        for part in ("Pool lab", "680", "of 900 left", "100 used", "120 held by 1 open call of others"):
            assert part in page
    wire = figures.meter(balance.inference, None)["pool"]
    told_of = [wire[name] for name in ("remaining", "held_by_others", "open_by_others", "capped")]
    assert told_of == [680, 120, 1, True]
    assert wire["words"] == told


def test_a_panel_says_that_a_pool_is_used_up_and_that_there_is_no_cap(ada):
    cli.main(["team", "cap", "ada@example.org", "none"])
    spend(ada.ledger, ada.account, 680)
    told = words.text(Shown(balance=ada.balance()))
    assert "Inference: you used 680 of the pool" in told
    assert "The pool lab is used up: calls are refused until 1 " in told


def test_what_other_devices_used_is_the_pools_too_and_the_services_limit_no_cap(ada):
    found = asksage_jupyter.reconcile()
    assert found.plans == ()
    inference = ada.balance().inference
    assert (inference.used, inference.granted, inference.pool.used) == (USED, 500, 100 + USED)


# What the database enforces


@pytest.fixture
def team(database):
    """A pool of 1,000 with Ana, capped at 300, Ben and no Eve, each with a login; and who owns it."""
    owner = Ledger(database)
    assert owner.install_roles()
    assert owner.install_roles()
    team = Team.make(owner, HOST, "lab", "UTC", {INFERENCE: 1000})
    name = make_url(database).database
    for account, caps in ((ANA, {INFERENCE: 300}), (BEN, {})):
        login = f"{account.holder[:3]}_{name}"
        assert team.add(account.holder, caps, login).login == login
    yield team
    assert owner.verify().problems == ()
    owner.close()


def login_of(database, account):
    url = make_url(database)
    return url.set(username=f"{account.holder[:3]}_{url.database}")


@pytest.fixture
def as_ana(team, database):
    url = login_of(database, ANA).render_as_string(hide_password=False)
    ledger = Ledger(url)
    yield ledger
    ledger.close()


@pytest.fixture
def raw(as_ana, database):
    """A connection of Ana's, to try things with."""
    url = login_of(database, ANA)
    with psycopg.connect(
        host=url.query["host"], user=url.username, dbname=url.database, autocommit=True
    ) as connection:
        yield connection


def test_a_member_spends_through_their_own_login(as_ana, team, database):
    assert as_ana.balance(ANA).inference.pool.remaining == 1000
    spend(as_ana, ANA, 100, billed=120)
    team.ledger.close()
    spend(team.ledger, BEN, 50)
    with pytest.raises(NotEnoughTokens, match="your cap has 180 left"):
        spend(as_ana, ANA, 181)
    as_ana.correct(ANA, INFERENCE, 30, op="counter:1")
    call = a_call(10, as_ana._clock)
    as_ana.hold(ANA, call, due=as_ana._clock() - 1)
    assert as_ana.presume() == 1
    as_ana.settle(call.op, a_bill(5))
    assert team.ledger.balance(team.pool).inference.used == 205
    assert {row.holder: row.used for row in team.report().rows} == {"ana@example": 155, "ben@example": 50}
    assert as_ana.verify().problems == ()


def test_without_a_cap_a_login_takes_what_the_pool_has(team, database):
    ledger = Ledger(login_of(database, BEN).render_as_string(hide_password=False))
    spend(ledger, BEN, 400)
    spend(ledger, BEN, 600)
    with pytest.raises(NotEnoughTokens, match="the pool lab has 0 left"):
        spend(ledger, BEN, 1)
    ledger.close()


def test_a_member_sees_their_own_calls_and_the_pools_totals_alone(as_ana, team, raw):
    mine = spend(as_ana, ANA, 10)
    theirs = spend(team.ledger, BEN, 70)
    assert [row[0] for row in as_ana.calls()] == [mine]
    assert as_ana.calls(BEN) == []
    assert as_ana.balance(BEN).inference.used == 0
    assert as_ana.balance(ANA).inference.pool.used == 80
    assert [known.account.holder for known in as_ana.accounts()] == ["ana@example"]
    for table in ("call", "bill"):
        assert raw.execute(f"SELECT count(*) FROM {table} WHERE op = %s", [theirs]).fetchone() == (0,)
    holders = raw.execute("SELECT holder FROM account GROUP BY holder ORDER BY holder").fetchall()
    assert holders == [("ana@example",), ("pool:lab",)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute("SELECT * FROM login")


@pytest.mark.parametrize("table", ["account", "plan", "member", "grant_", "entry", "call", "bill", "login"])
def test_nobody_updates_or_deletes(team, raw, database, table):
    column = {"login": "role", "entry": "seq", "call": "op", "bill": "seq", "plan": "seq", "member": "seq"}
    update = f"UPDATE {table} SET {column.get(table, 'id')} = {column.get(table, 'id')}"
    url = make_url(database)
    owner = psycopg.connect(host=url.query["host"], user=url.username, dbname=url.database, autocommit=True)
    with contextlib.closing(owner):
        for connection in (raw, owner):
            for sql in (update, f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(sql)


def test_who_left_reads_their_history_and_spends_no_more(as_ana, team):
    op = a_call(30, as_ana._clock)
    as_ana.hold(ANA, op, due=as_ana._clock() + HOUR)
    team.remove("ana@example")
    as_ana.settle(op.op, a_bill(25))
    with pytest.raises(NotEnoughTokens):
        spend(as_ana, ANA, 1)
    assert len(as_ana.calls(ANA)) == 1
    assert team.ledger.balance(team.pool).inference.used == 25


def test_what_is_spent_from_no_pool_is_ones_own(as_ana, team, database):
    as_ana.set_plan(ANA, Meter.TRAINING, 80, source="set_plan")
    as_ana.hold(ANA, a_call(70, as_ana._clock, meter=Meter.TRAINING), due=as_ana._clock() + HOUR)
    assert as_ana.balance(ANA).training.remaining == 10
    url = login_of(database, EVE)
    team.ledger.let_in(EVE, url.username)
    ledger = Ledger(url.render_as_string(hide_password=False))
    assert ledger.open_month(EVE, INFERENCE, 50, used=10, source="the service")
    ledger.set_plan(EVE, INFERENCE, 60, source="set_plan")
    spend(ledger, EVE, 40)
    assert ledger.balance(EVE).inference.remaining == 10
    assert team.ledger.balance(team.pool).inference.used == 0
    with pytest.raises(LedgerError):
        ledger.set_plan(BEN, Meter.TRAINING, 60, source="set_plan")
    with pytest.raises(LedgerError):
        ledger.join_pool(EVE, INFERENCE, team.pool)
    ledger.close()


def test_an_owner_who_is_no_superuser_sees_all_rows(team, postgres, database):
    name = f"head_{make_url(database).database}"
    postgres.execute(f"CREATE ROLE {name} LOGIN IN ROLE asksage_owner")
    spend(team.ledger, BEN, 70)
    ledger = Ledger(make_url(database).set(username=name).render_as_string(hide_password=False))
    assert len(ledger.calls()) == 1
    head = Team.of(ledger, HOST, None)
    assert ledger.install_roles()
    assert head.cap("ben@example", INFERENCE, 100)
    assert {row.holder: row.cap for row in head.report().rows} == {"ana@example": 300, "ben@example": 100}
    ledger.close()


def test_a_login_acts_for_one_person(team, database):
    login = login_of(database, ANA).username
    assert not team.ledger.let_in(ANA, login)
    with pytest.raises(Exception, match="acts for ana@example"):
        team.ledger.let_in(BEN, login)
    with pytest.raises(BadInput, match="cannot be the name of a login"):
        team.ledger.let_in(BEN, "x" * 64)
