"""The server behind the sidebar: real routes over HTTP, a real ledger, and hints of what others commit."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ledger_desk import HOUR, PROCESSES, a_call, hold_the_gate
from patience import WAIT_S
from pytest_jupyter.jupyter_core import *  # noqa: F403  its fixtures, for this module alone
from pytest_jupyter.jupyter_server import *  # noqa: F403
from pytest_jupyter.pytest_tornasync import *  # noqa: F403
from scripted import Played
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tenant import KEY, USED
from tornado.httpclient import HTTPClientError

from asksage_jupyter.account import Account, Bill, Call, Meter, Source
from asksage_jupyter.ledger import Ledger, new_op
from asksage_jupyter.month import now
from asksage_jupyter.server.background.hints import HINT, Hints
from asksage_jupyter.session import endpoints
from asksage_jupyter.session.origins.renames import called_now, note
from asksage_jupyter.settings import AskSage

ADA = Account("api.asksage.ai", "ada@example.org")
EVE = Account("api.asksage.ai", "eve@example.org")
INFERENCE, TRAINING = Meter


@pytest.fixture
def jp_server_config():
    return {"ServerApp": {"jpserver_extensions": {"asksage_jupyter": True}}}


@pytest.fixture
def path(own_settings, tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path):
    ledger = Ledger(path)
    yield ledger
    ledger.close()


@pytest.fixture
def as_ada(monkeypatch, own_settings):
    """The server was told whose tokens to show."""
    monkeypatch.setenv("ASKSAGE_EMAIL", ADA.holder)


@pytest.fixture
def ask(jp_fetch, jp_asyncio_loop):
    """Ask a route; returns the answer's status and body."""

    def fetch(*parts, params=None, **options):
        async def asked():
            try:
                return await jp_fetch("asksage", *parts, params=params, **options)
            except HTTPClientError as error:
                return error.response

        reply = jp_asyncio_loop.run_until_complete(asked())
        kind = reply.headers["Content-Type"]
        body = reply.body.decode()
        return reply.code, json.loads(body) if kind.startswith("application/json") else body

    return fetch


def give(ledger, account=ADA, inference=200_000):
    ledger.set_plan(account, INFERENCE, inference, source="me")


def spend(ledger, tokens, account=ADA, *, sent_at=None, **fields):
    call = Call(new_op(), sent_at or now(), "a-model", INFERENCE, tokens, **fields)
    ledger.hold(account, call, due=now() + HOUR)
    ledger.settle(call.op, Bill(tokens, Source.BILLED, duration_ms=12))
    return call


# Endpoints for other code


@pytest.fixture
def endpoint(ledger):
    notice = endpoints.Announcement(ledger.folder, ADA, "http://127.0.0.1:41239/v1", now())
    yield notice
    notice.close()


def test_an_endpoint_of_the_account_is_told_with_what_came_of_it(ask, ledger, as_ada, endpoint):
    give(ledger)
    others = endpoints.Announcement(ledger.folder, EVE, "http://127.0.0.1:5/v1", now())
    [told] = ask("balance")[1]["endpoints"]
    assert (told["url"], told["words"]) == ("http://127.0.0.1:41239/v1", "no call yet")
    endpoint.add(63)
    endpoint.add(None)
    endpoint.write()
    [told] = ask("balance")[1]["endpoints"]
    assert (told["calls"], told["tokens"], told["words"]) == (2, 63, "2 calls, 63 tokens")
    endpoint.close()
    others.close()
    assert ask("balance")[1]["endpoints"] == []


def test_an_endpoint_is_asked_to_end_and_no_other_file_is_written(ask, ledger, as_ada, endpoint):
    give(ledger)
    [told] = ask("balance")[1]["endpoints"]
    before = sorted(ledger.folder.rglob("*"))
    assert ask("endpoints", "nobody", method="DELETE")[1] == {"stops": False}
    assert ask("endpoints", "..%2Faccess", method="DELETE")[0] == 404
    assert sorted(ledger.folder.rglob("*")) == before
    assert not endpoint.asks_to_stop
    assert ask("endpoints", told["name"], method="DELETE")[1] == {"stops": True}
    assert endpoint.asks_to_stop


def test_a_front_end_is_told_of_an_endpoint_that_begins(ask, hints, ledger, as_ada):
    give(ledger)
    ask("balance")
    notice = endpoints.Announcement(ledger.folder, ADA, "http://127.0.0.1:5/v1", now())
    while not ask("balance")[1]["endpoints"]:
        hints()
    notice.close()


# What is answered


def test_the_balance_is_the_ledgers(ask, ledger, as_ada):
    give(ledger)
    spend(ledger, 1_234, notebook="/home/ada/a.ipynb", cell="c1")
    ledger.hold(ADA, a_call(100, now), due=now() + HOUR)
    status, balance = ask("balance")
    assert status == 200
    assert balance["state"] == "known"
    assert balance["trouble"] is None
    assert balance["account"] == {
        "holder": ADA.holder,
        "host": ADA.host,
        "zone": "UTC",
        "demo": False,
        "title": "ada@example.org at api.asksage.ai",
    }
    inference, training = balance["meters"]
    assert {name: inference[name] for name in ("granted", "used", "held", "remaining", "overage")} == {
        "granted": 200_000,
        "used": 1_234,
        "held": 100,
        "remaining": 198_666,
        "overage": 0,
    }
    assert inference["pace"]["words"]
    assert (training["granted"], training["remaining"], training["pace"]) == (None, None, None)
    assert balance["open"] == {
        "calls": 1,
        "tokens": 100,
        "words": "1 call without a bill yet: 100 tokens held",
    }
    assert [balance["last_call"][name] for name in ("tokens", "source", "status")] == [100, "held", "open"]
    calls = ask("month")[1]["calls"]
    assert [(call["tokens"], call["status"], call["cell"]) for call in calls] == [
        (100, "open", None),
        (1_234, "ok", "c1"),
    ]
    assert 1 <= balance["period"]["days_left"] <= 31
    assert balance["can_check"] is False
    assert balance["checked_at"] is None


