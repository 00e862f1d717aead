"""What an attacker may try, by threat; what replies do in a browser is in test_security_browser.py."""

import csv
import io
import json
import os
import socket
import subprocess
import sys
import threading
import tracemalloc
import zlib
from contextlib import closing, contextmanager

import controlled
import httpx
import pytest
from kept import contents
from patience import WAIT_S
from scripted import KEY, QUERY, STREAM, Bench, Played, envelope, pieces, question
from tenant import KEY as TENANT_KEY
from tenant import MODEL, environment, questions, says

import asksage_jupyter as sage
from asksage_jupyter.display.harmless import harmless
from asksage_jupyter.display.plain import plain
from asksage_jupyter.errors import AskSageError, ReplyLost, ServiceError, Unavailable
from asksage_jupyter.magic.showing import publishing
from asksage_jupyter.service.way import bounded
from asksage_jupyter.session import current
from asksage_jupyter.settings import AskSage
from asksage_jupyter.usage_log import report

POSIX = pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
MIB = 2**20


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        yield bench


# -- the key ----------------------------------------------------------------------------------------------


def test_no_child_process_is_started_with_a_key(demo):
    psutil = pytest.importorskip("psutil")
    child = psutil.Process(demo.process.pid)
    seen = [
        " ".join(each.cmdline()) + str(each.environ()) for each in (child, *child.children(recursive=True))
    ]
    assert seen
    assert not [text for text in seen if demo.key in text]


@pytest.mark.long
def test_a_notebook_that_was_run_does_not_hold_the_key(server, tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    from ipykernel.kernelspec import write_kernel_spec

    write_kernel_spec(tmp_path / "kernels" / "python3")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cells = [
        "%load_ext asksage_jupyter",
        "%%asksage\nWhy?",
        "%config AskSage",
        "%asksage version",
        "%asksage panel",
    ]
    cells += ["import asksage_jupyter; asksage_jupyter.ask('Why?')", "%xmode Verbose", "%history -g"]
    cells += [
        "%%asksage no-model\nWhy?",
        "1 / 0",
        "%tb",
        "import asksage_jupyter.session as s; vars(s.current())",
    ]
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(document, kernel_name="python3", allow_errors=True, timeout=WAIT_S)
    client.execute()
    text = nbformat.writes(document)
    assert "ZeroDivisionError" in text
    assert TENANT_KEY not in text
    kept = contents(tmp_path)
    assert "ledger.db" in {path.name for path in kept}
    assert not [path for path, data in kept.items() if TENANT_KEY.encode() in data]


# -- another user of the machine --------------------------------------------------------------------------


@POSIX
def test_what_is_kept_is_the_persons_alone_whatever_the_mask(server, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    program = (
        "import os; os.umask(0)\n"
        "import asksage_jupyter as sage, pathlib\n"
        "sage.ask('Why?'); sage.train(['A tide.'], 'tides'); sage.usage()\n"
    )
    places = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("DATA", "CACHE", "CONFIG", "STATE")}
    settings = environment(server, tmp_path) | places | {"HOME": str(home)}
    del settings["ASKSAGE_LEDGER"]
    server.on("/server/train", {"response": "OK", "status": 200, "embedding": "x"})
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={name: value for name, value in os.environ.items() if name != "ASKSAGE_LEDGER"} | settings,
        capture_output=True, text=True, timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = home / "data" / "asksage_jupyter"
    assert (folder / "ledger.db").is_file()
    assert folder.stat().st_mode & 0o077 == 0
    assert _open_to_others(folder) == []


@POSIX
def test_the_demos_counters_are_the_persons_alone(tmp_path):
    before = os.umask(0)
    try:
        with controlled.start(tmp_path / "demo") as service:
            httpx.post(
                f"{service.url}{QUERY}", json={"message": "a"}, headers={"x-access-tokens": service.key}
            )
    finally:
        os.umask(before)
    assert (tmp_path / "demo" / "counters.sqlite").is_file()
    assert _open_to_others(tmp_path / "demo") == []


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"x-access-tokens": ""},
        {"x-access-tokens": "e30.eyJleHAiOjl9.x"},
        {"x-access-tokens": "a.b.c"},
        {"authorization": "Bearer x"},
    ],
)
@pytest.mark.parametrize("path", [QUERY, STREAM, "/server/count-monthly-tokens", "/user/get-user-logs"])
def test_the_demos_port_answers_nobody_without_its_key(demo, head, path):
    reply = httpx.post(f"{demo.url}{path}", json={"message": "Hi"}, headers=head, trust_env=False)
    number = "" if path.startswith("/user/") else f" [{2 if head.get('x-access-tokens') else 1}]"
    assert reply.json() == {"response": f"Token is invalid{number}", "status": 400}


