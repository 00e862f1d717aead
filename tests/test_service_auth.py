"""Who asks: keys, tokens and their renewal, addresses and certificates; and that none of it ever shows."""

import base64
import copy
import io
import json
import logging
import pickle
import signal
import ssl
import subprocess
import sys
import threading
import traceback
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from scripted import EMAIL, EXCHANGE, KEY, QUERY, STREAM, Bench, Played, envelope, pieces, question

from asksage_jupyter.account import Meter
from asksage_jupyter.errors import (
    AskSageError,
    BadInput,
    BadKey,
    ConfigurationError,
    NoKey,
    Refused,
    Unavailable,
)
from asksage_jupyter.service import Secret, Service, base_url, is_loopback

DAY = 86_400
BAD = {"response": "Token is invalid [1]", "status": 400}
COUNT = "/server/count-monthly-tokens"


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        bench.server.on(QUERY, envelope())
        yield bench


def jwt(name="one", **claims):
    part = base64.urlsafe_b64encode(json.dumps({"sub": name, **claims}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{part}.c2lnbmF0dXJl"


def given_tokens(bench, *tokens):
    bench.server.on(EXCHANGE, *({"response": {"access_token": token}, "status": "200"} for token in tokens))


def tokens_used(bench):
    return [request.token for request in bench.server.asked(QUERY)]


# -- tokens -----------------------------------------------------------------------------------------------


def test_with_an_email_the_key_is_exchanged_once_for_a_token(bench):
    given_tokens(bench, jwt())
    service = bench.service(email=f" {EMAIL} ")
    service.query(question())
    service.query(question())
    exchange = bench.server.requests[0]
    assert exchange.json == {"email": EMAIL, "api_key": KEY}
    assert exchange.token is None
    assert len(bench.server.asked(EXCHANGE)) == 1
    assert tokens_used(bench) == [jwt(), jwt()]


def test_a_bare_token_is_taken(bench):
    bench.server.on(EXCHANGE, {"response": f"{jwt()}\n", "status": 200})
    bench.service(email=EMAIL).query(question())
    assert tokens_used(bench) == [jwt()]


@pytest.mark.parametrize("skew_s", [-5 * DAY, 0, 5 * DAY])
def test_a_token_is_renewed_before_it_expires_even_if_the_clock_is_off(bench, skew_s):
    given_tokens(bench, *(jwt(name, iat=bench.now, exp=bench.now + DAY) for name in "ab"))
    bench.now += skew_s
    service = bench.service(email=EMAIL)
    service.query(question())
    bench.now += DAY - 600
    service.query(question())
    assert len(bench.server.asked(EXCHANGE)) == 1
    bench.now += 400
    service.query(question())
    assert len(bench.server.asked(EXCHANGE)) == 2
    assert len(set(tokens_used(bench))) == 2


@pytest.mark.parametrize(
    "token", ["opaque", "a.b.c", jwt(exp="soon"), jwt(exp=True), jwt(exp=5), "x.bnVsbA.y", jwt(exp=1e400)]
)
def test_a_token_that_does_not_tell_its_life_lives_a_day(bench, token):
    given_tokens(bench, token)
    service = bench.service(email=EMAIL)
    for passed_s in (0, DAY - 400, 200):
        bench.now += passed_s
        service.query(question())
    assert len(bench.server.asked(EXCHANGE)) == 2


def test_a_token_of_seconds_is_not_exchanged_for_every_call(bench):
    given_tokens(bench, jwt(iat=bench.now, exp=bench.now + 20))
    service = bench.service(email=EMAIL)
    service.query(question())
    service.query(question())
    assert len(bench.server.asked(EXCHANGE)) == 1


def test_a_token_refused_before_its_time_is_renewed_once(bench):
    given_tokens(bench, jwt("a"), jwt("b"), jwt("c"))
    bench.server.on(QUERY, BAD, envelope())
    assert bench.service(email=EMAIL).query(question()).text == "OK"
    assert tokens_used(bench) == [jwt("a"), jwt("b")]


def test_a_new_token_that_is_refused_as_well_is_a_bad_key(bench):
    given_tokens(bench, jwt("a"), jwt("b"), jwt("c"))
    bench.server.on(QUERY, BAD)
    with pytest.raises(BadKey, match="ASKSAGE_API_KEY"):
        bench.service(email=EMAIL).query(question())
    assert len(bench.server.asked(EXCHANGE)) == 2
    assert len(bench.server.asked(QUERY)) == 2


@pytest.mark.parametrize("reply", [BAD, {"response": "No account.", "status": 410}, Played(b"", status=401)])
def test_a_key_that_is_not_exchanged_is_a_bad_key(bench, reply):
    bench.server.on(EXCHANGE, reply)
    with pytest.raises(BadKey, match="ASKSAGE_EMAIL"):
        bench.service(email=EMAIL).query(question())
    assert not bench.server.asked(QUERY)


def test_a_tenant_that_exchanges_no_keys_is_sent_the_key_itself(bench):
    service = bench.service(email=EMAIL)
    service.query(question())
    service.query(question())
    assert len(bench.server.asked(EXCHANGE)) == 1
    assert tokens_used(bench) == [KEY, KEY]


@pytest.mark.parametrize(
    "response", [None, "", 5, {}, {"access_token": None}, {"access_token": "a\r\nb: c"}, []]
)
def test_nonsense_in_place_of_a_token_sends_nothing(bench, response):
    bench.server.on(EXCHANGE, {"response": response, "status": 200})
    with pytest.raises(Refused, match="no token"):
        bench.service(email=EMAIL).query(question())
    assert not bench.server.asked(QUERY)


@pytest.mark.parametrize("played", [Played(b"", status=504), Played(drop_at=-1), Played(b"", status=503)])
def test_an_exchange_that_fails_is_tried_again(bench, played):
    bench.server.on(EXCHANGE, played, {"response": jwt()})
    assert bench.service(email=EMAIL).query(question()).text == "OK"
    assert len(bench.pauses) == 1


def test_threads_share_one_exchange(bench):
    given_tokens(bench, jwt("a"), jwt("b"))
    bench.server.on(COUNT, {"response": 1})
    service, start = bench.service(email=EMAIL), threading.Barrier(6)

    def ask():
        start.wait()
        service.used(Meter.INFERENCE)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bench.server.asked(EXCHANGE)) == 1
    assert {request.token for request in bench.server.asked(COUNT)} == {jwt("a")}


# -- keys -------------------------------------------------------------------------------------------------


def test_a_pasted_key_may_have_blanks_around_it(bench):
    with closing(Service(bench.server.url, Secret(f"  {KEY}\n"))) as service:
        service.query(question())
    assert tokens_used(bench) == [KEY]


@pytest.mark.parametrize("key", ["", "  \n"])
def test_an_empty_key_is_no_key(key):
    with pytest.raises(NoKey, match="ASKSAGE_API_KEY"):
        Service("https://api.asksage.ai", Secret(key))


@pytest.mark.parametrize("key", ["two words", "cut\r\nshort: x", "naïve-key", "emoji😀", "nul\0"])
def test_a_key_that_cannot_be_one_is_never_sent_or_shown(key):
    with pytest.raises(ConfigurationError) as caught:
        Service("https://api.asksage.ai", Secret(key))
    assert key not in shown(caught.value)


# -- addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.asksage.ai", "https://api.asksage.ai"),
        (" https://api.asksage.ai/// ", "https://api.asksage.ai"),
        ("api.asksage.ai", "https://api.asksage.ai"),
        ("API.AskSage.ai/server", "https://api.asksage.ai"),
        ("https://api.asksage.ai/server/", "https://api.asksage.ai"),
        ("https://api.asksage.ai/user/get-token-with-api-key", "https://api.asksage.ai"),
        ("https://api.asksage.ai/server/query?x=1#y", "https://api.asksage.ai"),
        ("https://gate.example:8443/asksage/server", "https://gate.example:8443/asksage"),
        ("'https://api.asksage.ai'", "https://api.asksage.ai"),
        ("localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("https://localhost", "https://localhost"),
    ],
)
def test_addresses_are_taken_kindly(given, used):
    assert base_url(given) == used
    assert base_url(used) == used