def test_the_words_that_are_shown_come_with_the_figures(ask, ledger, as_ada):
    """The same as the panel's, made by the same code."""
    give(ledger)
    spend(ledger, 1_234)
    balance = ask("balance")[1]
    [gauge] = balance["meters"][0]["gauges"]
    assert (gauge["name"], gauge["figure"], gauge["against"]) == ("Inference", "198,766", "of 200,000 left")
    assert [(each["kind"], each["words"]) for each in gauge["bar"]] == [("used", "1,234 used")]
    assert balance["status"]["remaining"] == "Ask Sage 198,766 left"
    assert balance["status"]["used"] == "Ask Sage 1,234 used"
    assert balance["reset"].startswith("Resets 1 ")
    assert re.fullmatch(r"Last change \d\d:\d\d UTC \(just now\)", balance["age"])
    assert [meter["warning"] for meter in balance["meters"]] == [None, None]
    tell = {"kind": "advice", "words": "Tell it: asksage_jupyter.set_plan(training=...)"}
    assert balance["meters"][1]["lines"] == [tell]
    month = ask("month")[1]
    assert month["words"].startswith("Inference tokens used each day: 1,234 in all, most on ")
    assert re.fullmatch(r"\d\d:\d\d", month["calls"][0]["words"])
    assert month["zone"] == "UTC"


