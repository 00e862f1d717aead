"""The key from where a person put it: kept and read back, corrected after a refusal, and never shown."""

import builtins
import os
import sys
import threading
import traceback

import keyring
import pytest
from patience import WAIT_S
from scripted import EXCHANGE, Played
from tenant import KEY, MODEL, questions

import asksage_jupyter as sage
from asksage_jupyter import cli, session
from asksage_jupyter.account import Account
from asksage_jupyter.errors import BadKey, NoKey, NotReached
from asksage_jupyter.server.views.reader import Reader
from asksage_jupyter.service import Secret
from asksage_jupyter.session.holder import credentials
from asksage_jupyter.session.holder.access import Access
from asksage_jupyter.settings import AskSage

BAD = {"response": "Token is invalid [1]", "status": 400}


class Backend(keyring.backend.KeyringBackend):
    """A keyring in memory, whose `get` and `put` a test may let fail."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}
        self.on_get = self.on_put = lambda: None

    def get_password(self, service, name):
        self.on_get()
        return self.kept.get((service, name))

    def set_password(self, service, name, password):
        self.on_put()
        self.kept[service, name] = password


@pytest.fixture
def backend(monkeypatch):
    before = keyring.get_keyring()
    keyring.set_keyring(backend := Backend())
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def account(server):
    return AskSage.instance().account


def raising(error):
    def fail():
        raise error

    return fail


# -- the keyring ------------------------------------------------------------------------------------------


def test_what_is_said_to_be_kept_is_there_in_the_next_process(backend, account, monkeypatch):
    assert credentials.keep_key(account, Secret(KEY)) == "the keyring"
    credentials._of_this_session.clear()
    monkeypatch.delenv("ASKSAGE_API_KEY")
    assert credentials.find_key(account) == (Secret(KEY), "keyring")


def test_a_backend_that_keeps_nothing_is_not_believed(account):
    # The tests' own keyring is the null backend, which takes every password in silence.
    assert credentials.keep_key(account, Secret(KEY)).startswith("this session only (the keyring took it")
    assert credentials.find_key(account)[1] == "%asksage login"


class Panic(BaseException):
    """As a compiled backend fails."""


@pytest.mark.parametrize(
    "error", [RuntimeError(f"no bus for {KEY}"), ImportError("secretstorage"), OSError(5, "x\ny"), Panic()]
)
@pytest.mark.parametrize("where", ["on_put", "on_get"])
def test_any_fault_of_a_backend_is_one_line(backend, account, monkeypatch, error, where):
    setattr(backend, where, raising(error))
    kept = credentials.keep_key(account, Secret(KEY))
    assert kept == f"this session only (the keyring failed: {type(error).__name__})"
    credentials._of_this_session.clear()
    monkeypatch.delenv("ASKSAGE_API_KEY")
    backend.on_get = raising(error)
    with pytest.raises(NoKey, match=f"the keyring failed: {type(error).__name__}") as caught:
        credentials.find_key(account)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("no display"), ImportError("no dbus"), SyntaxError("old")])
def test_a_keyring_that_cannot_be_imported_is_one_line(account, monkeypatch, error):
    def import_all_but_keyring(name, *rest):
        if name == "keyring":
            raise error
        return real(name, *rest)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", import_all_but_keyring)
    kept = credentials.keep_key(account, Secret(KEY))
    assert kept == f"this session only (the keyring failed: {type(error).__name__})"


def test_where_none_is_installed_the_command_is_told(account, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install" in credentials.keep_key(account, Secret(KEY))


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1)])
def test_a_stop_while_a_backend_asks_the_person_shows_no_key(backend, account, stop):
    backend.on_put = raising(stop)
    with pytest.raises(type(stop)) as caught:
        credentials.keep_key(account, Secret(KEY))
    error, frames = caught.value, caught.value.__traceback__.tb_next
    shown = "".join(traceback.TracebackException(type(error), error, frames, capture_locals=True).format())
    assert KEY not in shown
    assert error.__context__ is None


# -- a key that was refused -------------------------------------------------------------------------------


@pytest.fixture
def strict(server):
    """The tenant takes one key; which, a test may change."""
    server.right = KEY

    def exchange(request):
        return {"response": f"jwt-of-{server.right}"} if request.json["api_key"] == server.right else BAD

    server.on(EXCHANGE, exchange)
    return server


def test_a_corrected_key_is_read_again(strict, monkeypatch):
    monkeypatch.setenv("ASKSAGE_API_KEY", "wrong-key")
    for _ in range(2):
        with pytest.raises(BadKey, match="ASKSAGE_API_KEY"):
            sage.ask("Why?")
    monkeypatch.setenv("ASKSAGE_API_KEY", KEY)
    assert sage.ask("Why?").tokens == 63


def test_a_key_that_was_replaced_is_taken_in_the_midst(strict, monkeypatch):
    assert sage.ask("Why?").tokens == 63
    strict.right = "rotated-key"
    refusals = [Played(BAD), Played(BAD)]
    sound = strict._script["/server/query"][0]
    strict.on("/server/query", *refusals, sound)  # the old token, and the new one of the old key
    monkeypatch.setenv("ASKSAGE_API_KEY", "rotated-key")
    assert sage.ask("Why?").tokens == 63
    assert {request.json["api_key"] for request in strict.asked(EXCHANGE)} == {KEY, "rotated-key"}


def test_a_key_that_another_notebook_put_into_the_keyring_is_taken(strict, backend, account, monkeypatch):
    monkeypatch.delenv("ASKSAGE_API_KEY")
    backend.kept["asksage_jupyter", f"{account.holder} at {account.host}"] = "old-key"
    with pytest.raises(BadKey):
        sage.balance()
    backend.kept["asksage_jupyter", f"{account.holder} at {account.host}"] = KEY
    assert sage.balance().inference.remaining


def test_a_typed_key_that_is_refused_makes_way_for_a_better_one_only(strict, account, monkeypatch):
    credentials._of_this_session[account] = Secret("typed")
    monkeypatch.delenv("ASKSAGE_API_KEY")
    with pytest.raises(BadKey):
        sage.balance()
    assert credentials.find_key(account)[0] == Secret("typed")
    monkeypatch.setenv("ASKSAGE_API_KEY", KEY)
    assert sage.balance().inference.remaining


def test_a_typed_key_is_judged_by_itself(strict):
    """The environment's key would be accepted; it is not the one that was typed."""
    with pytest.raises(BadKey):
        session.current().login(Secret("mistyped"))
    assert session.current().balance().inference.remaining


