"""One meter for all code: the endpoint, asked by OpenAI's own client and by whoever should not ask."""

import asyncio
import base64
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import pytest
from patience import WAIT_S, soon
from scripted import QUERY, STREAM, Played, envelope, pieces
from tenant import KEY, MODEL, OTHER, USED, drops_after, questions

import asksage_jupyter as sage
from asksage_jupyter import magic
from asksage_jupyter.account import Meter
from asksage_jupyter.endpoint import Endpoint, chat, cutting, guard, here, listening, routes
from asksage_jupyter.endpoint import endpoint as running
from asksage_jupyter.errors import BadInput, NoKey
from asksage_jupyter.session import current, endpoints
from asksage_jupyter.settings import AskSage
from asksage_jupyter.widget import words
from asksage_jupyter.widget.page import html
from asksage_jupyter.widget.state import PanelState

openai = pytest.importorskip("openai", reason="pip install openai")
ASKED = {"model": MODEL, "messages": [{"role": "user", "content": "Why is the sky blue?"}]}


@pytest.fixture
def endpoint(server):
    with closing(Endpoint()) as endpoint:
        yield endpoint


@pytest.fixture
def client(endpoint):
    with openai.OpenAI(base_url=endpoint.url, api_key=endpoint.key) as client:
        yield client


@contextmanager
def serving(*options):
    """`asksage-jupyter serve`, and where it is."""
    program = [sys.executable, "-m", "asksage_jupyter.cli", "serve", *options]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process, re.search(r"OPENAI_BASE_URL=(\S+)", process.stdout.readline())[1]
        finally:
            process.kill()


def is_hung_up_on(wire):
    """Whether the endpoint ends the connection; who still wrote to it is told so more rudely."""
    try:
        return wire.recv(100) == b""
    except ConnectionError:
        return True


def post(endpoint, content=None, *, key=None, route="chat/completions", **headers):
    """A bare request, as anybody on the machine can make it."""
    head = {"Authorization": f"Bearer {endpoint.key if key is None else key}".encode()} | headers
    content = json.dumps(ASKED).encode() if content is None else content
    return httpx.post(
        f"{endpoint.url}/{route}", content=content, headers=head, trust_env=False, timeout=WAIT_S
    )


# -- what it answers ----------------------------------------------------------------------------------------


def test_a_reply_is_told_whole_with_its_bill(client):
    reply = client.chat.completions.create(**ASKED)
    assert reply.choices[0].message.content == "The sky is blue."
    assert (reply.choices[0].finish_reason, reply.model) == ("stop", MODEL)
    usage = reply.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (820, 4, 824)
    assert (usage.asksage_tokens, usage.asksage_source) == (63, "billed")
    spent = sage.usage()
    assert (spent["tokens"].tolist(), spent["model"].tolist()) == ([63], [MODEL])
    assert spent["client"].str.startswith("OpenAI/Python").all()
    assert sage.balance().inference.used == USED + 63


def test_a_reply_is_told_as_it_comes(client):
    events = list(
        client.chat.completions.create(**ASKED, stream=True, stream_options={"include_usage": True})
    )
    texts = [event.choices[0].delta.content for event in events if event.choices]
    assert texts == ["", "The sky ", "is blue.", None]
    assert events[-2].choices[0].finish_reason == "stop"
    assert events[-1].usage.asksage_tokens == 63
    assert len({event.id for event in events}) == 1
    assert sage.usage()["tokens"].tolist() == [63]


def test_without_being_asked_a_stream_tells_no_usage(client):
    assert all(event.choices for event in client.chat.completions.create(**ASKED, stream=True))


def test_the_log_names_who_asks_as_the_endpoint_does(server):
    with closing(Endpoint(name="night\x1b[1m build")) as endpoint:
        post(endpoint)
    assert sage.usage()["client"].tolist() == ["night build"]


PROJECT = """
[project]
name = "tides"
[tool.asksage.tags]
wbs = "1234.5"
[tool.asksage.envelopes]
project = 200
"""


def test_calls_are_booked_to_the_project_it_was_started_in_and_fit_its_envelope(
    server, tmp_path, monkeypatch
):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASKSAGE_PROJECT", "tides")
    with closing(Endpoint()) as endpoint:
        assert post(endpoint).status_code == 200
        refused = post(endpoint)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
    assert "the envelope of the project tides has 137 tokens left" in refused.json()["error"]["message"]
    spent = sage.usage()
    assert spent["project"].tolist() == ["tides"]
    assert [json.loads(tags) for tags in spent["tags"]] == [{"wbs": "1234.5"}]
    assert len(questions(server)) == 1