def test_the_even_line_is_of_working_days(ask, ledger, as_ada, monkeypatch):
    monkeypatch.setenv("ASKSAGE_HOLIDAYS", "2024-02-01")
    give(ledger)
    month = ask("month")[1]
    even = month["even"]
    working = [tokens for tokens in even["tokens"] if tokens]
    assert 18 <= len(working) <= 23
    assert set(working) == {200_000 // len(working)}
    assert even["words"] == f"Even: {working[0]:,} a working day"
    assert ask("month", params={"period": "2024-02"})[1]["even"] is None  # nothing is known to be given


def test_a_notebook_is_found_by_the_name_it_has_now_with_what_it_used_before(
    ask, ledger, as_ada, path, jp_fetch, jp_asyncio_loop, jp_root_dir
):
    """A kernel is told its notebook's name once; JupyterLab tells the session of the new one."""

    def sent(method, *parts, **told):
        options = {"body": json.dumps(told)} if told else {}
        reply = jp_asyncio_loop.run_until_complete(jp_fetch("api", *parts, method=method, **options))
        return json.loads(reply.body or "null")

    give(ledger)
    ask("balance")  # the extension is up
    old, new, last = (str(jp_root_dir / f"{name}.ipynb") for name in ("draft", "tides", "moon"))
    began = now()
    spend(ledger, 100, notebook=old, cell="c1", sent_at=began - 2_000_000)
    asked = {"path": "draft.ipynb", "name": "draft.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    session = sent("POST", "sessions", **asked)
    sent("PATCH", "sessions", session["id"], path="tides.ipynb")
    assert called_now(path.parent, old, began) == new
    assert called_now(path.parent, old, now()) == old  # another notebook, begun since under the old name
    spend(ledger, 20, notebook=new, cell="c1")
    told = ask("notebook", params={"path": "tides.ipynb"})[1]
    assert [told[name] for name in ("tokens", "calls")] == [120, 2]
    assert [(cell["cell"], cell["tokens"]) for cell in told["cells"]] == [("c1", 120)]
    assert told["again"] == "Again: about 20 (20 to 100), which the month allows"
    spend(ledger, 7, notebook=old)  # of that other one
    assert ask("notebook", params={"path": "tides.ipynb"})[1]["tokens"] == 120
    assert ask("notebook", params={"path": "draft.ipynb"})[1]["tokens"] == 107
    (jp_root_dir / "tides.ipynb").write_text("{}")  # a file that is renamed while it is closed
    sent("PATCH", "contents", "tides.ipynb", path="moon.ipynb")
    spend(ledger, 3, notebook=last, cell="c2")
    assert ask("notebook", params={"path": "moon.ipynb"})[1]["tokens"] == 123
    sent("DELETE", "sessions", session["id"])


def test_tokens_that_were_asked_for_are_told_until_somebody_decides(ask, ledger, as_ada, path):
    give(ledger)
    assert [meter["asked_for"] for meter in ask("balance")[1]["meters"]] == [0, 0]
    rows = [{"tokens": 50_000, "meter": "training", "state": "pending"}]
    requests = path.parent / "requests.json"
    requests.write_text(json.dumps({f"{ADA.holder} at {ADA.host}": rows}))
    assert [meter["asked_for"] for meter in ask("balance")[1]["meters"]] == [0, 50_000]
    requests.write_text("not ours")
    assert [meter["asked_for"] for meter in ask("balance")[1]["meters"]] == [0, 0]


def test_a_member_of_a_pool_is_told_what_they_can_really_spend(ask, ledger, as_ada):
    pool = Account.of_pool(ADA.host, "lab")
    give(ledger, pool, 1_000)
    ledger.join_pool(ADA, INFERENCE, pool, 800)
    ledger.join_pool(EVE, INFERENCE, pool)
    spend(ledger, 100)
    ledger.hold(EVE, a_call(300, now), due=now() + HOUR)
    meter = ask("balance")[1]["meters"][0]
    assert (meter["remaining"], meter["spendable"]) == (700, 600)
    told = meter["pool"]
    assert (told["name"], told["granted"], told["used"], told["remaining"]) == ("lab", 1_000, 100, 600)
    held = [told[name] for name in ("held", "held_by_others", "open_by_others", "capped")]
    assert held == [300, 300, 1, True]


def test_the_month_is_day_by_day_and_sums_up_to_what_was_used(ask, ledger, as_ada):
    give(ledger)
    for tokens in (10, 20, 30):
        spend(ledger, tokens)
    status, month = ask("month")
    assert status == 200
    assert sum(day["used"] for day in month["days"]) == 60 == ledger.used_in(ADA, INFERENCE)
    assert [day["used"] for day in month["days"] if day["date"] == month["today"]] == [60]
    assert month["days"][0]["date"] == f"{month['period']}-01"
    assert month["granted"] == 200_000
    assert [call["tokens"] for call in month["calls"]] == [30, 20, 10]
    assert ask("month", params={"meter": "training"})[1]["granted"] is None
    _, other = ask("month", params={"period": "2024-02"})
    assert (len(other["days"]), other["granted"], other["today"], other["calls"]) == (29, None, None, [])


def test_a_call_is_told_by_its_cell_and_leads_to_it_under_its_notebooks_present_name(
    ask, ledger, as_ada, jp_root_dir
):
    give(ledger)
    old, new = jp_root_dir / "old.ipynb", jp_root_dir / "folder" / "a b.ipynb"
    new.parent.mkdir()
    new.write_text(json.dumps({"cells": [{"id": "c1", "source": "%%asksage\nName one ocean"}]}))
    note(ledger.folder, str(old), str(new), now())
    spend(ledger, 5, notebook="/elsewhere/b.ipynb", cell="c1")
    spend(ledger, 7, notebook=str(old), cell="c1")
    spend(ledger, 9)
    program, mine, others = ask("month")[1]["calls"]
    assert [mine[name] for name in ("name", "of_cell", "path", "cell")] == [
        "Cell 1 · Name one ocean", True, "folder/a b.ipynb", "c1"
    ]  # fmt: skip
    assert mine["where"] == "a b.ipynb"
    assert mine["words"].startswith(f"{mine['model']} · ")
    assert (others["name"], others["path"]) == ("cell c1", None)
    assert (program["name"], program["of_cell"], program["path"]) == (program["model"], False, None)


def test_the_pieces_of_an_upload_are_one_line_and_push_no_call_out(ask, ledger, as_ada):
    give(ledger)
    ledger.set_plan(ADA, TRAINING, 100_000, source="me")
    spend(ledger, 7)
    model = "train:user_custom_7_notes_content"
    for tokens in range(1, 31):
        call = replace(a_call(tokens, now), model=model, meter=TRAINING)
        ledger.hold(ADA, call, due=now() + HOUR)
        ledger.settle(call.op, Bill(tokens, Source.PRICED))
    upload, asked = ask("month")[1]["calls"]
    assert [upload[name] for name in ("name", "count", "tokens", "figure")] == [
        "Upload to notes",
        30,
        465,
        "465",
    ]
    assert upload["words"].endswith(" · 30 pieces")
    assert asked["tokens"] == 7


def test_the_month_as_markdown_can_be_pasted(ask, ledger, as_ada):
    give(ledger)
    spend(ledger, 1_500)
    status, text = ask("month", params={"format": "markdown"})
    assert status == 200
    assert "| Left | 198,500 | not known |" in text
    assert ADA.holder in text


def test_a_notebooks_dearest_cells_are_found_by_the_path_that_the_front_end_knows(
    ask, ledger, as_ada, jp_root_dir
):
    give(ledger)
    file = str(jp_root_dir / "folder" / "a b.ipynb")
    for cell, tokens in (("c1", 10), ("c2", 70), ("c1", 5)):
        spend(ledger, tokens, notebook=file, cell=cell)
    spend(ledger, 900, notebook=str(jp_root_dir / "a b.ipynb"), cell="c1")
    status, notebook = ask("notebook", params={"path": "folder/a b.ipynb"})
    assert status == 200
    assert (notebook["path"], notebook["tokens"], notebook["calls"]) == ("folder/a b.ipynb", 85, 3)
    assert [(cell["cell"], cell["tokens"]) for cell in notebook["cells"]] == [("c2", 70), ("c1", 15)]
    assert ask("notebook", params={"path": "../root_dir/nothing.ipynb"})[1]["calls"] == 0


@pytest.mark.parametrize(
    ("route", "params"),
    [
        ("month", {"period": "November"}),
        ("month", {"period": "2026-13"}),
        ("month", {"period": "2026-11'; --"}),
        ("month", {"meter": "images"}),
        ("month", {"format": "pdf"}),
        ("month", {"format": "markdown", "period": "x"}),
        ("notebook", {}),
        ("notebook", {"path": "\0"}),
        ("notebook", {"path": "a" * 5000}),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_line(ask, ledger, as_ada, route, params):
    give(ledger)
    status, body = ask(route, params=params)
    assert status == 400
    assert body["message"]
    assert "\n" not in body["message"]


# Who may ask


@pytest.mark.parametrize(
    ("route", "method"), [("balance", "GET"), ("month", "GET"), ("notebook", "GET"), ("refresh", "POST")]
)
def test_nobody_is_answered_who_has_not_signed_in(ask, ledger, route, method):
    options = {"method": method, "headers": {"Authorization": "token wrong"}}
    assert ask(route, **options, **({"body": ""} if method == "POST" else {}))[0] == 403


def test_a_refresh_from_a_cookie_needs_its_xsrf_token(
    jp_serverapp, http_server_client, jp_base_url, jp_asyncio_loop
):
    loop, token = jp_asyncio_loop, jp_serverapp.identity_provider.token
    address = f"{jp_base_url}asksage/refresh"

    async def signed_in():
        page = await http_server_client.fetch(f"{jp_base_url}api/status?token={token}")
        return "; ".join(cookie.split(";")[0] for cookie in page.headers.get_list("Set-Cookie"))

    cookies = loop.run_until_complete(signed_in())
    assert cookies
    with pytest.raises(HTTPClientError) as refused:
        loop.run_until_complete(
            http_server_client.fetch(address, method="POST", body="", headers={"Cookie": cookies})
        )
    assert refused.value.code == 403


def test_whoever_is_not_authorized_is_not_answered(ask, jp_serverapp, ledger, as_ada, monkeypatch):
    asked = []

    def refuse(handler, user, action, resource):
        asked.append((action, resource))
        return False

    monkeypatch.setattr(jp_serverapp.authorizer, "is_authorized", refuse)
    assert ask("balance")[0] == 403
    assert ask("refresh", method="POST", body="")[0] == 403
    assert asked == [("read", "asksage"), ("write", "asksage")]


# Whose figures


def test_nobody_elses_rows_are_shown_to_whom_the_server_knows(ask, ledger, as_ada, jp_root_dir):
    give(ledger, EVE)
    file = str(jp_root_dir / "a.ipynb")
    spend(ledger, 777, EVE, notebook=file, cell="eves")
    for _ in range(2):  # before Ada is in the ledger, and after
        answers = [
            ask("balance")[1],
            ask("month")[1],
            ask("month", params={"format": "markdown"})[1],
            ask("notebook", params={"path": "a.ipynb"})[1],
        ]
        told = json.dumps(answers)
        assert "777" not in told
        assert EVE.holder not in told
        give(ledger)
    assert ask("balance")[1]["account"]["holder"] == ADA.holder


def test_the_account_used_last_is_shown_where_only_a_notebook_knows_whose_it_is(ask, ledger):
    give(ledger, EVE)
    give(ledger)
    spend(ledger, 1, EVE)
    spend(ledger, 2)
    assert ask("balance")[1]["account"]["holder"] == ADA.holder


@pytest.mark.parametrize(
    "jp_server_config",
    [
        {
            "ServerApp": {"jpserver_extensions": {"asksage_jupyter": True}},
            "AskSage": {"email": "Eve@Example.org", "low_below": 100.0},
        }
    ],
)
def test_the_servers_configuration_tells_whose_figures_as_a_kernels_does(ask, ledger):
    give(ledger, EVE)
    give(ledger)
    spend(ledger, 2, EVE)
    told = ask("balance")[1]
    assert told["account"]["holder"] == EVE.holder
    assert told["meters"][0]["level"] == "low"  # for the sidebar too


def test_no_answer_holds_the_key_or_a_calls_id(ask, server, jp_root_dir):
    ledger = Ledger(f"{jp_root_dir.parent}/ledger.db")
    account = Account("localhost", "ada@example.org")
    give(ledger, account)
    call = spend(
        ledger, 5, account, notebook=str(jp_root_dir / "a.ipynb"), cell="c", project="secret project"
    )
    answers = [
        ask("balance"),
        ask("month"),
        ask("notebook", params={"path": "a.ipynb"}),
        ask("refresh", method="POST", body=""),
    ]
    assert [status for status, _ in answers] == [200] * 4
    for hidden in (KEY, call.op, "secret project"):
        assert hidden not in json.dumps(answers)
    ledger.close()


# Ledgers in every state


def test_no_ledger_is_a_state_and_none_is_made(ask, as_ada, path):
    status, balance = ask("balance")
    assert (status, balance["state"], balance["meters"]) == (200, "no-ledger", [])
    assert balance["access"]["state"] == "no-key"
    assert balance["status"]["remaining"] == "Ask Sage: No key"
    status, month = ask("month")
    assert (status, {day["used"] for day in month["days"]}, month["calls"]) == (200, {0}, [])
    assert ask("notebook", params={"path": "a.ipynb"}) == (
        200,
        {
            "path": "a.ipynb",
            "open": {"calls": 0, "tokens": 0, "words": ""},
            "tokens": 0,
            "calls": 0,
            "words": "",
            "bound": "",
            "again": "",
            "cells": [],
        },
    )
    assert ask("month", params={"format": "markdown"})[0] == 404
    assert not path.exists()


def test_an_account_that_was_never_reached_is_unknown(ask, ledger, as_ada):
    assert ask("balance")[1]["state"] == "unknown"


def test_a_locked_ledger_is_read_all_the_same(ask, ledger, path, as_ada):
    give(ledger)
    holding, leave = PROCESSES.Event(), PROCESSES.Event()
    other = PROCESSES.Process(target=hold_the_gate, args=(path, holding, leave), daemon=True)
    other.start()
    assert holding.wait(WAIT_S)
    connection = sqlite3.connect(path, isolation_level=None)  # of this process: the library is the same one
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE plan SET monthly = 1")
    assert ask("balance")[1]["meters"][0]["granted"] == 200_000
    connection.close()
    leave.set()
    other.join()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"It was a dark and stormy night. " * 200), "damaged"),
        (lambda path: _set_version(path, 99), "upgrade"),
    ],
    ids=["damaged", "too new"],
)
def test_a_ledger_that_cannot_be_read_is_told_in_a_line(ask, path, as_ada, spoil, words):
    Ledger(path).close()
    spoil(path)
    status, balance = ask("balance")
    assert (status, balance["state"]) == (200, "trouble")
    assert words in balance["trouble"]
    assert "\n" not in balance["trouble"]
    status, body = ask("month")
    assert status == 503
    assert words in body["message"]
    assert ask("refresh", method="POST", body="")[1]["state"] == "trouble"