def test_the_demo_listens_on_this_machine_only(demo):
    port = httpx.URL(demo.url).port
    for address in {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}:
        if not address.startswith("127."):
            with pytest.raises(OSError, match="refused"), socket.create_connection((address, port), 2):
                pass
    assert httpx.URL(demo.url).host == "127.0.0.1"


def _open_to_others(folder):
    return [str(each) for each in folder.rglob("*") if each.stat().st_mode & 0o077]


# -- words of somebody else's -----------------------------------------------------------------------------

TERMINAL = "\x1b]0;owned\x07\x1b[2J\x1b]52;c;ZXZpbA==\x1b\\\x9b31m\x1b]8;;http://e\x07here\x1b]8;;\x07\rx\x08\u202egnp"


def test_an_error_of_the_services_steers_no_terminal(bench):
    bench.server.on(QUERY, {"response": f"No. {TERMINAL}\nA second line", "status": 400})
    with pytest.raises(ServiceError) as caught:
        bench.service().query(question())
    assert "No. herexgnp A second line" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_rendered_error_steers_no_terminal():
    assert AskSageError(TERMINAL)._render_traceback_() == ["\x1b[1mAskSageError\x1b[22m: herexgnp"]


def test_a_shown_reply_steers_no_terminal_and_its_text_is_as_it_came(server, shell, monkeypatch):
    shown = []
    monkeypatch.setattr(publishing, "display", lambda data, **how: shown.append(data))
    server.on(QUERY, envelope(f"{TERMINAL} \ud800", provenance={"model": f"m{TERMINAL}\ud800"}))
    shell.run_cell_magic("asksage", "-f text -o kept --no-stream", "Why?")
    assert shown[0] == {"text/plain": "herexgnp \ufffd"}
    assert shown[-1]["text/plain"].startswith("mherexgnp\ufffd · ")
    assert shell.user_ns["kept"] == f"{TERMINAL} \ud800"


def test_code_for_the_next_cell_reads_as_it_runs(server, shell, monkeypatch):
    given = []
    monkeypatch.setattr(shell, "set_next_input", lambda code, replace: given.append(code))
    says(server, "```python\naccess = 'user\u202e # admin'\n```")
    shell.run_cell_magic("asksage", "-f code", "Why?")
    assert given == ["access = 'user # admin'"]


def test_models_are_listed_as_text(server, shell):
    server.on(
        "/server/get-models", {"response": [{"id": f"<img src=x>{TERMINAL}", "vendor": "<b>"}], "status": 200}
    )
    from asksage_jupyter.commands.offers import Offers

    offers = Offers(tuple(current().models()), 1)
    assert "<img" not in offers._repr_html_()
    assert plain(str(offers)) == str(offers)


def test_links_code_formulas_and_tables_of_an_honest_reply_stay():
    honest = (
        '# Head\n\nSee [the page](https://example.org/a_(b)?c=1&d=2 "A title"), <https://example.org>, '
        "[here](#head).\n\n"
        "| a | b |\n|---|---|\n| `x < 1` | $a < b$ and $$\\sum_i x_i$$ |\n\n"
        "1. Do:\n   ```python\n   for x in a[1:]:\n       print(x)\n   ```\n\n"
        "> quoted *words*, 5 < 6, [^1]: no\n"
    )
    assert harmless(honest) == honest.replace("<https://example.org>", "https://example.org")