def test_many_ask_at_once_from_an_event_loop(endpoint):
    async def ask():
        async with openai.AsyncOpenAI(base_url=endpoint.url, api_key=endpoint.key) as client:
            return await asyncio.gather(*(client.chat.completions.create(**ASKED) for _ in range(8)))

    assert [reply.usage.asksage_tokens for reply in asyncio.run(ask())] == [63] * 8
    assert sage.balance().inference.used == USED + 8 * 63


def test_what_is_said_goes_to_ask_sage(server, client):
    client.chat.completions.create(
        model=MODEL,
        temperature=0.5,
        reasoning_effort="low",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "Hello."},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": [{"type": "text", "text": "And"}, {"type": "text", "text": "why?"}]},
            {"role": "user", "content": "Really?"},
        ],
        extra_body={"dataset": "all"},
        user="ada",
        n=1,
    )
    sent = questions(server)[-1].json
    assert sent["message"] == [
        {"user": "me", "message": "Hello."},
        {"user": "gpt", "message": "Hi."},
        {"user": "me", "message": "And\nwhy?\n\nReally?"},
    ]
    assert sent["system_prompt"] == "Be brief.\n\nBe kind."
    assert (sent["temperature"], sent["reasoning_effort"], sent["dataset"]) == (0.5, "low", "all")


def test_models_are_listed(client):
    assert [model.id for model in client.models.list()] == [MODEL, OTHER]
    assert client.models.retrieve(OTHER).owned_by == "Sage"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-99")


def test_a_reply_is_cut_where_the_client_wants_no_more(client):
    whole = client.chat.completions.create(**ASKED, max_tokens=2)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("The sky", "length")
    *events, last = client.chat.completions.create(**ASKED, max_completion_tokens=2, stream=True)
    assert "".join(event.choices[0].delta.content for event in events) == "The sky"
    assert last.choices[0].finish_reason == "length"
    assert sage.usage()["tokens"].tolist() == [63, 63]  # billed whole


@pytest.mark.parametrize(
    ("text", "most", "left"),
    [("abc", None, ("abc", False)), ("Ω" * 9, 100, ("Ω" * 9, False)), (" " * 2**21, 1, (" " * 80, True))],
)
def test_a_cut_text_is_whole_characters(text, most, left):
    cut, is_cut = cutting.cut(text, most)
    assert (text.startswith(cut), is_cut) == (True, left[1])
    assert is_cut or cut == text


def test_what_a_client_asks_is_no_part_of_the_notebooks_history(client):
    client.chat.completions.create(**ASKED)
    assert current().history(5) == ()


# -- texts as vectors ---------------------------------------------------------------------------------------

EMBEDDINGS, EMBEDDER = "/server/openai/v1/embeddings", "text-embedding-3-small"


def embeds(server, *vectors, **usage):
    """Let the tenant answer with these vectors, the last one first."""
    rows = [{"object": "embedding", "index": n, "embedding": each} for n, each in enumerate(vectors)]
    told = {"object": "list", "data": rows[::-1], "model": EMBEDDER}
    server.on(EMBEDDINGS, told | ({"usage": usage} if usage else {}))


def test_texts_become_vectors_on_the_training_meter(server, client):
    embeds(server, [1.0, 0.5], [0.25, -2.0], prompt_tokens=8, total_tokens=8)
    reply = client.embeddings.create(model=EMBEDDER, input=["The sky", "is blue."])
    assert [each.embedding for each in reply.data] == [[1.0, 0.5], [0.25, -2.0]]
    assert (reply.usage.prompt_tokens, reply.usage.asksage_tokens) == (8, 11)  # as one was recorded
    assert reply.usage.asksage_source == "priced"
    [sent] = server.asked(EMBEDDINGS)
    assert sent.json == {"model": EMBEDDER, "input": ["The sky", "is blue."], "encoding_format": "float"}
    assert sent.headers["authorization"] == f"Bearer {sent.token}"
    balance = sage.balance()
    assert (balance.training.used, balance.training.held, balance.inference.used) == (11, 0, USED)
    [row] = sage.usage().to_dict("records")
    assert (row["meter"], row["model"], row["input_tokens"]) == ("training", EMBEDDER, 8)
    assert row["client"].startswith("OpenAI/Python")


