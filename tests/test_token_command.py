"""A program that prints a token: run without a shell, kept for five minutes, and never shown."""

import base64
import json
import shlex
import stat
import sys
import traceback

import pytest
from scripted import Played

import asksage_jupyter
from asksage_jupyter import session
from asksage_jupyter.errors import AskSageError, BadKey, ConfigurationError
from asksage_jupyter.session.holder import token_command
from asksage_jupyter.session.holder.token_command import drop, token_from
from asksage_jupyter.settings import AskSage

EXCHANGE, MODELS, LIMITS = (
    "/user/get-token-with-api-key",
    "/server/get-models",
    "/user/validate_token_with_full_user",
)


def jwt(name):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS512'})}.{part({'exp': 4_000_000_000, 'jti': name})}.c2lnbmVk"


@pytest.fixture(autouse=True)
def fresh():
    token_command._kept.clear()
    yield
    token_command._kept.clear()


@pytest.fixture
def program(tmp_path):
    """A program that prints each line of a file in turn, and counts its runs; a callable that sets them."""
    lines, runs = tmp_path / "lines.txt", tmp_path / "runs.txt"
    script = tmp_path / "get token.py"
    script.write_text(
        f"import sys\nruns = open({str(runs)!r}, 'a+'); runs.write('x'); runs.seek(0)\n"
        f"n = len(runs.read())\nlines = open({str(lines)!r}).read().splitlines()\n"
        "print(lines[min(n, len(lines)) - 1])\nprint('LOUD-secret', file=sys.stderr)\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)

    def prints(*tokens):
        lines.write_text("\n".join(tokens))
        return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"

    prints.runs = lambda: len(runs.read_text()) if runs.exists() else 0
    return prints


@pytest.mark.parametrize("as_list", [False, True])
def test_a_command_is_a_line_or_a_list_and_no_shell_reads_it(as_list, capfd):
    argv = [sys.executable, "-c", "import sys; print(sys.argv[1])", "$HOME;`id`"]
    assert token_from(argv if as_list else shlex.join(argv)).reveal() == "$HOME;`id`"
    assert capfd.readouterr() == ("", "")


def test_it_is_kept_for_five_minutes_or_until_it_is_refused(program):
    now = [0.0]
    command = program("one", "two", "three")

    def token():
        return token_from(command, clock=lambda: now[0]).reveal()

    assert (token(), token(), program.runs()) == ("one", "one", 1)
    now[0] = 299.0
    assert token() == "one"
    now[0] = 300.0
    assert token() == "two"
    drop(token_from(command, clock=lambda: now[0]))
    assert (token(), program.runs()) == ("three", 3)


SECRET = "SECRET-5a1"


@pytest.mark.parametrize(
    ("code", "longest_s", "told"),
    [
        (f"print('{SECRET}'); raise SystemExit(3)", 60, "failed (exit code 3)"),
        ("pass", 60, "printed nothing"),
        (f"print('{SECRET}', flush=True); import time; time.sleep(600)", 0.5, "took more than 0.5 s"),
    ],
)
def test_what_goes_wrong_is_one_line_that_shows_nothing(code, longest_s, told, capfd):
    with pytest.raises(ConfigurationError) as caught:
        token_from([sys.executable, "-c", code, SECRET], longest_s=longest_s)
    assert told in str(caught.value) and "\n" not in str(caught.value)
    frames = caught.value.__traceback__.tb_next  # but for the test's own
    shown = traceback.TracebackException(
        type(caught.value), caught.value, frames.tb_next, capture_locals=True
    )
    printed = f"{caught.value!r} {caught.value.__context__!r} {capfd.readouterr()}"
    assert SECRET not in printed
    assert "b'SECRET" not in "".join(shown.format())


@pytest.mark.parametrize(
    ("command", "told"), [("no-such-program-here", "is not there"), ("'open", "quotes closed"), ([""], "is")]
)
def test_a_command_that_cannot_be_run_is_told(command, told):
    with pytest.raises(ConfigurationError, match=told):
        token_from(command)


def test_its_token_signs_every_request_and_is_not_exchanged(server, monkeypatch, program):
    token = jwt("a")
    monkeypatch.setenv("ASKSAGE_TOKEN_COMMAND", program(token))
    assert asksage_jupyter.ask("Why?").text == "The sky is blue."
    assert {request.token for request in server.requests if request.token} == {token}
    assert not server.asked(EXCHANGE)
    assert session.find_key(session.current().account)[1] == "AskSage.token_command"
    assert program.runs() == 1
    assert token not in repr(vars(AskSage.instance()))


def test_a_key_that_it_prints_is_exchanged_as_any(server, monkeypatch, program):
    monkeypatch.setenv("ASKSAGE_TOKEN_COMMAND", program("a-plain-key"))
    server.on(EXCHANGE, {"response": {"access_token": jwt("b")}, "status": "200"})
    asksage_jupyter.balance()
    assert server.asked(EXCHANGE)[0].json["api_key"] == "a-plain-key"


def test_a_refused_token_is_asked_for_anew_once(server, monkeypatch, program):
    old, new = jwt("old"), jwt("new")
    monkeypatch.setenv("ASKSAGE_TOKEN_COMMAND", program(old, new))
    asksage_jupyter.balance()

    def models(request):
        good = request.token == new
        return {"response": ["sage-haiku"], "status": 200} if good else BAD

    server.on(MODELS, models)
    assert [model.id for model in session.current().service.models()] == ["sage-haiku"]
    assert program.runs() == 2


BAD = {"response": "Token is invalid [1]", "status": 400}


def test_a_token_that_stays_refused_is_a_bad_key(server, monkeypatch, program):
    token = jwt("old")
    monkeypatch.setenv("ASKSAGE_TOKEN_COMMAND", program(token))
    for path in (MODELS, LIMITS):
        server.on(path, Played({"response": f"Token is invalid: {token}", "status": 400}))
    with pytest.raises(BadKey) as caught:
        asksage_jupyter.balance()
    assert token not in str(caught.value)


def test_after_five_minutes_it_is_run_again_by_a_session_that_goes_on(server, monkeypatch, program):
    old, new = jwt("old"), jwt("new")
    monkeypatch.setenv("ASKSAGE_TOKEN_COMMAND", program(old, new))
    asksage_jupyter.balance()
    monkeypatch.setattr(token_command, "KEPT_S", 0.0)
    session.current().service.models()
    assert server.asked(MODELS)[-1].token == new


def test_a_command_that_fails_before_a_call_costs_nothing(server, monkeypatch, program):
    monkeypatch.setenv("ASKSAGE_TOKEN_COMMAND", f"{shlex.quote(sys.executable)} -c 'raise SystemExit(1)'")
    with pytest.raises(AskSageError, match="token command"):
        asksage_jupyter.ask("Why?")
    assert not server.requests


def test_what_a_key_may_be_used_for_is_told_with_the_limits(server):
    told = {"max_tokens": 5, "token_scopes": ["query", "plugins"], "mfa_secret": "x"}
    server.on(LIMITS, {"response": told, "status": 200})
    assert session.current().service.limits().scopes == ("query", "plugins")
