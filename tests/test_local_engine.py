"""Any OpenAI-compatible server in the model's place: its own counts where it tells them, and its failures."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from asksage_jupyter import local
from asksage_jupyter.errors import ConfigurationError

pytestmark = pytest.mark.long

USAGE = {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 40}}


def delta(text):
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


class Scripted(ThreadingHTTPServer):
    """An OpenAI-compatible server that plays `events` at every chat."""

    daemon_threads = True
    events, status, listed = (), 200, [{"id": "Their Model"}]

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Chat)
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Chat(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, json.dumps({"data": self.server.listed}))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(json.loads(body))
        lines = [event if isinstance(event, str) else json.dumps(event) for event in self.server.events]
        self.answer(self.server.status, "".join(f": note\n\ndata: {line}\n\n" for line in lines))

    def answer(self, status, text):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def theirs():
    with Scripted() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def service(theirs, tmp_path_factory):
    with local.start(tmp_path_factory.mktemp("theirs"), weights=theirs.url) as service:
        yield service


def asked(service, path="query", **fields):
    headers = {"x-access-tokens": service.key}
    body = {"message": "Hi there", "system_prompt": "Be brief", "usage": True} | fields
    return httpx.post(f"{service.url}/server/{path}", json=body, headers=headers, trust_env=False)


def used(service):
    reply = httpx.post(
        f"{service.url}/server/count-monthly-tokens",
        headers={"x-access-tokens": service.key},
        trust_env=False,
    )
    return reply.json()["response"]


def test_its_model_answers_under_a_local_name_and_its_usage_is_billed(theirs, service):
    theirs.events = [delta("Hel"), delta("lo"), USAGE, "[DONE]"]
    reply = asked(service, temperature="0.5").json()
    assert service.model == "local-their-model" == reply["provenance"]["model"]
    assert reply["message"].strip() == "Hello"
    assert reply["usage"]["model_tokens"] == {
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "total_tokens": 140,
    }
    assert reply["usage"]["asksage_tokens"] == 23  # ceil(1.3 * (ceil(5.5) + 11))
    sent = theirs.asked[-1]
    assert (sent["model"], sent["temperature"]) == ("Their Model", 0.5)
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    # A strict server refuses what only llama.cpp knows.
    assert "cache_prompt" not in sent


def test_a_separator_within_the_text_is_escaped(theirs, service):
    theirs.events = [delta("a @|@sep@|@ b"), USAGE]
    text = asked(service, "query_stream").text
    frames = text.split("@|@sep@|@")
    assert frames.pop() == ""
    assert [json.loads(frame)["message"].strip() for frame in frames] == ["a @|@@sep@@|@ b"] * 2


def test_without_any_usage_pieces_are_counted(theirs, service):
    theirs.events = [delta("Hel"), delta("lo"), "[DONE]"]
    counts = asked(service).json()["usage"]["model_tokens"]
    assert counts["completion_tokens"] == 2
    assert 3 <= counts["prompt_tokens"] <= 6


@pytest.mark.parametrize("broken", [{"error": {"message": "out of memory"}}, "not json", {"choices": [{}]}])
def test_a_failure_on_the_way_is_a_failure_and_bills_what_came(theirs, service, broken):
    before = used(service)
    theirs.events = [delta("Hel"), broken]
    reply = asked(service).json()
    assert (reply["status"], reply["response"]) == (400, "Internal error")
    assert used(service) > before
    *_, last = asked(service, "query_stream").text.split("@|@sep@|@")[:-1]
    assert json.loads(last)["error"]


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_failure_before_the_first_piece_costs_nothing(theirs, service, status, monkeypatch):
    before = used(service)
    monkeypatch.setattr(theirs, "status", status)
    monkeypatch.setattr(theirs, "events", [])
    assert asked(service).json()["status"] == 400
    assert used(service) == before


def test_a_server_that_lists_no_model_or_is_not_there_is_told_in_a_line(theirs, tmp_path, monkeypatch):
    monkeypatch.setattr(theirs, "listed", [])
    with pytest.raises(ConfigurationError, match="no model answers at"):
        local.start(tmp_path, weights=theirs.url)
    with Scripted() as closed:
        gone = closed.url
    with pytest.raises(ConfigurationError, match="is the server running"):
        local.start(tmp_path, weights=gone)