def test_code_with_tags_is_shown_as_it_is():
    assert harmless("`<b>` and\n```html\n<p>\n```\n") == (
        "<code>&#60;b&#62;</code> and\n<pre><code>&#60;p&#62;</code></pre>\n\n"
    )


def test_what_models_write_in_tables_is_read_as_it_is_meant():
    honest = (
        "| one<br>two | x<sub>2</sub> and y<SUP>3</SUP> |\n|---|---|\n| <kbd>Ctrl</kbd><br/>a | b<br />c |"
    )
    assert harmless(honest) == honest
    for hostile in ("<br onload=x>", "<br/onerror=1>", "<sub style=x>", "<b>", "<sub\n>", "<details>"):
        assert harmless(hostile).startswith(("&lt;", "<pre>")), hostile


def test_a_reply_shows_itself_harmlessly(server):
    says(server, "![a](http://example.org/a.png)<script>1</script>")
    reply = sage.ask("Why?")
    assert reply.text.endswith("<script>1</script>")
    assert reply._repr_markdown_().startswith("[image: a](http://example.org/a.png)&lt;script>1&lt;/script>")


# -- a hostile service ------------------------------------------------------------------------------------


@contextmanager
def endless(head, part):
    """A server that sends `part` for ever; gives its address, and an event set when it may not go on."""
    given_up = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        connection.sendall(head)
                        while True:
                            connection.sendall(part)
                    except OSError:
                        given_up.set()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", given_up
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(WAIT_S)


def grown(call):
    """What the call raises, and by how many MiB it grew the memory at most."""
    tracemalloc.start()
    try:
        with pytest.raises(ServiceError) as caught:
            call()
        return caught.value, tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


OK = b"HTTP/1.1 200 OK\r\n"
CLOSE = OK + b"connection: close\r\n\r\n"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("part", [b"x" * 65536, b'{"message": "x"' + b"[" * 65536])
def test_an_endless_reply_is_given_up(bench, streamed, part):
    with endless(CLOSE, part) as (url, given_up):
        service = bench.service(url)
        error, mib = grown(lambda: service.query(question(), (lambda text: None) if streamed else None))
        assert given_up.wait(WAIT_S)
    assert isinstance(error, ReplyLost)
    assert "it is larger than 32 MiB" in str(error)
    assert mib < 150


def test_an_endless_stream_of_text_is_given_up_and_its_text_kept(bench):
    with endless(CLOSE, pieces({"message": "word" * 20_000}, {"message": "more" * 20_000})) as (
        url,
        given_up,
    ):
        service = bench.service(url)
        error, mib = grown(lambda: service.query(question(), lambda text: None))
        assert given_up.wait(WAIT_S)
    assert "it does not end" in str(error)
    assert error.text.startswith("wordword")
    assert mib < 60


def test_a_small_body_that_unpacks_to_a_large_one_is_given_up(bench):
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(256)) + packer.flush()
    assert len(bomb) < MIB
    bench.server.on(QUERY, Played(bomb, headers={"content-encoding": "gzip"}))
    service = bench.service()
    error, mib = grown(lambda: service.query(question()))
    assert "it is larger than 32 MiB" in str(error)
    assert mib < 150


def test_a_packed_reply_is_read_and_an_unknown_packing_is_not(bench):
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(json.dumps(envelope()).encode()) + packer.flush()
    bench.server.on(QUERY, Played(packed, headers={"content-encoding": "gzip"}))
    assert bench.service().query(question()).text == "OK"
    assert bench.server.asked(QUERY)[0].headers["accept-encoding"] == "gzip"
    for coding, body in (("br", packed), ("gzip", b"not packed")):
        bench.server.on(QUERY, Played(body, headers={"content-encoding": coding}))
        with pytest.raises(ReplyLost):
            bench.service().query(question())


