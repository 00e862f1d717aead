"""The way to the service: each fault is told as what it is, with its cure, by whatever is done first."""

import io
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from _thread import interrupt_main
from contextlib import closing
from queue import SimpleQueue

import pytest
from certificates import agency, serving
from patience import WAIT_S, soon
from scripted import QUERY, STREAM, Played, Scripted
from tenant import KEY, MODEL, open_tenant, questions

import asksage_jupyter as sage
from asksage_jupyter import cli, session
from asksage_jupyter.errors import AskSageError, NotReached, ReplyLost, Unavailable
from asksage_jupyter.server.background.refresh import Refresh
from asksage_jupyter.service.way import connection
from asksage_jupyter.session import stopwatch, waiting
from asksage_jupyter.settings import AskSage

pytestmark = pytest.mark.long

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
CLOSED = "http://127.0.0.1:9"
PAGE = Played(
    b"<!DOCTYPE html><title>Sign in to the guest network</title>", headers={"content-type": "text/html"}
)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(connection, "_PAUSES_S", (0.0, 0.0))


@pytest.fixture
def configured(monkeypatch, tmp_path):
    """Settings for a service at an address, as a person makes them."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def configure(url, **variables):
        settings = {
            "ASKSAGE_URL": url,
            "ASKSAGE_EMAIL": "ada@example.org",
            "ASKSAGE_API_KEY": KEY,
            "ASKSAGE_MODEL": MODEL,
            "ASKSAGE_LEDGER": str(tmp_path / "ledger.db"),
        }
        for name, value in {**settings, **variables}.items():
            monkeypatch.setenv(name, value)
        session.forget()
        AskSage.clear_instance()

    return configure


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority of an agency's own, and a certificate of its for 127.0.0.1: two PEM files."""
    return agency(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure(authority):
    """A tenant behind the agency's certificate."""
    with closing(open_tenant(tls=serving(authority))) as server:
        yield server


# -- each fault, by whatever is done first ----------------------------------------------------------------


def _certificate(configured, server, secure):
    configured(secure.url)


def _no_tls(configured, server, secure):
    configured(f"https://127.0.0.1:{server.port}")


def _dead_proxy(configured, server, secure):
    configured("https://api.example.org", HTTPS_PROXY=CLOSED)


def _proxy_that_refuses(configured, server, secure):
    configured("https://api.example.org", HTTPS_PROXY=f"http://ada:hunter2@127.0.0.1:{server.port}")


def _no_such_name(configured, server, secure):
    configured("https://api.asksage.invalid")


def _refused(configured, server, secure):
    configured(CLOSED)


def _redirect(configured, server, secure):
    server.on("*", Played(b"", status=302, headers={"location": "https://login.example.org/sso"}))
    configured(server.url)


def _another_host(configured, server, secure):
    configured(server.url)


def _another_api(configured, server, secure):
    server.on("*", Played({"detail": "Not Found"}, status=404))
    configured(server.url)


def _an_api_that_greets(configured, server, secure):
    server.on("*", {"hello": "world"})
    configured(server.url)


def _captive_portal(configured, server, secure):
    server.on("*", PAGE)
    configured(server.url)


def _firewall(configured, server, secure):
    server.on("*", Played(b"<html>Blocked by policy", status=403))
    configured(server.url)


def _network_login(configured, server, secure):
    server.on("*", Played(PAGE.body, status=511))
    configured(server.url)


def _hangs_up(configured, server, secure):
    server.on("*", Played(drop_at=-1))
    configured(server.url)


FAULTS = {
    "certificate": (_certificate, r"certificate.*ASKSAGE_CA_BUNDLE"),
    "no tls": (_no_tls, r"TLS.*ASKSAGE_CA_BUNDLE"),
    "dead proxy": (_dead_proxy, r"the proxy 127\.0\.0\.1:9 .*HTTPS_PROXY"),
    "proxy that refuses": (
        _proxy_that_refuses,
        r"the proxy does not lead to api\.example\.org .*HTTPS_PROXY",
    ),
    "no such name": (_no_such_name, r"api\.asksage\.invalid: this name is not known.*ASKSAGE_URL"),
    "refused": (_refused, r"cannot reach 127\.0\.0\.1 .*refused.*ASKSAGE_URL"),
    "redirect": (_redirect, r"redirects to https://login\.example\.org .*ASKSAGE_URL"),
    "another host": (_another_host, r"\(HTTP 404\), but not as an Ask Sage does.*ASKSAGE_URL"),
    "another api": (_another_api, r"\(HTTP 404\), but not as an Ask Sage does.*ASKSAGE_URL"),
    "an api that greets": (_an_api_that_greets, r"but not as an Ask Sage does.*ASKSAGE_URL"),
    "captive portal": (_captive_portal, r"answered with a web page .*login page"),
    "firewall": (_firewall, r"answered with a web page \(HTTP 403\)"),
    "network that wants a login": (_network_login, r"answered with a web page \(HTTP 511\).*login page"),
    "hangs up": (_hangs_up, r"the connection to 127\.0\.0\.1 broke"),
}


def _python_ask():
    sage.ask("Why?")


def _python_estimate():
    sage.estimate("Why?", "sage-nova-9")


def _server_refresh():
    raise AskSageError(Refresh(AskSage.instance())._compared())


PYTHON = {
    "ask": _python_ask,
    "estimate": _python_estimate,
    "balance": lambda: sage.balance(),
    "reconcile": lambda: sage.reconcile(),
    "train": lambda: sage.train("text", "tides"),
    "compare": lambda: sage.compare("Why?", [MODEL, "other-1"]),
    "refresh": _server_refresh,
}
LINES = ["", "models", "estimate Why?", "reconcile", "plan", "personas", "plugins", "datasets", "pace"]


@pytest.fixture(params=FAULTS)
def fault(request, configured, secure):
    make, told = FAULTS[request.param]
    with closing(Scripted()) as server:
        make(configured, server, secure)
        yield told
        assert not questions(server) and not questions(secure)


def is_told(error, told):
    text = str(error)
    assert not any(words in text for words in ("set_plan", "not known:", "priced", "hunter2", "\n"))
    assert re.search(told, text), text


def test_every_function_tells_it(fault):
    for name, call in PYTHON.items():
        with pytest.raises(AskSageError) as caught:
            call()
        assert isinstance(caught.value, NotReached) or name == "refresh"
        is_told(caught.value, fault)


def test_every_magic_tells_it(fault, shell):
    for options in ("", "--estimate", f"--compare {MODEL},other-1"):
        with pytest.raises(NotReached) as caught:
            shell.run_cell_magic("asksage", options, "Why?")
        is_told(caught.value, fault)
    for line in LINES:
        with pytest.raises(NotReached) as caught:
            shell.run_line_magic("asksage", line)
        is_told(caught.value, fault)


def test_the_command_line_tells_it_in_one_line_and_its_exit_code(fault, capsys):
    for command in ("balance", "reconcile"):
        assert cli.main([command]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        *waiting, told = err.strip().splitlines()  # of a machine that is slow, that it waits
        assert all(line.startswith("asking ") for line in waiting)
        is_told(told, fault)


# -- in the middle of a session ---------------------------------------------------------------------------


@pytest.fixture
def met(configured):
    """A tenant that answered a first call."""
    with closing(open_tenant()) as server:
        configured(server.url)
        sage.ask("Why?")
        yield server
        session.forget()


def test_a_login_page_in_place_of_a_reply_is_told_and_its_tokens_stay_held(met):
    met.on(STREAM, PAGE)
    met.on(QUERY, PAGE)
    with pytest.raises(
        ReplyLost, match=r"a web page came in place of Ask Sage's reply .*login page.*stay held"
    ):
        sage.ask("Why?")
    assert sage.balance().inference.held > 0


@pytest.mark.parametrize(
    ("played", "told"),
    [
        (Played(PAGE.body, status=502), r"127\.0\.0\.1, or a gateway before it, fails \(HTTP 502\)"),
        (Played({"response": "maintenance", "status": 503}, status=503), r"busy \(maintenance\)"),
        (Played({"response": "slow down", "status": 429}, status=429), r"busy \(slow down\)"),
    ],
)
def test_a_service_that_fails_is_not_said_to_know_no_price(met, played, told):
    met.on("/server/tokenizer", played)
    met.on("/server/get-models", played)
    session.forget()
    with pytest.raises(Unavailable, match=told) as caught:
        sage.ask("Why?", model="never-asked-9")
    assert "priced" not in str(caught.value)
    assert len(questions(met)) == 1


# -- silence ----------------------------------------------------------------------------------------------


@pytest.fixture
def silent(configured):
    with closing(Scripted()) as server:
        server.on("*", Played(stall_at=-1))
        configured(server.url)
        AskSage.instance().timeout_s = 1.0
        yield server
        session.forget()


@pytest.mark.parametrize("call", [_python_ask, lambda: sage.balance()])
def test_a_silent_host_is_told_as_silent(silent, call):
    with pytest.raises(NotReached, match=r"has not answered within 1 s.*ASKSAGE_URL"):
        call()
    soon(lambda: len(silent.requests) == 3)  # of the first question; no other is asked


def test_all_questions_together_end_in_time_however_many_they_are(silent, monkeypatch):
    # Each answer comes in time, and there is no end of them.
    silent.on("*", lambda request: time.sleep(0.2) or {"response": None, "status": 200})
    service = session.current().service
    with pytest.raises(NotReached, match=r"has not answered within 1 s"):
        waiting.patiently("host", lambda: [service.left() for _ in range(100)], limit_s=1.0)
    assert len(silent.requests) < 10


def test_what_no_time_out_reaches_ends_in_time_too(monkeypatch):
    monkeypatch.setattr(waiting, "_GRACE_S", 0.1)
    stuck = threading.Event()
    with pytest.raises(NotReached, match="host has not answered"):
        waiting.patiently("host", stuck.wait, limit_s=0.3)
    stuck.set()


def test_a_stop_in_the_wait_is_only_a_stop(monkeypatch):
    """Where an Event was waited for, a second one there released its lock, which the thread then had."""

    def struck(*_):
        raise KeyboardInterrupt

    over = SimpleQueue()
    monkeypatch.setattr(threading.Condition, "_acquire_restore", struck)
    with pytest.raises(KeyboardInterrupt):
        waiting.patiently("host", lambda: (interrupt_main(), over.get()))
    over.put(None)


def test_who_is_waited_for_is_told_meanwhile_and_not_any_more(configured, monkeypatch):
    told, heard = [], threading.Event()
    waiting.tell_waiting(lambda line: (told.append(line), heard.set()))
    monkeypatch.setattr(waiting, "_TOLD_AFTER_S", 0.0)
    try:
        assert waiting.patiently("api.example.org", lambda: heard.wait(WAIT_S) and 7) == 7
    finally:
        waiting.tell_waiting(None)
    assert re.fullmatch(r"asking api\.example\.org · \d+ s", told[0])
    assert told[-1] is None and None not in told[:-1]


def test_a_quick_answer_is_not_announced(monkeypatch):
    told = []
    waiting.tell_waiting(told.append)
    try:
        waiting.patiently("api.example.org", lambda: None)
    finally:
        waiting.tell_waiting(None)
    assert told == []


# -- certificates -----------------------------------------------------------------------------------------


def test_a_bundle_makes_the_agencys_host_known(configured, secure, authority):
    configured(secure.url, ASKSAGE_CA_BUNDLE=str(authority[0]))
    assert sage.balance().inference.remaining is not None


@pytest.mark.parametrize("variable", ["ASKSAGE_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_certificate_needs_no_form_that_only_python_asks_for(
    configured, secure, authority, variable, monkeypatch
):
    make = ssl.create_default_context

    def strict(
        *arguments, **options
    ):  # as Python 3.13 makes it; the agency's certificates name no key of their issuer
        context = make(*arguments, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    configured(secure.url, **{variable: str(authority[0])})
    assert sage.balance().inference.remaining is not None


def test_the_variable_of_openssl_does_too(configured, secure, authority, monkeypatch):
    configured(secure.url, SSL_CERT_FILE=str(authority[0]))
    assert sage.balance().inference.remaining is not None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="a mount of one's own needs root")
def test_what_the_machine_trusts_is_trusted(configured, secure, authority, tmp_path):
    """The authority is in the machine's own store, in a view of the file system that only a child has."""
    configured(secure.url)
    folder = ssl.get_default_verify_paths().openssl_capath
    store, bundle = tmp_path / "store", ssl.get_default_verify_paths().openssl_cafile
    store.mkdir()
    digest = ["openssl", "x509", "-noout", "-hash", "-in", str(authority[0])]
    name = subprocess.run(digest, capture_output=True, text=True, check=True).stdout.strip()
    (store / f"{name}.0").write_bytes(authority[0].read_bytes())
    ask = "import asksage_jupyter as sage; print(sage.balance().inference.remaining)"
    script = f'mount --bind "{store}" "{folder}" && exec "{sys.executable}" -c "{ask}"'
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SSL_CERT")}
    command = ["unshare", "--mount", "sh", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no mount of one's own here: {done.stderr.strip()}")
    assert done.stdout.strip().isdecimal(), done.stderr
    assert bundle


def test_a_python_that_looks_elsewhere_finds_the_systems_certificates(monkeypatch):
    from asksage_jupyter.service.way import trust

    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    assert trust.trusted(None).cert_store_stats()["x509_ca"] > 50
    monkeypatch.setattr(trust, "_SYSTEM", ())
    assert trust.trusted(None).cert_store_stats()["x509_ca"] > 50


# -- NO_PROXY ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ["[::1]", "127.0.0.1,[fd00::]/8,::1", "%%%,[,*:x"])
def test_no_entry_of_no_proxy_makes_the_service_unusable(configured, secure, authority, entry):
    configured(secure.url, ASKSAGE_CA_BUNDLE=str(authority[0]), HTTPS_PROXY=CLOSED, NO_PROXY=entry)
    assert sage.balance().inference.remaining is not None


# -- the seconds of a call --------------------------------------------------------------------------------


@pytest.fixture
def lines(monkeypatch):
    """What is told of the waiting, from its first moment on."""
    told = SimpleQueue()
    monkeypatch.setattr(stopwatch, "_SOON_S", 0.0)
    waiting.tell_waiting(told.put)
    yield told
    waiting.tell_waiting(None)


def is_shown(lines, pattern):
    """Wait for a line; before it, one a second may come."""
    while not re.fullmatch(pattern, str(lines.get(timeout=WAIT_S))):
        pass
    return True


def test_the_line_follows_its_words_and_is_taken_away_at_the_first_text_and_never_again(lines):
    with stopwatch.Stopwatch("asking sage") as line:
        assert lines.get(timeout=WAIT_S) == "asking sage"
        line.words = "uploading"
        assert is_shown(lines, r"uploading · \d+ s")
        line.end()
        heard = []
        while not lines.empty():
            heard.append(lines.get())
        assert heard[-1] is None
    assert lines.empty()


def test_the_line_tells_how_much_of_a_whole_is_done(lines):
    with stopwatch.Stopwatch("counting sea.csv", 200) as line:
        assert lines.get(timeout=WAIT_S) == "counting sea.csv · 0%"
        line.advance(50)
        line.advance(40)
        assert is_shown(lines, r"counting sea\.csv · 45% · \d+ s")


def test_what_another_thread_waits_for_is_not_told(lines):
    def wait():
        with stopwatch.Stopwatch("asking sage"):
            pass

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert lines.empty()


def test_a_log_that_keeps_every_line_gets_none_and_a_terminal_is_wiped(monkeypatch, capsys):
    monkeypatch.setattr(stopwatch, "_SOON_S", 0.0)
    with stopwatch.Stopwatch("asking sage"):
        pass
    assert capsys.readouterr().err == ""
    written, heard = [], threading.Event()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    sys.stderr.isatty = lambda: True
    sys.stderr.write = lambda text: (written.append(text), heard.set())
    with stopwatch.Stopwatch("asking sage"):
        assert heard.wait(WAIT_S)
    assert written[0].endswith("\rasking sage")
    assert re.fullmatch(r"\r +\r", written[-1])


def test_a_display_that_hangs_or_fails_costs_no_reply(monkeypatch):
    monkeypatch.setattr(stopwatch, "_SOON_S", 0.0)
    monkeypatch.setattr(stopwatch, "_WIPED_S", 0.05)
    hangs, begun = threading.Event(), threading.Event()
    waiting.tell_waiting(lambda line: (begun.set(), hangs.wait(WAIT_S)))
    with stopwatch.Stopwatch("asking sage"):
        assert begun.wait(WAIT_S)
    hangs.set()
    waiting.tell_waiting(lambda line: 1 / 0)
    with stopwatch.Stopwatch("asking sage"):
        pass
    waiting.tell_waiting(None)
    hangs.set()
