"""A new account's first minutes: whose key it is, which model, and what the doctor says."""

import getpass
import json
import re
from pathlib import Path

import pytest
from scripted import EXCHANGE, Played
from tenant import KEY, MODEL, OTHER, questions

import asksage_jupyter as sage
from asksage_jupyter import cli, session
from asksage_jupyter.errors import BadInput, BadKey, ConfigurationError, NoKey
from asksage_jupyter.settings import AskSage

MODELS = "/server/get-models"
FULL_USER = "/user/validate_token_with_full_user"
BAD = {"response": "Token is invalid [1]", "status": 400}


def is_the_key_of(server, email, **more):
    told = {"max_tokens": 200_000, "max_train_tokens": 100_000, "email": email, **more}
    server.on(FULL_USER, {"response": told, "status": 200})


def booked():
    ledger = session.current().ledger
    return [known.account.holder for known in ledger.accounts()]


# -- whose key --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call", [lambda: sage.ask("Why?"), lambda: sage.balance(), lambda: sage.reconcile(), lambda: sage.pace()]
)
def test_a_key_of_another_person_is_told_before_anything_is_booked(server, call):
    is_the_key_of(server, "ana@agency.example")
    with pytest.raises(
        ConfigurationError, match=r"ana@agency\.example's.*counted for ada@example\.org"
    ) as caught:
        call()
    assert "ASKSAGE_EMAIL=ana@agency.example" in str(caught.value)
    assert booked() == []
    assert questions(server) == []


def test_a_month_that_is_known_does_not_hide_another_persons_key(server, monkeypatch):
    is_the_key_of(server, "Ada@Example.org")
    assert sage.ask("Why?").tokens == 63
    session.forget()
    is_the_key_of(server, "ana@agency.example")
    with pytest.raises(ConfigurationError, match="ana@agency"):
        sage.ask("Why?")
    assert len(questions(server)) == 1


def test_whose_it_is_is_asked_once_a_session(server):
    is_the_key_of(server, "ada@example.org")
    sage.ask("Why?")
    asked = len(server.asked(FULL_USER))
    sage.ask("Why?")
    assert len(server.asked(FULL_USER)) == asked


def test_the_email_of_nobody_else_is_taken(server):
    boss = {"email": "boss@agency.example", "max_queries": 5}
    is_the_key_of(server, None, organization=boss, contacts=[boss])
    assert sage.balance().inference.remaining
    assert session.current().service.limits().email is None


def test_without_an_email_the_keys_own_is_told(server, monkeypatch):
    monkeypatch.delenv("ASKSAGE_EMAIL")
    is_the_key_of(server, "ana@agency.example")
    with pytest.warns(UserWarning, match=r"ana@agency\.example's.*Set ASKSAGE_EMAIL=ana@agency\.example"):
        assert sage.balance().inference.remaining


@pytest.fixture
def typed(monkeypatch):
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "her-key")
    monkeypatch.setattr("builtins.input", lambda prompt: "")


def test_login_ends_with_whose_key_it_is_and_what_is_left(shell, server, typed, capsys):
    is_the_key_of(server, "ada@example.org")
    shell.run_line_magic("asksage", "login")
    told = capsys.readouterr().out
    assert "Ask Sage accepts the key, which is ada@example.org's. It is kept in this session only" in told
    assert "199,589 of 200,000 left" in told


def test_login_without_an_email_counts_for_the_person_whose_key_it_is(shell, server, typed, monkeypatch):
    monkeypatch.delenv("ASKSAGE_EMAIL")
    monkeypatch.delenv("ASKSAGE_API_KEY")
    is_the_key_of(server, "Ana@Agency.example")
    shell.run_line_magic("asksage", "login")
    assert sage.balance().account.holder == "ana@agency.example"
    assert booked() == ["ana@agency.example"] * len(booked())