def test_vectors_are_told_as_figures_or_bytes_as_the_client_asks(server, endpoint, client):
    embeds(server, [0.1])
    asked = {"model": EMBEDDER, "input": [[1820, 13180]], "dimensions": 1}
    told = client.embeddings.create(**asked, encoding_format="float").data[0].embedding
    body = json.dumps(asked | {"encoding_format": "base64"})
    raw = post(endpoint, body.encode(), route="embeddings").json()
    assert base64.b64decode(raw["data"][0]["embedding"]) == struct.pack("<f", 0.1)
    assert told == pytest.approx([0.1])
    assert server.asked(EMBEDDINGS)[0].json["input"] == [[1820, 13180]]
    assert sage.usage()["input_tokens"].tolist() == [2, 2]  # as counted here: the tenant tells none


@pytest.mark.parametrize(
    "asked",
    [
        {"input": []},
        {"input": ""},
        {"input": [1.5]},
        {"input": ["a"] * 257},
        {"model": ""},
        {"dimensions": 0},
        {"encoding_format": "hex"},
        {"tools": []},
    ],
    ids=str,
)
def test_vectors_that_cannot_be_made_are_refused_in_a_line(server, endpoint, asked):
    body = json.dumps({"model": EMBEDDER, "input": "Why?"} | asked)
    refused = post(endpoint, body.encode(), route="embeddings")
    error = refused.json()["error"]
    assert (refused.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["param"] == next(iter(asked))
    assert server.asked(EMBEDDINGS) == []
    assert sage.balance().training.held == 0


def test_a_tenant_without_vectors_says_so_and_nothing_is_billed(server, client):
    with pytest.raises(openai.NotFoundError, match="no route /server/openai/v1/embeddings"):
        client.embeddings.create(model=EMBEDDER, input="Why?")
    assert sage.balance().training.spendable == 100_000


def test_vectors_that_the_month_cannot_pay_for_are_not_asked_for(server, client):
    embeds(server, [1.0])
    told = {"response": {"max_tokens": 200_000, "max_train_tokens": 5}, "status": 200}
    server.on("/user/validate_token_with_full_user", told)
    current().ledger.set_plan(current().account, Meter.TRAINING, 5, source="test")
    with pytest.raises(openai.RateLimitError, match="Nothing was sent") as refused:
        client.embeddings.create(model=EMBEDDER, input="Why is the sky blue?")
    assert refused.value.code == "insufficient_quota"
    assert server.asked(EMBEDDINGS) == []


@pytest.mark.parametrize("row", [{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": "?"}, "x", {}])
def test_vectors_that_do_not_all_arrive_stay_held(server, client, row):
    server.on(EMBEDDINGS, {"object": "list", "data": [row], "model": EMBEDDER})
    with pytest.raises(openai.APIStatusError, match="stay held") as lost:
        client.embeddings.create(model=EMBEDDER, input="Why?")
    assert (lost.value.status_code, sage.balance().training.held > 0) == (502, True)


# -- what it refuses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"temperature": "warm"},
        {"reasoning_effort": "utmost"},
        {"persona": "poet"},
        {"live": 3},
        {"max_completion_tokens": "few"},
        {"model": 4},
        {"n": 2},
        {"stop": ["."]},
        {"response_format": {"type": "json_object"}},
        {"temperature": 1.5},
        {"max_tokens": 0},
        {"stream": 1},
        {"stream_options": "include_usage"},
        {"stream_options": {"include_usage": 1}},
        {"stream_options": {"include_everything": True}},
        {"messages": []},
        {"messages": "Why?"},
        {"messages": ["Why?"]},
        {"messages": [{"role": "user", "content": " "}]},
        {"messages": [{"role": "tool", "content": "4", "tool_call_id": "1"}]},
        {"messages": [{"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Why?"}]},
        {"messages": [*ASKED["messages"], {"role": "assistant", "content": "Because"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]},
        {"messages": [{"role": "user", "content": "Why?", "name": "ada"}]},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_what_cannot_be_done_is_refused_in_a_line(server, endpoint, asked):
    refused = post(endpoint, json.dumps(ASKED | asked).encode())
    error = refused.json()["error"]
    assert (refused.status_code, error["type"]) == (400, "invalid_request_error")
    assert re.split(r"\W", error["param"])[0] == next(iter(asked))
    assert "\n" not in error["message"]
    assert questions(server) == []


def test_a_model_that_is_not_there_is_told_as_openai_does(server, client):
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-99' here") as refused:
        client.chat.completions.create(**ASKED | {"model": "gpt-99"})
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("gpt-99")
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    assert questions(server) == []


def test_what_is_empty_asks_for_nothing():
    neutral = {"tools": [], "n": 1, "top_p": 1.0, "stop": None, "tool_choice": "auto", "logit_bias": {}}
    assert chat.read_chat(json.dumps(ASKED | neutral).encode()).prompt == "Why is the sky blue?"
    with pytest.raises(BadInput, match="'top_p'"):
        chat.read_chat(json.dumps(ASKED | {"top_p": 0.1}).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"[" * 100_000, b"\xff"])
def test_a_body_that_is_none_is_refused(endpoint, body):
    assert post(endpoint, body).status_code == 400


def test_too_few_tokens_are_told_as_openai_does_and_not_tried_again(server, client):
    told = {"response": {"max_tokens": USED + 10, "max_train_tokens": 10}, "status": 200}
    server.on("/user/validate_token_with_full_user", told)
    server.on("/server/count-monthly-tokens-left-with-org", {"response": 10, "status": 200})
    current().ledger.set_plan(current().account, Meter.INFERENCE, USED + 10, source="test")
    with pytest.raises(openai.RateLimitError, match="Nothing was sent") as refused:
        client.chat.completions.create(**ASKED)
    assert refused.value.code == "insufficient_quota"
    assert "asksage-jupyter request N" in refused.value.message  # it asks from a program, not from a cell
    assert "%asksage" not in refused.value.message
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert questions(server) == []


def test_the_services_refusals_keep_their_status(server, client):
    server.on(QUERY, {"response": "No account.", "status": 410})
    with pytest.raises(openai.APIStatusError, match="No account") as refused:
        client.chat.completions.create(**ASKED)
    assert refused.value.status_code == 410
    assert len(questions(server)) == 1
    assert sage.balance().inference.held == 0


def test_a_lost_reply_stays_held_and_is_not_sent_again(server, client):
    drops_after(server, "The sky")
    with pytest.raises(openai.APIError, match="stay held"):
        list(client.chat.completions.create(**ASKED, stream=True))
    assert len(questions(server)) == 1
    assert sage.balance().inference.held > 0


def test_a_fault_of_ours_tells_nothing_of_the_prompt(endpoint, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError(ASKED["messages"][0]["content"])

    monkeypatch.setattr("asksage_jupyter.endpoint.answering.build_query", fail)
    failed = post(endpoint)
    assert (failed.status_code, failed.json()["error"]["type"]) == (500, "server_error")
    assert "RuntimeError" in caplog.text
    assert "sky" not in failed.text + caplog.text


def test_a_stream_that_fails_says_so_and_does_not_just_end(endpoint, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError(ASKED["messages"][0]["content"])

    monkeypatch.setattr("asksage_jupyter.endpoint.shapes.Chunks.end", fail)
    told = post(endpoint, json.dumps(ASKED | {"stream": True}).encode()).text
    *_, last, _ = told.split("\n\n")
    assert json.loads(last.removeprefix("data: "))["error"]["type"] == "server_error"
    assert "[DONE]" not in told
    assert "sky" not in last + caplog.text


def test_what_a_request_cannot_confirm_is_told_how_it_is_confirmed(server):
    AskSage.instance().confirm_above = "1"
    with closing(Endpoint()) as endpoint:
        refused = post(endpoint, json.dumps(ASKED | {"max_tokens": 1000}).encode())
    assert (refused.status_code, questions(server)) == (429, [])
    said = refused.json()["error"]["message"]
    assert "an endpoint that is started with a higher AskSage.confirm_above confirms it" in said
    assert "max" not in said


# -- who goes away, and how many come -----------------------------------------------------------------------


class Slowly:
    """A gate that lets a long reply drip."""

    def wait(self, _):
        time.sleep(0.01)


class Over(threading.Event):
    """A companion that is set when a call is over."""

    after_call = threading.Event.set

    def close(self):
        pass


def test_a_client_that_goes_away_stops_the_stream_and_leaves_the_hold_open(server, endpoint, client):
    parts = [{"message": f"word {number} "} for number in range(1000)]
    edges = [len(pieces(*parts[:number])) for number in range(1, len(parts))]
    server.on(STREAM, Played(pieces(*parts), framing="chunked", cuts=tuple(edges), gate=Slowly()))
    over = Over()
    endpoint._session.companions.append(over)
    with client.chat.completions.create(**ASKED, stream=True) as events:
        next(iter(events))
    assert over.wait(WAIT_S)
    balance = sage.balance().inference
    assert (balance.used, balance.held > 0) == (USED, True)


def slowly(server):
    """Answers that wait; when the first is asked for, and what lets them go."""
    come, go = threading.Event(), threading.Event()

    def answer(_):
        come.set()
        go.wait(WAIT_S)
        return envelope("The sky is blue.", provenance={"model": MODEL})

    for route in (QUERY, STREAM):
        server.on(route, answer)
    return come, go


def request(endpoint, asked):
    """A whole request as it goes over the wire."""
    body = json.dumps(asked).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{endpoint._port}\r\n"
    head += f"Authorization: Bearer {endpoint.key}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_a_client_that_does_not_wait_for_a_whole_reply_is_billed_all_the_same(server, endpoint):
    (come, go), over = slowly(server), Over()
    endpoint._session.companions.append(over)
    with socket.create_connection(("127.0.0.1", endpoint._port)) as wire:
        wire.sendall(request(endpoint, ASKED))
        assert come.wait(WAIT_S)
    go.set()
    assert over.wait(WAIT_S)
    assert sage.usage()["tokens"].tolist() == [63]


@pytest.mark.parametrize("more", [{}, {"stream": True}], ids=["whole", "streamed"])
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
def test_a_client_that_ends_its_own_side_is_answered(server, endpoint, more, at_once):
    come, go = slowly(server)
    with socket.create_connection(("127.0.0.1", endpoint._port), timeout=WAIT_S) as wire:
        wire.sendall(request(endpoint, ASKED | more))
        if at_once:
            wire.shutdown(socket.SHUT_WR)
        assert come.wait(WAIT_S)
        if not at_once:
            wire.shutdown(socket.SHUT_WR)
        with wire.makefile("rb") as answered:
            assert b"100 Continue" in answered.readline()  # which tells whether they are there
            go.set()
            told = answered.read()
    assert b"HTTP/1.1 200 OK" in told
    assert b"The sky is blue." in told
    assert sage.usage()["tokens"].tolist() == [63]


def test_what_a_client_that_is_gone_had_in_line_is_not_sent(server, monkeypatch):
    monkeypatch.setattr(running, "_AT_ONCE", 1)
    gone = threading.Event()
    hears = routes.PaidRoute.on_connection_close
    monkeypatch.setattr(routes.PaidRoute, "on_connection_close", lambda self: (hears(self), gone.set()))
    come, go = slowly(server)
    with closing(Endpoint()) as endpoint:
        with socket.create_connection(("127.0.0.1", endpoint._port), timeout=WAIT_S) as first:
            first.sendall(request(endpoint, ASKED))
            assert come.wait(WAIT_S)
            with socket.create_connection(("127.0.0.1", endpoint._port)) as second:
                second.sendall(request(endpoint, ASKED))
            assert gone.wait(WAIT_S)
            go.set()
            with first.makefile("rb") as answered:
                assert b"200 OK" in answered.readline()
        assert post(endpoint).status_code == 200
    assert len(questions(server)) == 2


def test_many_at_once_hold_no_more_than_there_is(server, endpoint):
    estimate = sage.estimate("Why is the sky blue?", MODEL)
    room = 5 * estimate.expected + 1
    server.on(
        "/user/validate_token_with_full_user",
        {"response": {"max_tokens": USED + room, "max_train_tokens": 1}, "status": 200},
    )
    current().ledger.set_plan(current().account, Meter.INFERENCE, USED + room, source="test")
    told, everyone = [], threading.Event()

    def tell(what):
        told.append(what)
        if len(told) == 32:
            everyone.set()

    def answer(_):
        tell("asked")
        everyone.wait(WAIT_S)
        return envelope("Blue.", provenance={"model": MODEL})

    def ask(_):
        reply = post(endpoint)
        if reply.status_code != 200:
            assert reply.json()["error"]["code"] == "insufficient_quota"
            tell("refused")

    server.on(QUERY, answer)
    with ThreadPoolExecutor(32) as many:
        list(many.map(ask, range(32)))
    assert (told.count("asked"), told.count("refused")) == (5, 27)
    balance = sage.balance().inference
    assert (balance.used, balance.held) == (USED + 5 * 63, 0)


def test_clients_and_cells_at_the_demo_are_debited_as_it_counts(at_demo):
    before = sage.balance()
    with (
        closing(Endpoint()) as endpoint,
        openai.OpenAI(base_url=endpoint.url, api_key=endpoint.key) as client,
        ThreadPoolExecutor(4) as many,
    ):

        def chat(_):
            client.chat.completions.create(model=at_demo.model, messages=ASKED["messages"])

        asked = [many.submit(chat, n) for n in range(4)] + [many.submit(sage.ask, "Why?") for _ in range(2)]
        client.embeddings.create(model=EMBEDDER, input=["Why?", "Because."])
        for each in asked:
            each.result()
    after, log = sage.balance(), sage.usage()
    assert after.inference.used - before.inference.used == log.query("meter == 'inference'").tokens.sum()
    assert after.training.used - before.training.used == log.query("meter == 'training'").tokens.sum() > 0
    assert (len(log), after.inference.held, after.training.held) == (7, 0, 0)
    found = sage.reconcile()
    assert not found.changed
    assert [each.counter for each in found.meters] == [after.inference.used, after.training.used]


# -- who may not ask ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["x", "wrong key", KEY, "sk-asksage-", "ключ"])
def test_nobody_without_the_key_is_answered(server, endpoint, key):
    refused = post(endpoint, key=key)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (401, "invalid_api_key")
    assert "header Authorization" in error["message"]
    assert questions(server) == []


def test_a_forged_host_is_refused(server, endpoint):
    for host in ("evil.example", f"evil.example:{endpoint._port}", "127.0.0.1:1", ""):
        assert post(endpoint, Host=host).status_code in (400, 421)
    assert post(endpoint, Host=f"localhost:{endpoint._port}").status_code == 200
    assert len(questions(server)) == 1


def test_a_page_in_a_browser_is_refused_and_told_no_permission(server, endpoint):
    assert post(endpoint, Origin="https://evil.example").status_code == 403
    assert post(endpoint, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    asked = httpx.options(
        f"{endpoint.url}/chat/completions",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        trust_env=False,
    )
    assert asked.status_code == 403
    assert not [name for name in asked.headers if name.startswith("access-control")]
    assert questions(server) == []


def test_elsewhere_there_is_nothing(endpoint):
    head = {"Authorization": f"Bearer {endpoint.key}"}
    for method, path, status in (
        ("GET", "chat/completions", 405),
        ("OPTIONS", "embeddings", 405),
        ("BREW", "models", 405),
        ("POST", "responses", 404),
    ):
        told = httpx.request(method, f"{endpoint.url}/{path}", headers=head, trust_env=False)
        assert (told.status_code, list(told.json())) == (status, ["error"])
        if status == 405:
            taken = told.headers["allow"]
            assert told.json()["error"]["message"] == f"/v1/{path} takes {taken} only"
    assert httpx.post(f"{endpoint.url}/responses", trust_env=False).status_code == 401


@pytest.mark.parametrize(("path", "key"), [("models", "sk-wrong"), ("nowhere", None)])
def test_a_client_is_told_that_a_refusal_ends_its_connection(endpoint, path, key):
    """Else it sends the next request there, and hears of a reset."""
    head = {"Authorization": f"Bearer {key or endpoint.key}"}
    with httpx.Client(trust_env=False, timeout=WAIT_S) as client:
        for _ in range(20):
            refused = client.post(f"{endpoint.url}/{path}", json=ASKED, headers=head)
            assert (refused.status_code, refused.headers["Connection"]) in ((401, "close"), (404, "close"))


def test_nothing_leads_elsewhere(endpoint):
    head = {"Authorization": f"Bearer {endpoint.key}"}
    for path in (
        "/",
        "/v1",
        "/v1/models/",
        "//evil.example/v1/models",
        "/v1/../models",
        "/v1/models?next=//x",
    ):
        told = httpx.get(f"http://127.0.0.1:{endpoint._port}{path}", headers=head, trust_env=False)
        assert told.status_code in (200, 404)
        assert "location" not in told.headers


def test_a_body_that_is_too_large_is_not_read(endpoint):
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{endpoint._port}\r\n"
    head += f"Authorization: Bearer {endpoint.key}\r\n"
    with socket.create_connection(("127.0.0.1", endpoint._port), timeout=WAIT_S) as wire:
        wire.sendall(f"{head}Content-Length: {guard.LARGEST + 1}\r\n\r\n".encode())
        assert b" 413 " in wire.recv(100)

    def endless():
        while True:
            yield b" " * 2**16

    with pytest.raises(httpx.HTTPError):
        post(endpoint, endless()).raise_for_status()


def test_a_body_that_does_not_come_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(running, "_SLOW_S", 0.1)
    with closing(Endpoint()) as endpoint:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{endpoint._port}\r\n"
        head += f"Authorization: Bearer {endpoint.key}\r\nContent-Length: 100\r\n\r\n{{"
        with socket.create_connection(("127.0.0.1", endpoint._port), timeout=WAIT_S) as wire:
            wire.sendall(head.encode())
            assert is_hung_up_on(wire)


def test_a_head_that_does_not_come_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(running, "_IDLE_S", 0.1)
    with closing(Endpoint()) as endpoint:
        for part in (b"", b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1"):
            with socket.create_connection(("127.0.0.1", endpoint._port), timeout=WAIT_S) as wire:
                wire.sendall(part)
                assert is_hung_up_on(wire)


def test_who_knows_no_chunks_sees_a_streams_end(endpoint):
    body = json.dumps(ASKED | {"stream": True})
    head = f"POST /v1/chat/completions HTTP/1.0\r\nHost: 127.0.0.1:{endpoint._port}\r\n"
    head += f"Authorization: Bearer {endpoint.key}\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", endpoint._port), timeout=WAIT_S) as wire:
        wire.sendall(f"{head}Connection: keep-alive\r\n\r\n{body}".encode())
        assert wire.makefile("rb").read().endswith(b"data: [DONE]\n\n")


def test_more_callers_than_there_are_files_for_wait_in_line(server, monkeypatch):
    monkeypatch.setattr(listening, "most_open", lambda: 3)
    with closing(Endpoint()) as endpoint, ThreadPoolExecutor(1) as later, ExitStack() as idle:
        first, *others = [
            idle.enter_context(socket.create_connection(("127.0.0.1", endpoint._port))) for _ in range(5)
        ]
        asked = later.submit(post, endpoint)
        first.sendall(b"?\r\n\r\n")
        assert first.recv(100).startswith(b"HTTP/1.1 400")  # it is let in, and goes
        assert not asked.done()
        for wire in others:
            wire.close()
        assert asked.result().status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="its open files are found in /proc")
def test_a_process_without_files_serves_on_when_it_has_some(server, caplog):
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with closing(Endpoint()) as endpoint, closing(socket.socket()) as wire:
        last = max(int(file.name) for file in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (last, before[1]))
        kept = []
        try:
            with suppress(OSError):
                while True:
                    kept.append(os.dup(wire.fileno()))
            wire.connect(("127.0.0.1", endpoint._port))
            # Two rounds of its loop: it has tried to take the call.
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), endpoint._loop).result()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for file in kept:
                os.close(file)
        assert post(endpoint).status_code == 200
    assert caplog.text == ""


PYTHON = "/usr/bin/python3"  # which anybody may run
AS_ANOTHER = """
import sys, urllib.request
url, key_file, pid = sys.argv[1:]
for path in (key_file, f"/proc/{pid}/environ", f"/proc/{pid}/mem"):
    try:
        open(path, "rb").read()
        print("read", path)
    except OSError:
        pass
try:
    urllib.request.urlopen(url + "/models")
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may be somebody else")
@pytest.mark.skipif(not os.access(PYTHON, os.X_OK), reason=f"no {PYTHON}")
@pytest.mark.long
def test_another_user_of_the_machine_finds_no_key_and_is_answered_nothing(server):
    with TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # so that only the file's own mode is in the way
        with serving("--key-file", f"{folder}/key") as (process, url):
            told = subprocess.run(
                [PYTHON, "-I", "-c", AS_ANOTHER, url, f"{folder}/key", str(process.pid)],
                user="nobody",
                group="nogroup",
                extra_groups=[],
                capture_output=True,
                text=True,
                timeout=WAIT_S,
            )
    assert (told.stdout.split(), told.stderr) == (["401"], "")


@pytest.mark.long
def test_the_key_is_printed_once_and_in_no_list_of_processes(server):
    with serving() as (process, _):
        key = re.search(r"OPENAI_API_KEY=(\S+)", process.stdout.readline())[1]
        words = [*process.args, *psutil.Process(process.pid).cmdline()]
        assert not [word for word in words if key in word]
        process.send_signal(signal.SIGINT)
        assert key not in "".join(process.communicate(timeout=WAIT_S))
    assert key.startswith("sk-asksage-")


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127/8 is this machine on Linux")
def test_it_listens_on_loopback_only(endpoint):
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", endpoint._port), timeout=WAIT_S)


def test_ask_sages_key_is_in_no_answer(server, endpoint):
    server.on(QUERY, {"response": f"Not with {KEY}", "status": 400})
    assert KEY not in post(endpoint).text
    assert KEY not in repr(vars(endpoint))


# -- where it is started ------------------------------------------------------------------------------------


def test_without_a_key_nothing_is_started(own_settings, monkeypatch):
    monkeypatch.setenv("ASKSAGE_URL", "http://127.0.0.1:9")
    with pytest.raises(NoKey):
        Endpoint()


def test_a_port_that_is_taken_is_told(server, endpoint):
    with pytest.raises(BadInput, match=f"port {endpoint._port} cannot be had"):
        Endpoint(port=endpoint._port)


def test_in_a_notebook_it_sets_the_variables_and_takes_them_back(
    server, shell, monkeypatch, capsys, tmp_path
):
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    shell.run_line_magic("asksage", f"serve --env --key-file {tmp_path / 'key'}")
    shown = capsys.readouterr().out
    running_here = here()
    assert running_here.url in shown
    assert running_here.key not in shown
    assert (tmp_path / "key").read_text().strip() == running_here.key
    with openai.OpenAI() as client:
        assert client.chat.completions.create(**ASKED).usage.asksage_tokens == 63
    shell.run_line_magic("asksage", "serve")  # still the same
    assert here() is running_here
    shell.run_line_magic("asksage", "serve --stop")
    assert "stopped" in capsys.readouterr().out
    assert (here(), "OPENAI_API_KEY" in os.environ, (tmp_path / "key").exists()) == (None, False, False)
    with pytest.raises(httpx.ConnectError):
        post(running_here)


def test_whoever_looks_sees_it_run_what_came_of_it_and_ends_it(server, shell, monkeypatch):
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    shell.run_line_magic("asksage", "serve --env")
    there, session = here(), current()
    post(there)
    embeds(server, [1.0], prompt_tokens=8)
    post(there, json.dumps({"model": EMBEDDER, "input": "a"}).encode(), route="embeddings")
    folder, account = session.ledger.folder, session.account

    def told():
        return endpoints.running(folder, account)

    soon(lambda: told()[0].words == "2 calls, 74 tokens")
    shown = PanelState(session)
    assert words.endpoints(shown.shown) == [
        f"Endpoint {there.url}: 2 calls, 74 tokens · %asksage serve --stop ends it"
    ]
    assert there.url in html(shown.shown, live=True)
    assert endpoints.stop(folder, account, told()[0].name)
    assert there.wait(WAIT_S)
    soon(lambda: not shown.shown.endpoints)
    shown.stop()
    assert (here(), told(), "OPENAI_API_KEY" in os.environ) == (None, [], False)
    with pytest.raises(httpx.ConnectError):
        post(there)


@pytest.mark.long
def test_one_whose_process_was_killed_is_told_no_more(server, tmp_path):
    code = "from asksage_jupyter.endpoint import start_here; start_here(); print('up', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout.readline() == "up\n"
        session = current()
        folder, account = session.ledger.folder, session.account
        [told] = endpoints.running(folder, account)
        assert not told.is_here
        process.kill()
    assert endpoints.running(folder, account) == []
    assert [path.name for path in (folder / "endpoints").rglob("*") if path.is_file()] == []


def test_it_ends_with_the_extension(server, shell):
    shell.run_line_magic("asksage", "serve")
    magic.unregister(shell)
    assert here() is None


@pytest.mark.long
def test_a_kernel_that_ends_takes_its_keys_file_along(server, tmp_path):
    code = f"""
from asksage_jupyter.endpoint import start_here
start_here().tell_key({str(tmp_path / "key")!r})
print(open({str(tmp_path / "key")!r}).read())
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=WAIT_S)
    assert (ended.stdout[:11], ended.stderr) == ("sk-asksage-", "")
    assert not (tmp_path / "key").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks of POSIX")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_child_lets_go_of_the_port(server):
    from asksage_jupyter.endpoint import start_here, stop_here

    url = start_here().url
    ready, go = os.pipe(), os.pipe()
    if not (child := os.fork()):
        os.write(ready[1], b"x" if here() is None else b"-")
        os.read(go[0], 1)
        os._exit(0)
    try:
        assert os.read(ready[0], 1) == b"x"
        stop_here()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/models", trust_env=False)
    finally:
        os.write(go[1], b"x")
        os.waitpid(child, 0)
        for end in (*ready, *go):
            os.close(end)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="signals and modes of POSIX")
@pytest.mark.parametrize("stop", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_in_a_terminal_it_runs_until_it_is_stopped(server, tmp_path, stop):
    with serving("--key-file", str(tmp_path / "key")) as (process, url):
        key = (tmp_path / "key").read_text().strip()
        assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
        with openai.OpenAI(base_url=url, api_key=key) as client:
            assert client.chat.completions.create(**ASKED).usage.asksage_tokens == 63
        process.send_signal(signal.Signals[stop])
        said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert key not in "".join(said)
    assert not (tmp_path / "key").exists()
    assert sage.usage()["tokens"].tolist() == [63]