@pytest.mark.parametrize(
    "given",
    [
        "http://api.asksage.ai",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::ffff:10.0.0.1]",
        "http://ada:hunter2@127.0.0.1",
        "https://ada:hunter2@api.asksage.ai",
        "ftp://api.asksage.ai",
        "file:///etc/passwd",
        "https://",
        "",
        "not an address",
        "https://api.asksage.ai:99999",
        "https://[::1",
    ],
)
def test_unsafe_and_unreadable_addresses_are_refused_in_a_line(given):
    with pytest.raises(ConfigurationError) as caught:
        base_url(given)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "ASKSAGE_URL" in str(caught.value)


def test_loopback_is_this_machine_only():
    assert all(map(is_loopback, ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.3", "::1", "[::1]"]))
    assert not any(
        map(is_loopback, ["", "0.0.0.0", "10.1.1.1", "localhost.example", "127.0.0.1.example", "::"])
    )


def test_a_path_before_the_routes_is_kept(bench):
    bench.server.on("/gate/server/query", envelope())
    assert bench.service(f"{bench.server.url}/gate/server/").query(question()).text == "OK"


def test_a_redirect_does_not_take_the_key_along(bench):
    with closing(Bench()) as elsewhere:
        elsewhere.server.on(QUERY, envelope())
        location = {"location": f"{elsewhere.server.url}{QUERY}"}
        bench.server.on(QUERY, Played(b"", status=307, headers=location))
        with pytest.raises(Refused, match="ASKSAGE_URL"):
            bench.service().query(question())
        assert not elsewhere.server.requests


def test_a_proxy_that_does_not_let_through_is_told(bench, monkeypatch):
    # The scripted server knows no CONNECT and answers 501.
    monkeypatch.setenv("HTTPS_PROXY", f"http://ada:hunter2@127.0.0.1:{bench.server.port}")
    with pytest.raises(Unavailable, match="HTTPS_PROXY") as caught:
        bench.service("https://api.example.org").query(question(PROMPT))
    assert "hunter2" not in str(caught.value)
    assert_hidden(shown(caught.value))


def test_a_proxy_is_used_but_never_for_this_machine(bench, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert bench.service().query(question()).text == "OK"
    with pytest.raises(Unavailable):
        bench.service("https://api.example.org").query(question())


@pytest.mark.parametrize("proxy", ["gopher://ada:hunter2@proxy", "http://ada:hunter2@[::1"])
def test_proxy_settings_that_cannot_be_used_are_told_without_their_password(monkeypatch, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
        Service("https://api.asksage.ai", Secret(KEY))
    assert "hunter2" not in str(caught.value)


# -- certificates -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1, as a PEM file with its key."""
    pytest.importorskip("cryptography")
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
def secure(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with closing(Bench(tls=context)) as bench:
        bench.server.on(QUERY, envelope())
        yield bench


def test_a_private_certificate_authority_is_trusted_by_its_bundle(secure, certificate):
    assert secure.service(ca_bundle=str(certificate)).query(question()).text == "OK"


def test_an_untrusted_certificate_names_the_setting_and_is_not_tried_again(secure):
    with pytest.raises(Refused, match="ASKSAGE_CA_BUNDLE") as caught:
        secure.service().query(question())
    assert "self-signed" in str(caught.value) or "self signed" in str(caught.value)
    assert not secure.pauses
    assert not secure.server.requests


def test_a_host_that_does_not_speak_tls_names_the_setting(bench):
    with pytest.raises(Refused, match="ASKSAGE_CA_BUNDLE"):
        bench.service(f"https://127.0.0.1:{bench.server.port}").query(question())
    assert not bench.server.requests


def test_a_folder_of_certificates_is_a_bundle_too(bench, tmp_path):
    service = bench.service(f"https://127.0.0.1:{bench.server.port}", ca_bundle=str(tmp_path))
    with pytest.raises(Refused, match="ASKSAGE_CA_BUNDLE"):
        service.query(question())


def test_a_broken_environment_of_certificates_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        Service("https://api.asksage.ai", Secret(KEY))


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_a_bundle_that_cannot_be_used_is_told_at_once(tmp_path, content):
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"bundle\.pem \(ASKSAGE_CA_BUNDLE\)"):
        Service("https://api.asksage.ai", Secret(KEY), ca_bundle=str(path))


# -- nothing shows ----------------------------------------------------------------------------------------


def shown(error):
    """All that a verbose traceback could print: locals of every frame but the test's, and what is behind."""
    text = repr(error)
    frames = error.__traceback__.tb_next
    while error is not None:
        trace = traceback.TracebackException(type(error), error, frames, capture_locals=True)
        text += "".join(trace.format())
        error = error.__cause__ or error.__context__
        frames = error.__traceback__ if error else None
    return text


def test_a_secret_shows_in_no_way():
    secret = Secret(KEY)
    assert secret.reveal() == KEY
    for text in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{[secret]}"):
        assert KEY not in text
    for copying in (pickle.dumps, copy.copy, copy.deepcopy, Secret.__getstate__):
        with pytest.raises(TypeError, match="Secret") as caught:
            copying(secret)
        assert KEY not in shown(caught.value)
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        hash(secret)


def test_secrets_compare_by_value_and_with_secrets_only():
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("other")
    assert Secret("ü\ud800") == Secret("ü\ud800")
    assert Secret(KEY) != KEY
    assert Secret("x") and not Secret("")


PROMPT, REPLY, TOKEN = "PROMPT-9f3a", "REPLY-77c1", jwt("TOKEN")
FAILURES = {
    "bad key": BAD,
    "a key told back": {"response": f"Token {KEY} is invalid", "status": 400},
    "refused": {"response": "Internal error", "status": 400},
    "sorry": envelope("Sorry, no.", usage=None),
    "404": Played(b"", status=404),
    "redirect": Played(b"", status=302, headers={"location": "https://elsewhere.example/"}),
    "busy": Played(b"", status=503),
    "504": Played(b"", status=504),
    "hangs up": Played(drop_at=-1),
    "drops": Played(pieces({"message": REPLY}), framing="chunked", drop_at=30),
    "stalls": Played(pieces({"message": REPLY}), framing="chunked", stall_at=30),
    "not JSON": Played(b"<html>" + REPLY.encode()),
    "a failing piece": Played(pieces({"message": REPLY}, {"error": "overloaded"}), framing="chunked"),
    "not gzip": Played(b"plain", headers={"content-encoding": "gzip"}),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("email", [None, EMAIL])
@pytest.mark.parametrize("name", FAILURES)
def test_no_failure_shows_the_key_the_token_the_prompt_or_the_reply(bench, name, email, streamed):
    given_tokens(bench, TOKEN)
    bench.server.on(QUERY, FAILURES[name])
    bench.server.on(STREAM, FAILURES[name])
    service = bench.service(email=email, timeout_s=0.5 if name == "stalls" else 10.0)
    asked = question(PROMPT, system=PROMPT, history=((PROMPT, PROMPT),))
    with pytest.raises(AskSageError) as caught:
        service.query(asked, (lambda text: None) if streamed else None)
    assert_hidden(shown(caught.value))


def test_a_token_told_back_is_hidden(bench):
    given_tokens(bench, TOKEN)
    bench.server.on(QUERY, {"response": f"not for {TOKEN}", "status": 400})
    with pytest.raises(Refused, match="not for …") as caught:
        bench.service(email=EMAIL).query(question(PROMPT))
    assert_hidden(shown(caught.value))


def assert_hidden(text):
    for hidden in (KEY, TOKEN, PROMPT, REPLY):
        assert hidden not in text


@pytest.mark.parametrize("played", [BAD, Played(b"", status=503), Played(drop_at=-1), Played(b"<html>")])
def test_a_failing_exchange_shows_nothing(bench, played):
    bench.server.on(EXCHANGE, played)
    with pytest.raises(Refused) as caught:
        bench.service(email=EMAIL).query(question(PROMPT))
    assert_hidden(shown(caught.value))


def test_an_unreachable_or_untrusted_host_shows_nothing(bench):
    tls = bench.service(f"https://127.0.0.1:{bench.server.port}")
    gone = bench.service("http://127.0.0.1:9")
    for service in (tls, gone):
        with pytest.raises(Refused) as caught:
            service.query(question(PROMPT))
        assert_hidden(shown(caught.value))


class Interrupting(httpx.BaseTransport):
    """Raises KeyboardInterrupt in the middle of things, with the request in its locals as httpcore has it."""

    def handle_request(self, request):
        headers = request.headers.raw
        try:
            raise OSError(headers)
        except OSError:
            raise KeyboardInterrupt from None


@pytest.mark.parametrize("streamed", [False, True])
def test_an_interrupt_shows_nothing_of_the_frames_it_came_through(bench, streamed):
    service = bench.service(transport=Interrupting())
    with pytest.raises(KeyboardInterrupt) as caught:
        service.query(question(PROMPT), (lambda text: None) if streamed else None)
    assert_hidden(shown(caught.value))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_real_interrupt_while_waiting_closes_the_connection(bench, streamed):
    def interrupt(request):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return Played(pieces({"message": REPLY}), framing="chunked", stall_at=30)

    for path in (QUERY, STREAM):
        bench.server.on(path, interrupt)
    given_tokens(bench, TOKEN)
    service = bench.service(email=EMAIL)
    with pytest.raises(KeyboardInterrupt) as caught:
        service.query(question(PROMPT), (lambda text: None) if streamed else None)
    assert_hidden(shown(caught.value))
    assert len(bench.server.asked(STREAM if streamed else QUERY)) == 1
    assert not service._client._transport.is_open


class Quoting(httpx.BaseTransport):
    """Fails like an HTTP library that quotes a header it will not send."""

    def handle_request(self, request):
        raise httpx.LocalProtocolError(f"Illegal header value {request.headers['x-access-tokens']!r}")


def test_a_request_that_cannot_be_made_is_refused_without_being_quoted(bench):
    with pytest.raises(Refused, match="could not be made") as caught:
        bench.service(transport=Quoting()).query(question(PROMPT))
    assert_hidden(shown(caught.value))


def test_a_file_that_cannot_be_read_shows_nothing(bench, tmp_path):
    with pytest.raises(BadInput) as caught:
        bench.service().query(question(PROMPT, file=tmp_path))
    assert_hidden(shown(caught.value))


def test_no_object_or_log_shows_the_key(bench):
    given_tokens(bench, TOKEN)
    stream, handler = io.StringIO(), None
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        service = bench.service(email=EMAIL)
        answer = service.query(question(PROMPT))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert "HTTP" in stream.getvalue()
    connection = service._connection
    parts = [service, connection, connection.credentials, connection.client, question(PROMPT, system=PROMPT)]
    assert_hidden(
        stream.getvalue() + repr(parts) + repr(vars(connection.credentials)) + repr(vars(connection))
    )
    assert answer.text not in repr(answer)


def test_importing_the_room_imports_no_http():
    code = (
        "import sys, asksage_jupyter.service as room; room.Query, room.Secret\n"
        "assert 'httpx' not in sys.modules and 'ssl' not in sys.modules\n"
        "room.Service; assert 'httpx' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