def test_a_ledger_in_an_impossible_place_is_told(ask, as_ada, monkeypatch):
    monkeypatch.setenv("ASKSAGE_LEDGER", "oracle://me:secret@db/ledger")
    status, balance = ask("balance")
    assert (status, balance["state"]) == (200, "trouble")
    assert "secret" not in json.dumps(balance)


def _set_version(path, version):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


@contextmanager
def statements():
    """The statements that are executed on connections opened meanwhile, with their values."""
    seen = []

    def trace(connection, _):
        connection.set_trace_callback(seen.append)

    event.listen(Engine, "connect", trace)
    try:
        yield seen
    finally:
        event.remove(Engine, "connect", trace)


def plan(path, statement):
    """How SQLite goes about a statement."""
    connection = sqlite3.connect(path)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    connection.close()
    return [row[3] for row in rows]


@pytest.mark.long
def test_a_huge_ledger_is_never_read_through(ask, ledger, path, as_ada):
    give(ledger, inference=10**9)
    spend(ledger, 1)
    ledger.close()
    lengthen(path, 200_000)
    with statements() as seen:
        assert ask("balance")[1]["meters"][0]["used"] == 200_001
        ask("month")
        seen.append("")
        ask("balance")
    assert len(seen) - seen.index("") < 200
    selects = {
        statement for statement in seen if statement.startswith("SELECT") and "sqlite_" not in statement
    }
    steps = [step for statement in selects for step in plan(path, statement)]
    assert [step for step in steps if step.startswith("SCAN") and "account" not in step] == []