def test_what_the_messages_say_to_correct_is_read_again(server, monkeypatch):
    right = os.environ["ASKSAGE_URL"]
    monkeypatch.setenv("ASKSAGE_URL", "http://127.0.0.1:9")
    session.forget()
    AskSage.clear_instance()
    with pytest.raises(NotReached, match="ASKSAGE_URL"):
        sage.balance()
    monkeypatch.setenv("ASKSAGE_URL", right)
    assert sage.balance().inference.remaining
    monkeypatch.setenv("ASKSAGE_EMAIL", "grace@example.org")
    assert sage.balance().account.holder == "grace@example.org"


def test_a_proxy_that_was_corrected_is_used(server, monkeypatch):
    monkeypatch.setenv("ASKSAGE_URL", "https://api.example.org")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    first = session.current()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
    assert session.current() is not first


def test_what_was_set_is_not_the_environments_any_more(monkeypatch):
    settings = AskSage.instance()
    monkeypatch.setenv("ASKSAGE_MODEL", "gpt-5")
    settings.follow_environment()
    assert settings.model == "gpt-5"
    settings.model = "gpt-5-mini"
    monkeypatch.setenv("ASKSAGE_MODEL", "gpt-5-nano")
    settings.follow_environment()
    assert settings.model == "gpt-5-mini"


# -- who is told what -------------------------------------------------------------------------------------


def test_a_terminal_is_told_its_own_command(server, monkeypatch, capsys):
    monkeypatch.delenv("ASKSAGE_API_KEY")
    assert cli.main(["reconcile"]) == 1
    assert "asksage-jupyter login" in capsys.readouterr().err
    with pytest.raises(NoKey, match="%asksage login"):
        sage.balance()


def test_nothing_was_sent_with_a_refused_key(strict, monkeypatch):
    monkeypatch.setenv("ASKSAGE_API_KEY", "wrong-key")
    with pytest.raises(BadKey):
        sage.ask("Why?", model=MODEL)
    assert questions(strict) == []


# -- what another process is told ------------------------------------------------------------------------


@pytest.fixture
def sidebar(server):
    """What the sidebar's server would send."""
    reader = Reader(AskSage.instance())
    yield lambda: reader.balance(lambda account: True, None)["access"]
    reader.close()


def test_the_sidebar_is_told_what_stands_in_the_way(strict, sidebar, monkeypatch):
    assert sidebar() is None
    monkeypatch.delenv("ASKSAGE_API_KEY")
    with pytest.raises(NoKey):
        sage.balance()
    assert sidebar()["state"] == "no-key"
    monkeypatch.setenv("ASKSAGE_API_KEY", "wrong-key")
    with pytest.raises(BadKey) as caught:
        sage.balance()
    assert sidebar() == {"state": "bad-key", "title": "Key not accepted", "words": str(caught.value)}
    monkeypatch.setenv("ASKSAGE_API_KEY", KEY)
    seen = []
    strict.on("/server/count-monthly-tokens", lambda request: seen.append(sidebar()) or {"response": 5})
    sage.balance()
    assert [(note["state"], note["words"]) for note in seen] == [("asking", "Asking localhost ...")]
    assert sidebar() is None


def test_a_host_that_is_not_reached_is_told_to_the_sidebar(server, sidebar, monkeypatch):
    server._script.clear()
    with pytest.raises(NotReached):
        sage.balance()
    found = sidebar()
    assert found["state"] == "not-reached"
    assert "not as an Ask Sage does" in found["words"]
    assert KEY not in str(list(session.current().ledger.folder.rglob("*")))


def test_the_sidebar_hears_of_it_when_it_changes(server, monkeypatch):
    reader, heard = Reader(AskSage.instance()), threading.Event()
    session.current().ledger.balance(AskSage.instance().account)
    stop = reader.watch(heard.set, 0.05)
    access = Access(session.current().ledger.folder, AskSage.instance().account, lambda: 0)
    with pytest.raises(NoKey), access.asking():
        raise NoKey("no key")
    assert heard.wait(WAIT_S)
    stop()
    reader.close()


def test_a_kernel_that_was_killed_does_not_ask_for_ever(tmp_path):
    now = 0
    access = Access(tmp_path, Account("host", "ada@example.org"), lambda: now)
    with pytest.raises(NoKey), access.asking():
        assert access.noted().state == "asking"
        now = 61_000_000
        assert access.noted() is None
        raise NoKey("no key")
    assert access.noted().words == "no key"
    next((tmp_path / "access").iterdir()).write_text("{")
    assert access.noted() is None