def test_login_with_another_persons_key_keeps_nothing(shell, server, typed, monkeypatch):
    monkeypatch.delenv("ASKSAGE_API_KEY")
    is_the_key_of(server, "ana@agency.example")
    with pytest.raises(ConfigurationError, match="ana@agency"):
        shell.run_line_magic("asksage", "login")
    with pytest.raises(NoKey):
        sage.balance()
    assert AskSage.instance().email == "ada@example.org"


# -- which model ------------------------------------------------------------------------------------------


def listed(server, *models):
    rows = [
        {
            "id": name,
            "display_name": name,
            "limits": {"max_context": context},
            "deprecation": {"state": "deprecated", "message": "gone soon"} if old else None,
            "token_conversion_rate": None if rate is None else {"prompt": rate, "completion": 4 * rate},
        }
        for name, rate, context, old in models
    ]
    server.on(MODELS, {"response": rows, "status": 200})


@pytest.fixture
def many(server, monkeypatch):
    monkeypatch.delenv("ASKSAGE_MODEL")
    listed(
        server,
        ("grand-9", 0.9, 1_000_000, False),
        (MODEL, 0.1, 200_000, False),
        ("small-1", 0.01, 100_000, False),
        ("older-0", 0.001, 8_000, True),
        ("rateless-5", None, 2_000_000, False),
        ("middle-3", 0.2, 200_000, False),
    )
    return server


def test_who_names_no_model_is_told_three_with_what_the_prompt_would_cost(many, shell):
    sage.ask("Why?", model=MODEL)
    for call in (
        lambda: sage.ask("Why? " * 500),
        lambda: sage.estimate("Why? " * 500),
        lambda: shell.run_cell_magic("asksage", "", "Why? " * 500),
        lambda: shell.run_cell_magic("asksage", "--estimate", "Why? " * 500),
    ):
        with pytest.raises(BadInput) as caught:
            call()
        told = str(caught.value)
        found = re.findall(r"([\w-]+-\d|sage-haiku) \((the [\w ]+), about ([\d,]+) tokens\)", told)
        assert [(model, why) for model, why, _ in found] == [
            ("small-1", "the cheapest"),
            (MODEL, "the one you used most"),
            ("grand-9", "the largest"),
        ]
        for model, _, tokens in found:
            assert sage.estimate("Why? " * 500, model).expected == int(tokens.replace(",", ""))
        assert '%config AskSage.model = "small-1"' in told
    assert len(questions(many)) == 1


def test_the_line_that_it_tells_sets_one(many, shell):
    with pytest.raises(BadInput) as caught:
        sage.ask("Why?")
    line = re.search(r"%(config AskSage\.model = \"[\w-]+\")", str(caught.value))[1]
    shell.run_line_magic("config", line.removeprefix("config "))
    assert sage.ask("Why?").estimate.model == "small-1"
    shell.config.pop("AskSage", None)  # the shell is kept for the tests below


def test_a_tenant_that_tells_no_rates_still_names_models(many):
    many.on(MODELS, {"response": ["sage-1", "sage-2"], "status": 200})
    with pytest.raises(BadInput, match=r"sage-1 \(another.*sage-2 \(another"):
        sage.ask("Why?")
    many.on(MODELS, {"response": [], "status": 200})
    session.forget()
    with pytest.raises(BadInput, match="lists none"):
        sage.ask("Why?")


def test_a_model_is_chosen_where_none_is_set(many):
    assert sage.choose_model() == AskSage.instance().model == "small-1"
    AskSage.instance().model = OTHER
    assert sage.choose_model() == OTHER


def test_the_quickstart_runs_on_an_account_that_has_no_model_set(many, shell):
    notebook = json.loads((Path(__file__).parents[1] / "notebooks/01-quickstart.ipynb").read_text())
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    refused = ["--max-tokens 5" in cell for cell in code]
    for cell, is_refused in zip(code, refused, strict=True):
        if "plot" in cell or "chart" in cell:
            continue
        done = shell.run_cell(cell, silent=True)
        assert done.success is not is_refused, (cell, done.error_in_exec)