def lengthen(path, calls):
    """Add settled calls to the ledger, quickly and not as the ledger would."""
    connection = sqlite3.connect(path, isolation_level=None)
    grant_id, seq, granted, used = connection.execute(
        "SELECT grant_id, seq, granted, used FROM entry ORDER BY grant_id DESC, seq DESC LIMIT 1"
    ).fetchone()
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {calls - 1}) "
    t, op = now(), "printf('op-%07d', i)"
    connection.executescript(f"""
        PRAGMA synchronous = OFF;
        BEGIN;
        INSERT INTO entry {numbers} SELECT {grant_id}, {seq + 1} + 2 * i, {op}, 'hold', 1, {granted}, 1,
            {used} + i, {t}, {t}, zeroblob(32) FROM n;
        INSERT INTO entry {numbers} SELECT {grant_id}, {seq + 2} + 2 * i, {op}, 'settle', 1, {granted}, 0,
            {used} + i + 1, {t}, NULL, zeroblob(32) FROM n;
        INSERT INTO call {numbers} SELECT {op}, 1, {t}, 'a-model', 1, 'a.ipynb', 'c', NULL, NULL,
            NULL, NULL, NULL FROM n;
        INSERT INTO bill {numbers} SELECT {grant_id}, {seq + 2} + 2 * i, {op}, {t}, 1, 'billed', 'ok', 1, 1,
            1, NULL, NULL FROM n;
        COMMIT;
    """)
    connection.close()


# Refreshing


def test_a_refresh_with_a_key_compares_with_the_service(ask, server, jp_root_dir):
    status, balance = ask("refresh", method="POST", body="")
    assert status == 200
    assert balance["state"] == "known"
    assert balance["meters"][0]["used"] == USED
    assert balance["note"] == "Agrees with the service."
    assert balance["can_check"] is True
    assert balance["checked_at"]
    server.on("/server/count-monthly-tokens", {"response": USED + 1_200, "status": 200})
    server.on(
        "/server/count-monthly-tokens-left-with-org", {"response": 200_000 - USED - 1_200, "status": 200}
    )
    _, balance = ask("refresh", method="POST", body="")
    assert balance["note"] == "1,200 inference tokens booked from other devices."
    assert balance["meters"][0]["used"] == USED + 1_200


def test_a_refresh_without_a_key_reads_again_and_says_so(ask, ledger, as_ada):
    give(ledger)
    _, balance = ask("refresh", method="POST", body="")
    assert "no key" in balance["note"]
    assert balance["state"] == "known"
    assert balance["checked_at"] is None


def test_a_refresh_compares_nobody_but_the_configured_account(ask, ledger, path, monkeypatch):
    monkeypatch.setenv("ASKSAGE_API_KEY", KEY)  # and no e-mail
    give(ledger)
    spend(ledger, 1)
    _, balance = ask("refresh", method="POST", body="")
    assert "no key" in balance["note"]
    assert balance["account"]["holder"] == ADA.holder
    assert [known.account for known in ledger.accounts()] == [ADA]


def test_whoever_has_a_key_is_not_told_of_none_before_the_first_call(ask, as_ada, path, monkeypatch):
    monkeypatch.setenv("ASKSAGE_API_KEY", KEY)
    balance = ask("balance")[1]
    assert (balance["state"], balance["access"]) == ("no-ledger", None)
    assert balance["status"]["remaining"] == "Ask Sage: no calls yet"


def test_a_refresh_without_a_key_makes_no_ledger(ask, as_ada, path):
    assert ask("refresh", method="POST", body="")[1]["state"] == "no-ledger"
    assert not path.exists()


def test_a_refresh_while_the_service_is_away_tells_that_and_the_ledgers_figures(ask, server, jp_root_dir):
    ledger = Ledger(f"{jp_root_dir.parent}/ledger.db")
    give(ledger, Account("localhost", "ada@example.org"))
    ledger.close()
    server.close()
    status, balance = ask("refresh", method="POST", body="")
    assert status == 200
    assert balance["note"].startswith("Not compared: ")
    assert "\n" not in balance["note"]
    assert balance["meters"][0]["granted"] == 200_000


# Hints


@pytest.fixture
def hints(jp_ws_fetch, jp_asyncio_loop):
    """Listen to the event bus; `next_hint` waits for one."""
    loop = jp_asyncio_loop
    listener = loop.run_until_complete(jp_ws_fetch("api", "events", "subscribe"))

    def next_hint():
        async def wait():
            while True:
                told = json.loads(await listener.read_message())
                if told["schema_id"] == HINT:
                    return told

        return loop.run_until_complete(asyncio.wait_for(wait(), WAIT_S))

    yield next_hint
    listener.close()


COMMIT = """
import sys
from asksage_jupyter.account import Account, Meter
from asksage_jupyter.ledger import Ledger
ledger = Ledger(sys.argv[1])
ledger.set_plan(Account("api.asksage.ai", "ada@example.org"), Meter.INFERENCE, int(sys.argv[2]), source="me")
ledger.close()
"""


@pytest.mark.long
def test_another_process_commits_and_every_front_end_is_told(ask, hints, path, as_ada):
    assert ask("balance")[1]["state"] == "no-ledger"
    for monthly in (100, 200):
        subprocess.run([sys.executable, "-c", COMMIT, str(path), str(monthly)], check=True, timeout=WAIT_S)
        while (balance := ask("balance")[1])["state"] != "known" or balance["meters"][0][
            "granted"
        ] != monthly:
            assert hints().keys() >= {"schema_id"}
    assert balance["account"]["holder"] == ADA.holder


def test_a_forged_hint_carries_no_figures_and_changes_none(
    ask, hints, ledger, as_ada, jp_fetch, jp_asyncio_loop
):
    give(ledger)

    def forged(data):
        body = json.dumps({"schema_id": HINT, "version": "1", "data": data})
        return jp_asyncio_loop.run_until_complete(jp_fetch("api", "events", method="POST", body=body))

    before = ask("balance")[1]
    with pytest.raises(HTTPClientError) as refused:
        forged({"remaining": 10**9})
    assert refused.value.code == 400
    assert forged({}).code == 204  # whoever is signed in may say "look again"
    assert hints()["schema_id"] == HINT
    assert ask("balance")[1] | {"now": None} == before | {"now": None}