def test_a_drip_that_never_pauses_for_long_still_ends(bench, monkeypatch):
    monkeypatch.setattr(bounded, "_PATIENCE", 0.01)
    with endless(CLOSE, b" ") as (url, given_up):
        with pytest.raises(ReplyLost, match="it did not end within 0 s"):
            bench.service(url, timeout_s=10.0).query(question(), lambda text: None)
        assert given_up.wait(WAIT_S)


def test_an_endless_head_is_given_up(bench):
    with endless(OK, b"x-more: " + b"a" * 1000 + b"\r\n") as (url, given_up):
        service = bench.service(url)
        error, mib = grown(lambda: service.query(question()))
        assert given_up.wait(WAIT_S)
    assert isinstance(error, ReplyLost)
    assert mib < 10


@pytest.mark.parametrize("body", [b"[" * MIB, b'{"message":' * 100_000, b'{"a":' + b"9" * MIB + b"}"])
def test_a_reply_that_is_nested_or_long_beyond_reason_is_one_clear_error(bench, body):
    bench.server.on(QUERY, Played(body))
    with pytest.raises(ReplyLost, match="could not be read"):
        bench.service().query(question())


def test_what_is_free_is_bounded_too(bench):
    with endless(CLOSE, b"x" * 65536) as (url, _):
        service = bench.service(url)
        error, mib = grown(service.models)
    assert isinstance(error, Unavailable)
    assert mib < 150


def test_after_a_reply_without_end_the_hold_stays_open(server, monkeypatch):
    monkeypatch.setattr(bounded, "LARGEST", 1000)
    for path in (QUERY, STREAM):
        server.on(path, envelope("x" * 2000))
    with pytest.raises(ReplyLost, match="stay held until the bill is known"):
        sage.ask("Why?")
    assert sage.balance().inference.held > 0


def test_a_redirect_takes_neither_the_key_nor_the_prompt_to_another_host(bench):
    with closing(Bench()) as other:
        bench.server.on(QUERY, Played(status=307, headers={"location": f"{other.server.url}{QUERY}"}))
        with pytest.raises(ServiceError, match="where the key is not sent"):
            bench.service().query(question())
        assert other.server.requests == []
    assert bench.server.requests[0].token == KEY


# -- names ------------------------------------------------------------------------------------------------

NAMES = [
    "'; DROP TABLE entry; --",
    "../../../../etc/passwd",
    'a"b`c|d<script>e</script>',
    '=HYPERLINK("http://e")',
    "@SUM(1)",
    "+1",
    "%s {0} :name ?",
    "ñ\u202e\x1b[31m",
    "C:\\nul",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(server, monkeypatch, name):
    monkeypatch.setenv("JPY_SESSION_NAME", name)
    monkeypatch.setenv("ASKSAGE_PROJECT", name)
    AskSage.clear_instance()
    sage.ask("Why?", model=MODEL, dataset=name)
    assert questions(server)[-1].json["dataset"] == name
    sage.top_up(5, receipt=name)
    sage.top_up(5, receipt=name)
    calls = sage.usage()
    assert list(calls["project"]) == [name]
    assert calls["notebook"].iloc[0].endswith(name)
    stated = sage.statement()
    assert stated.verification.ok
    told = [report(by=by) for by in ("notebook", "project")]
    chart = sage.top_chart(by="notebook")
    for shown in (
        *map(str, (*told, stated, chart)),
        *(each._repr_html_() for each in told),
        stated.to_html(),
    ):
        assert plain(shown) == shown
    assert plain(json.dumps(chart.to_dict(), ensure_ascii=False)) == json.dumps(
        chart.to_dict(), ensure_ascii=False
    )
    assert "<script>" not in stated.to_html()
    sheet = list(csv.reader(io.StringIO(stated.to_csv())))
    assert not [cell for row in sheet for cell in row if cell.startswith(tuple("=+@"))]
    assert {name, f"'{name}"} & {row[3] for row in sheet}