# -- the doctor -------------------------------------------------------------------------------------------


def doctor(capsys):
    code = cli.main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    return code, {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}


@pytest.fixture
def checked(monkeypatch):
    """Without a look at the local model, whose hash takes a second."""
    from asksage_jupyter.cli import doctor as checks

    monkeypatch.setattr(checks, "_local_model", lambda: "not looked at")


def test_the_doctor_tries_the_key_and_tells_whose_it_is(server, checked, capsys):
    is_the_key_of(server, "ada@example.org")
    code, found = doctor(capsys)
    assert code == 0
    assert found["service"] == f"{server.url} answers as an Ask Sage does"
    assert found["key"] == "yes, from ASKSAGE_API_KEY; Ask Sage accepts it and is ada@example.org's"
    assert questions(server) == []


def test_the_doctor_tells_a_key_that_is_not_accepted(server, checked, capsys):
    server.on(EXCHANGE, BAD)
    code, found = doctor(capsys)
    assert code == 1
    assert found["key"].startswith("WRONG: Ask Sage did not accept the key")
    assert KEY not in str(found)


def test_the_doctor_tells_a_key_of_another_person(server, checked, capsys):
    is_the_key_of(server, "ana@agency.example")
    code, found = doctor(capsys)
    assert code == 1
    assert found["key"].startswith("WRONG: this key is ana@agency.example's")


@pytest.mark.parametrize(
    "answer", [Played(b"<html>404", status=404), Played(b"<html>Welcome"), {"hello": "world"}]
)
def test_the_doctor_calls_a_host_that_is_no_ask_sage_wrong(server, checked, capsys, answer):
    server._script.clear()
    server.on("*", answer)
    code, found = doctor(capsys)
    assert code == 1
    assert found["service"].startswith("WRONG: 127.0.0.1 answer")
    assert "not tried" in found["key"]
    assert not [request for request in server.requests if KEY in str(request)]


def test_the_doctor_knows_that_a_refused_key_is_no_fault_of_the_way(server, checked, capsys):
    server.on(EXCHANGE, BAD)
    with pytest.raises(BadKey):
        sage.balance()
    assert doctor(capsys)[1]["service"].endswith("as an Ask Sage does")


# -- the terminal -----------------------------------------------------------------------------------------


def test_a_terminal_that_is_told_of_nobody_shows_the_account_used_last(server, monkeypatch, capsys):
    sage.ask("Why?")
    for name in ("ASKSAGE_API_KEY", "ASKSAGE_EMAIL", "ASKSAGE_URL"):
        monkeypatch.delenv(name)
    for command in ("balance", "usage", "statement"):
        session.forget()
        AskSage.clear_instance()
        assert cli.main([command]) == 0
        assert "ada@example.org at localhost" in capsys.readouterr().out


def test_a_terminal_without_a_key_or_an_account_says_how_to_begin(monkeypatch, capsys):
    assert cli.main(["balance"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "asksage-jupyter login" in err and "asksage-jupyter demo" in err


def test_a_named_account_is_never_anothers(server, monkeypatch, capsys):
    sage.ask("Why?")
    monkeypatch.delenv("ASKSAGE_API_KEY")
    monkeypatch.setenv("ASKSAGE_EMAIL", "grace@example.org")
    session.forget()
    AskSage.clear_instance()
    assert cli.main(["balance"]) == 1
    assert "no Ask Sage key" in capsys.readouterr().err


def test_a_terminal_logs_in(server, typed, monkeypatch, capsys):
    monkeypatch.delenv("ASKSAGE_API_KEY")
    is_the_key_of(server, "ada@example.org")
    assert cli.main(["login"]) == 0
    told = capsys.readouterr().out
    assert "which is ada@example.org's" in told and "199,589 of 200,000 left" in told