def test_a_busy_ledger_hints_no_more_often_than_anybody_can_look(jp_asyncio_loop):
    told, changed = [], []

    class Bus:
        def emit(self, *, schema_id, data):
            told.append((schema_id, data))

    def watch(on_change, interval_s):
        changed.append(on_change)
        return lambda: None

    hints = Hints(watch, Bus())

    async def busy():
        hints.start(asyncio.get_running_loop())
        hints.start(asyncio.get_running_loop())
        for _ in range(50):
            changed[0]()
        await asyncio.sleep(0)
        assert told == [(HINT, {})]  # the first at once
        while len(told) < 2:
            await asyncio.sleep(0)
        await hints.close()

    jp_asyncio_loop.run_until_complete(asyncio.wait_for(busy(), WAIT_S))
    assert len(changed) == 1
    assert told == [(HINT, {})] * 2  # and one for all the others


# The end


@contextmanager
def running(tmp_path):
    """A Jupyter Server in a process of its own; yields the process, and a way to ask it."""
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"),
        *("--ServerApp.jpserver_extensions={'asksage_jupyter': True}", "--IdentityProvider.token=t"),
        f"--ServerApp.root_dir={tmp_path}",
    ]
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("RUNTIME", "CONFIG", "DATA")}
    process = subprocess.Popen(
        command, env={**os.environ, **folders}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        address = next(
            found[0] for line in process.stdout if (found := re.search(r"http://127\S+:\d+/", line))
        )
        listening(process, int(re.search(r":(\d+)/", address)[1]))

        def fetch(route, method="GET"):
            request = urllib.request.Request(
                f"{address}asksage/{route}", method=method, headers={"Authorization": "token t"}
            )
            with urllib.request.urlopen(request, timeout=WAIT_S) as reply:
                return json.load(reply)

        yield process, fetch
    finally:
        process.kill()
        process.communicate()


def listening(process, port):
    """Wait until the server, which has told its port, also listens there."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)  # nobody tells the moment
        else:
            return
    raise AssertionError(f"the server ended at once: {process.stdout.read()}")


def ended(process):
    """Ask the server to end; its exit status, and what it said meanwhile."""
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=WAIT_S)
    return process.returncode, output


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes otherwise")
def test_the_server_ends_cleanly_with_its_watch_running(tmp_path, ledger, as_ada):
    give(ledger)
    with running(tmp_path) as (process, fetch):
        assert fetch("balance")["state"] == "known"
        status, output = ended(process)
    assert status == 0
    assert "Traceback" not in output


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes otherwise")
def test_the_server_ends_also_while_the_service_keeps_a_comparison_waiting(tmp_path, server):
    asked = threading.Event()

    def never(_request):
        asked.set()
        return Played(stall_at=-1)

    server.on("/user/validate_token_with_full_user", never)
    with running(tmp_path) as (process, fetch):
        waiting = threading.Thread(target=lambda: suppressed(fetch, "refresh", "POST"))
        waiting.start()
        assert asked.wait(WAIT_S)
        assert fetch("balance")["state"] in ("no-ledger", "unknown")  # reading goes on meanwhile
        status, output = ended(process)
        waiting.join()
    assert status == 0
    assert "Traceback" not in output


def suppressed(fetch, *asked):
    with suppress(OSError, http.client.HTTPException):
        fetch(*asked)


# -- Prometheus ---------------------------------------------------------------------------------------------


def gauges(jp_fetch, loop):
    told = loop.run_until_complete(jp_fetch("metrics")).body.decode()
    return dict(line.split(" ") for line in told.splitlines() if line.startswith("asksage_"))


class TestPrometheus:
    @pytest.fixture
    def jp_server_config(self):
        return {
            "ServerApp": {"jpserver_extensions": {"asksage_jupyter": True}},
            "AskSage": {"prometheus": True},
        }

    def test_what_is_left_is_told_as_it_is_now(self, as_ada, ledger, jp_fetch, jp_asyncio_loop):
        # What was granted is not known, and so not what remains.
        assert not any("remaining" in name for name in gauges(jp_fetch, jp_asyncio_loop))
        ledger.set_plan(ADA, INFERENCE, 1_000, source="me")
        call = a_call(300, now)
        ledger.hold(ADA, call, due=now() + HOUR)
        held = gauges(jp_fetch, jp_asyncio_loop)
        ledger.settle(call.op, Bill(200, Source.BILLED))
        settled = gauges(jp_fetch, jp_asyncio_loop)
        label = '{meter="inference"}'
        names = [f"asksage_tokens_{name}{label}" for name in ("remaining", "held", "used")]
        assert [float(held[name]) for name in names] == [700, 300, 0]
        assert [float(settled[name]) for name in names] == [800, 0, 200]


def test_prometheus_is_told_nothing_unless_it_is_set(as_ada, ledger, jp_serverapp, jp_fetch, jp_asyncio_loop):
    ledger.set_plan(ADA, INFERENCE, 1_000, source="me")
    assert gauges(jp_fetch, jp_asyncio_loop) == {}


# What a cell costs while it is typed


MODEL = "sage-haiku"
SOURCE = f"%%asksage {MODEL}\nWhy is the sea salt?"


@pytest.fixture
def rates(path, own_settings):
    """Rates of a model as a kernel keeps them."""
    from asksage_jupyter.rates import Rate, Rates
    from asksage_jupyter.rates.store import Learned

    rates = Rates(path.parent, ADA.host)
    rate = Rate(MODEL, 0.143, 0.572, Source.PRICED, now())
    rates._store.update(MODEL, lambda known: Learned(rate, known.samples))
    return rates


def tagged(fetch, source, **more):
    return fetch("estimate", method="POST", body=json.dumps({"source": source, **more}))


def test_a_tag_tells_the_price_and_its_share_of_what_is_left(ask, ledger, as_ada, rates):
    give(ledger)
    status, before = tagged(ask, SOURCE)
    assert (status, before["level"]) == (200, "quiet")
    assert re.fullmatch(r"about \d+ tokens \(\d+ to \d+\)", before["words"])
    ask("balance")
    assert re.fullmatch(
        r"about \d+ tokens \(\d+ to \d+\) · [\d.]+% of what is left", tagged(ask, SOURCE)[1]["words"]
    )


@pytest.mark.parametrize(
    ("source", "level", "words"),
    [
        (SOURCE.replace(MODEL, f"{MODEL} --max-tokens 2"), "red", "more than --max-tokens 2: it will be ref"),
        (f"%%asksage {MODEL}\n" + "sea " * 70_000, "amber", "% of what is left"),
        (f"%%asksage {MODEL}\n" + "sea " * 900_000, None, None),
        (SOURCE.replace(MODEL, f"{MODEL} --estimat"), "amber", "no option --estimat; did you mean"),
        (SOURCE + " {table} {_x} {{y}}", "quiet", ") · "),
        (SOURCE.replace(MODEL, "other"), "quiet", "The rates of other are not known here yet"),
        (SOURCE.replace(MODEL, MODEL[:-1]), "quiet", f"are not known here yet. Near it: {MODEL}."),
        (SOURCE.replace(MODEL, f"--compare {MODEL},other"), "quiet", "The rates of other are not known"),
        ("%%asksage_train maps\n" + "sea " * 50, "quiet", "training tokens"),
        ("%%asksage\nWhy?", "quiet", ""),
        (SOURCE.replace(MODEL, f"{MODEL} --max-tokens 2 --else b"), "amber", "2: b will be asked instead"),
        (SOURCE.replace(MODEL, f"{MODEL} --max-tokens 2 --else {MODEL}"), "red", f"2, and so is {MODEL} at"),
    ],
)
def test_a_tag_says_what_is_wrong_or_missing(ask, ledger, as_ada, rates, source, level, words):
    give(ledger)
    ask("balance")
    status, told = tagged(ask, source)
    if level is None:
        assert status == 400
        return
    assert status == 200
    assert told["level"] == level
    assert words in told["words"]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        (SOURCE, ""),
        (SOURCE + " {table} {_x} {{y}} {table}", "+ {table}"),
        (SOURCE.replace(MODEL, f"{MODEL} --history 2 --file a.txt"), "+ history 2 + file a.txt"),
        (f"%%asksage {MODEL} --plugin maps", "Price the plugin maps"),
        (f"%%asksage {MODEL} --map df\n{{a}}", "Price the rows of df"),
    ],
)
def test_what_the_kernel_alone_can_count_is_named(ask, as_ada, rates, source, count):
    assert tagged(ask, source)[1]["count"] == count


NOTHING = {"parts": {}, "as_is": [], "left": {}, "plan": None, "planned": "", "is_kept": False}


def test_what_a_kernel_counted_is_priced_as_if_it_stood_there(ask, as_ada, rates):
    sea = "the sea is salt " * 50
    there = tagged(ask, f"{SOURCE}\n{sea.strip()}")[1]["words"]
    counted = NOTHING | {"parts": {"{sea}": {"prompt": 200}, "{old}": {"prompt": 9_000}}}
    told = tagged(ask, f"{SOURCE}\n{{sea}}", counted=counted)[1]
    assert (told["words"], told["count"]) == (there, "")
    counted = NOTHING | {"as_is": ["{sea}"]}
    assert tagged(ask, f"{SOURCE}\n{{sea}} {{b}}", counted=counted)[1]["count"] == "+ {b}"
    counted = NOTHING | {"left": {"{sea}": "is too large"}}
    told = tagged(ask, f"{SOURCE}\n{{sea}}", counted=counted)[1]
    assert told["words"].endswith(" · {sea} is too large")


def test_a_tables_rows_cost_what_the_kernel_planned(ask, ledger, as_ada, rates):
    give(ledger)
    ask("balance")
    source, plan = f"%%asksage {MODEL} --map df --budget 5_000\n{{a}}", NOTHING | {"planned": "40 calls"}
    told = tagged(ask, source, counted=plan | {"plan": [2_000, 4_000, 9_000]})[1]
    assert told["words"] == "about 4,000 tokens (2,000 to 9,000) · 40 calls · 2% of what is left"
    told = tagged(ask, source, counted=plan | {"plan": [2_000, 6_000, 9_000]})[1]
    assert (told["level"], told["words"].rpartition(" · ")[2]) == (
        "red",
        "more than --budget 5,000: it will be refused",
    )


@pytest.mark.parametrize(
    "counted",
    [5, {}, NOTHING | {"parts": 5}, NOTHING | {"parts": {"a": {"prompt": -1}}}, NOTHING | {"plan": [1, 2]}],
)
def test_what_nobody_counted_is_refused(ask, as_ada, rates, counted):
    status, told = tagged(ask, SOURCE, counted=counted or {"parts": None})
    assert (status, "counted" in told["message"]) == (400, True)


def test_an_envelope_of_the_project_bounds_a_prompt_too(ask, ledger, as_ada, rates, jp_root_dir):
    give(ledger)
    ask("balance")
    project = jp_root_dir / "tides"
    project.mkdir()
    limits = project / "pyproject.toml"

    def told():
        found = tagged(ask, SOURCE, path="tides/a.ipynb")[1]
        return found["level"], found["words"].rpartition(" · ")[2]

    price = int(re.match(r"about (\d+)", tagged(ask, SOURCE)[1]["words"])[1])
    assert told()[1].endswith("% of what is left")
    limits.write_text(f"[tool.asksage.envelopes]\nproject = {40 * price}\n")
    assert told() == ("quiet", "2.5% of what the envelope of the project tides has left")
    limits.write_text(f"[tool.asksage.envelopes]\nproject = {2 * price}\n")
    assert told() == ("amber", "50% of what the envelope of the project tides has left")
    limits.write_text("[tool.asksage.envelopes]\nproject = 20\n")
    assert told() == (
        "red",
        "more than the 20 left in the envelope of the project tides: it will be refused",
    )
    limits.write_text("[tool.asksage.envelopes]\nproject = 'many'\n")
    assert told()[0] == "amber"
    assert told()[1].startswith("project is a whole number")


def bound(left, *, soft=False):
    words = "the envelope of the notebook a.ipynb"
    return {"words": words, "tokens": 500, "left": left, "told_by": "%asksage envelope", "is_soft": soft}


@pytest.mark.parametrize(
    ("bounds", "level", "words"),
    [
        ([bound(10**6), bound(20)], "red", "more than the 20 left in the envelope of the notebook a.ipynb"),
        (
            [bound(-5, soft=True)],
            "amber",
            "more than the 0 left in the envelope of the notebook a.ipynb, which",
        ),
        ([bound(1_000)], "amber", "% of what the envelope of the notebook a.ipynb has left"),
    ],
)
def test_what_lines_of_the_kernel_said_bounds_a_prompt_too(ask, ledger, as_ada, rates, bounds, level, words):
    give(ledger)
    ask("balance")
    told = tagged(ask, SOURCE, footing={"bounds": bounds, "model": ""})[1]
    assert (told["level"], words in told["words"]) == (level, True), told["words"]


def test_the_kernels_own_model_answers_where_a_cell_names_none(ask, ledger, as_ada, rates):
    told = tagged(ask, "%%asksage\nWhy?", footing={"bounds": [], "model": MODEL})[1]
    assert (told["model"], told["words"][:6]) == (MODEL, "about ")


@pytest.mark.parametrize(
    "footing", [5, {"bounds": []}, {"bounds": [{}], "model": ""}, {"bounds": [bound("x")]}]
)
def test_what_no_kernel_told_is_refused(ask, as_ada, rates, footing):
    status, told = tagged(ask, SOURCE, footing=footing)
    assert (status, "footing" in told["message"]) == (400, True)


def keep_reply(prompt):
    """Keep a reply as a kernel does."""
    from asksage_jupyter.session import Session, build_query
    from asksage_jupyter.session.asking.replay import Replay

    with closing(Session(AskSage())) as session:
        answer = SimpleNamespace(text="Salt.", model=None)
        Replay(session).keep(build_query(session, prompt, MODEL, {}), new_op(), answer, None)


def test_a_kept_reply_costs_nothing(ask, ledger, as_ada, rates, path):
    give(ledger)
    ask("balance")
    head = f"%%asksage {MODEL} --replay"
    full = tagged(ask, f"{head}\nWhy?")[1]["words"]
    assert full.startswith("about ")
    assert not list(path.parent.glob("*.replies"))  # to look makes none
    keep_reply("Why?")
    for more, words in (
        ("", "0 tokens: the reply that is kept is shown again"),
        (" --fresh", full),
        (" --estimate", full),
    ):
        told = tagged(ask, f"{head}{more}\nWhy?")[1]
        assert (told["level"], told["words"]) == ("quiet", words)
    assert tagged(ask, f"%%asksage {MODEL}\nWhy?")[1]["words"] == full
    assert tagged(ask, f"{head}\nWhy not?")[1]["words"].startswith("about ")
    # With a variable in it, the kernel looks.
    assert tagged(ask, f"{head}\nWhy? {{x}}")[1]["count"] == "+ {x}"
    told = tagged(ask, f"{head}\nWhy? {{x}}", counted=NOTHING | {"is_kept": True})[1]
    assert (told["words"][:9], told["count"]) == ("0 tokens:", "")
    refused = tagged(ask, f"{head} --live 1\nWhy?")[1]
    assert (refused["level"], "never replayed" in refused["words"]) == ("amber", True)


def test_where_no_model_is_named_the_last_that_was_asked_is_priced(ask, ledger, as_ada, rates, jp_root_dir):
    give(ledger)
    assert tagged(ask, "%%asksage\nWhy?")[1]["model"] == ""
    spend(ledger, 30, notebook=str(jp_root_dir / "a.ipynb"))
    call = Call(new_op(), now(), "plugin:maps", INFERENCE, 4, notebook=str(jp_root_dir / "b.ipynb"))
    ledger.hold(ADA, call, due=now() + HOUR)
    told = tagged(ask, "%%asksage\nWhy?", path="a.ipynb")[1]
    assert (told["model"], told["ask"]) == ("a-model", [])
    assert tagged(ask, f"%%asksage {MODEL}\nWhy?", path="a.ipynb")[1]["model"] == MODEL


def test_a_price_does_not_wait_for_a_ledger_that_keeps_others_waiting(
    ask, ledger, as_ada, rates, jp_serverapp, monkeypatch
):
    from asksage_jupyter.server.desk import Desk

    give(ledger)
    let = threading.Event()
    reader = jp_serverapp.web_app.settings[Desk.SETTING].reader
    monkeypatch.setattr(reader, "footing", lambda file: let.wait(WAIT_S))
    assert tagged(ask, SOURCE)[1]["words"].startswith("about ")
    assert not let.is_set()
    let.set()


def test_what_is_more_than_is_left_is_red(ask, ledger, as_ada, rates):
    give(ledger)
    spend(ledger, ledger.balance(ADA).inference.remaining - 1)
    ask("balance")
    told = tagged(ask, SOURCE)[1]
    assert (told["level"], told["words"].partition(" · ")[2]) == (
        "red",
        "more than the 1 that are left: it will be refused",
    )


def test_a_cell_of_others_has_no_tag(ask, as_ada, rates):
    assert tagged(ask, "a = 1") == (200, None)
    assert tagged(ask, 5)[0] == 400


def test_the_line_is_told_by_the_parsers(ask, as_ada, rates, monkeypatch):
    from asksage_jupyter.prompting import cell_parser

    told = ask("line")[1]
    assert [option["name"] for option in told["asksage"]] == cell_parser().names()
    format = next(option for option in told["asksage"] if option["name"] == "--format")
    assert (format["takes"], format["values"][0]) == (True, "markdown")
    assert told["models"] == [{"name": MODEL, "help": "0.14 tokens a model token read, 0.57 written"}]
    rates.offer(["b", MODEL])
    assert [model["name"] for model in ask("line")[1]["models"]] == ["b", MODEL]


def test_rates_are_asked_for_on_request_and_no_text_is_sent(ask, server):
    ask("balance")
    source = "%%asksage sage-haiku\nthe secret sea"
    assert tagged(ask, source)[1]["ask"] == ["sage-haiku"]
    assert not server.requests
    told = tagged(ask, source, ask=True)[1]
    assert told["words"].startswith("about ")
    assert server.requests
    assert not any(b"secret" in request.content for request in server.requests)
