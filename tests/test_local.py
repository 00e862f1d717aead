"""The local demo as a client meets it: a real child process, a real model. Shapes and figures, not prose."""

import base64
import json
import os
import signal
import subprocess
import sys

import httpx
import pytest
from kept import contents
from patience import WAIT_S, soon

from asksage_jupyter import local
from asksage_jupyter.account import Meter
from asksage_jupyter.errors import BadInput, ConfigurationError
from asksage_jupyter.service import Query, Secret, Service

pytestmark = pytest.mark.long

SEPARATOR = "@|@sep@|@"
ASK = {"message": "Say hello.", "system_prompt": "Be brief.", "usage": True}
# Of a native reply, as recorded.
KEYS = {
    "response", "message", "embedding_down", "vectors_down", "uuid", "references", "type", "added_obj",
    "tool_calls", "usage", "tool_responses", "tool_calls_unified", "error", "provenance", "citations",
    "sources", "status",
}  # fmt: skip


@pytest.fixture
def client(demo):
    with client_of(demo) as client:
        yield client


def client_of(service, key=None):
    headers = {"x-access-tokens": key or service.key}
    return httpx.Client(base_url=service.url, headers=headers, trust_env=False, timeout=WAIT_S)


def said(client, path, **fields):
    reply = client.post(path, json=fields)
    assert reply.status_code == 200
    return reply.json()


def number(client, path, **fields):
    return int(said(client, path, **fields)["response"])


def used(client):
    return number(client, "/server/count-monthly-tokens")


def log(client, **fields):
    return said(client, "/user/get-user-logs", **fields)["response"]


def chunks(text):
    *whole, rest = text.split(SEPARATOR)
    assert rest == ""
    return [json.loads(chunk.replace("@|@@sep@@|@", SEPARATOR)) for chunk in whole]


def tokens_of(inputs, outputs):
    """The bill by the rule of Ask Sage: 55 and 275 thousandths a model token, two roundings."""
    return -(-13 * (-(-55 * inputs // 1_000) - (-275 * outputs // 1_000)) // 10)


def test_a_query_is_answered_by_the_model_and_billed_what_the_counter_gained(client, demo):
    before = used(client)
    reply = said(client, "/server/query", **ASK)
    assert (reply["status"], reply["response"], reply["error"]) == (200, "OK", None)
    assert reply["message"].strip()
    assert reply["provenance"]["model"] == demo.model == "local-smollm2-135m"
    assert reply.keys() == KEYS
    counts = reply["usage"]["model_tokens"]
    assert counts["prompt_tokens"] > 10
    assert 0 < counts["completion_tokens"] <= 24
    tokens = reply["usage"]["asksage_tokens"]
    assert tokens == tokens_of(counts["prompt_tokens"], counts["completion_tokens"])
    assert used(client) - before == tokens


def test_the_same_prompt_costs_and_says_the_same(client):
    first, second = (said(client, "/server/query", **ASK) for _ in range(2))
    assert (first["message"], first["usage"]) == (second["message"], second["usage"])


def test_usage_comes_only_when_asked_for(client):
    assert said(client, "/server/query", message="Hi")["usage"] is None


def test_without_a_system_prompt_the_persona_is_billed_too(client):
    def prompt_tokens(**fields):
        return said(client, "/server/query", message="Hi", usage=True, **fields)["usage"]["model_tokens"][
            "prompt_tokens"
        ]

    plain = prompt_tokens(system_prompt="x")
    assert prompt_tokens() > plain + 10
    assert prompt_tokens(persona=2) > plain + 10
    assert prompt_tokens(persona=999) == prompt_tokens(persona=1)


def test_history_is_billed_again(client):
    history = [{"user": "me", "message": "Hi"}, {"user": "gpt", "message": "Hello, what now?"}]
    alone = said(client, "/server/query", **ASK)
    after = said(
        client, "/server/query", **ASK | {"message": [*history, {"user": "me", "message": ASK["message"]}]}
    )
    tokens = [reply["usage"]["model_tokens"]["prompt_tokens"] for reply in (alone, after)]
    assert tokens[1] > tokens[0] + 5


def test_forms_and_files_are_read_like_json(client):
    as_json = said(client, "/server/query", **ASK)
    as_form = client.post("/server/query", data=ASK | {"usage": "True"}).json()
    assert as_form["usage"] == as_json["usage"]
    listed = json.dumps([{"user": "me", "message": ASK["message"]}])
    as_list = client.post("/server/query", data=ASK | {"message": listed}).json()
    assert as_list["usage"] == as_json["usage"]
    file = {"file": ("notes.txt", b"The meeting is on Monday at nine.")}
    with_file = client.post("/server/query", data=ASK, files=file).json()
    gained = (
        with_file["usage"]["model_tokens"]["prompt_tokens"]
        - as_json["usage"]["model_tokens"]["prompt_tokens"]
    )
    assert gained > 8
    image = client.post("/server/query", data=ASK, files={"file": ("a.png", b"\x89PNG\xff")}).json()
    assert image["message"].startswith("Sorry, ")


def test_a_prompt_that_looks_like_json_is_a_prompt(client):
    for prompt in ('["a", "b"]', "[1, 2", '{"a": 1}', "42"):
        assert said(client, "/server/query", **ASK | {"message": prompt})["usage"] is not None


@pytest.mark.parametrize(
    "fields", [{}, {"message": ""}, {"message": " \n"}, {"message": []}, {"message": [{"x": 1}]}]
)
def test_no_message_is_a_soft_error_that_costs_nothing(client, fields):
    before = used(client)
    reply = said(client, "/server/query", usage=True, **fields)
    assert (reply["status"], reply["response"], reply["usage"]) == (200, "OK", None)
    assert reply["message"].startswith("Sorry, ")
    assert used(client) == before


def test_too_long_a_prompt_is_a_soft_error_that_costs_nothing(client):
    before = used(client)
    for prompt in ("word " * 3000, "[" * 200_000):
        reply = said(client, "/server/query", usage=True, message=prompt)
        assert reply["message"].startswith("Sorry, it is too long")
        assert reply["usage"] is None
    assert used(client) == before


def test_an_unknown_model_is_refused_and_an_alias_answered_by_the_model_of_the_log(client, demo):
    before = used(client)
    refused = said(client, "/server/query", **ASK, model="gpt-6-astra")
    assert (refused["status"], used(client)) == (400, before)
    for alias in ("auto", "local"):
        assert said(client, "/server/query", **ASK, model=alias)["provenance"]["model"] == demo.model
        assert log(client, limit=1)[0]["model"] == demo.model


def test_no_dataset_is_asked_unless_one_is_named(client):
    assert said(client, "/server/query", **ASK)["provenance"]["datasets"] == "none"


def test_a_stream_brings_deltas_and_then_the_whole_reply(client):
    whole = said(client, "/server/query", **ASK)
    for reply in (
        client.post("/server/query_stream", json=ASK),
        client.post("/server/query", data=ASK | {"streaming": "true"}),
    ):
        assert reply.headers["content-type"].startswith("text/plain")
        *deltas, last = chunks(reply.text)
        assert len(deltas) > 1
        assert "".join(delta["message"] for delta in deltas) == last["message"] == whole["message"]
        assert last["usage"] == whole["usage"]
        assert {delta["type"] for delta in deltas} == {"yield"}
        assert all(delta.keys() == KEYS for delta in deltas)
        assert not any(delta[name] for delta in deltas for name in ("uuid", "usage", "provenance"))


def test_a_soft_error_in_a_stream_is_its_only_chunk(client):
    [only] = chunks(client.post("/server/query_stream", json={"message": ""}).text)
    assert only["message"].startswith("Sorry, ")


def test_a_dropped_stream_stops_the_model_and_bills_what_it_had_said(demo, tmp_path):
    story = {"message": "Tell a very long story about a river.", "usage": True}
    with (
        local.start(tmp_path, weights=local.fetch(), output_limit=1500) as service,
        client_of(service) as client,
    ):
        with client.stream("POST", "/server/query_stream", json=story) as reply:
            next(reply.iter_bytes())
        # Answered after the dropped one: one generation at a time.
        said(client, "/server/query", message="Hi")
        rows = log(client)
        dropped = rows[1]
        assert 0 < dropped["completion_tokens"] < 1500
        assert dropped["total_tokens"] > 3
        assert used(client) == sum(row["total_tokens"] for row in rows)


@pytest.mark.parametrize(
    "path", ["/server/query", "/server/query_stream", "/server/tokenizer", "/user/get-user-logs"]
)
def test_a_bad_key_is_refused_within_http_200(demo, path):
    on_server = path.startswith("/server")  # the number is told there alone
    for key in ("wrong", "ключ".encode(), "a.b.c"):
        with client_of(demo, key) as client:
            told = "Token is invalid [2]" if on_server else "Token is invalid"
            assert said(client, path, message="Hi") == {"response": told, "status": 400}
    bearer = {"Authorization": f"Bearer {demo.key}"}
    told = "Token is invalid [1]" if on_server else "Token is invalid"
    for headers in ({}, bearer):
        reply = httpx.post(demo.url + path, headers=headers, trust_env=False)
        assert reply.json() == {"response": told, "status": 400}


def test_the_key_is_exchanged_for_a_token_good_for_a_day(client, demo):
    wrong = said(client, "/user/get-token-with-api-key", email="a@b.c", api_key="wrong")
    assert wrong == {"response": "Token is invalid", "status": "400"}
    missing = said(client, "/user/get-token-with-api-key", email="a@b.c")
    assert missing == {"response": "Missing required fields", "status": "400"}
    right = said(client, "/user/get-token-with-api-key", email="a@b.c", api_key=demo.key)
    assert right["status"] == "200"
    head, claims, _ = (
        base64.urlsafe_b64decode(part + "==") for part in right["response"]["access_token"].split(".")
    )
    assert json.loads(head)["alg"] == "HS512"
    told = json.loads(claims)
    assert told.keys() == {"exp", "iat", "jti", "api_key_id", "auth_method"}
    assert told["exp"] - told["iat"] == 86_400
    with client_of(demo, right["response"]["access_token"]) as with_token:
        assert used(with_token) >= 0


def test_counters_and_log_agree(client):
    said(client, "/server/query", **ASK)
    said(client, "/server/train", content="Tokens are counted.", force_dataset="mine", context="")
    rows = log(client, limit=100)
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids, reverse=True)
    spent = {
        teach: sum(row["total_tokens"] for row in rows if row["teach"] == teach)
        for teach in ("False", "True")
    }
    assert number(client, "/server/count-monthly-tokens") == spent["False"] > 0
    assert number(client, "/server/count-monthly-teach-tokens") == spent["True"] > 0
    assert number(client, "/server/count-monthly-tokens-left-with-org") == 200_000 - spent["False"]
    assert {(row["status"], row["prompt_truncated"]) for row in rows} == {("200", False)}
    assert [row["id"] for row in log(client, limit=1)] == ids[:1]
    assert [row["id"] for row in log(client, limit=2, before_id=ids[0])] == ids[1:3]


def test_empty_bodies_are_accepted_as_the_vendors_client_sends_them(client):
    for path in (
        "count-monthly-tokens",
        "count-monthly-teach-tokens",
        "get-models",
        "get-datasets",
        "get-personas",
    ):
        assert client.post(f"/server/{path}").json()["status"] == 200
        assert client.get(f"/server/{path}").json()["status"] == 200


def test_a_body_that_is_not_what_it_says_has_no_fields(client):
    for body in (b"{not json", b"[1]"):
        reply = client.post("/server/query", content=body, headers={"Content-Type": "application/json"})
        assert reply.json()["message"] == "Sorry, there was no message."


def test_another_method_is_refused_without_a_traceback(client):
    reply = client.get("/server/query")
    assert (reply.status_code, reply.json()) == (405, {"response": "Method Not Allowed", "status": 405})


def test_training_costs_what_its_text_counts(client):
    before = number(client, "/server/count-monthly-teach-tokens")
    assert said(client, "/server/tokenizer", content="") == {"response": "No content", "status": 400}
    counted = number(client, "/server/tokenizer", content="one two three four") - number(
        client, "/server/tokenizer", content="one"
    )
    assert counted == 3
    said(client, "/server/train", content="one two three")
    gained = number(client, "/server/count-monthly-teach-tokens") - before
    assert gained == -(-13 * counted // 10)


def test_five_free_calls_give_the_rates_that_bills_are_made_of(client):
    before = used(client)
    big = "meter " * 20_000

    def tokenized(content, **fields):
        return number(client, "/server/tokenizer", content=content, model="any", **fields)

    def converted(content, estimate=0):
        return tokenized(content, convert_to_asksage=True, completion_estimate=estimate)

    prompt = (converted(big) - converted("x")) / (tokenized(big) - tokenized("x"))
    completion = (converted("x", 1_000_000) - converted("x")) / 1_000_000
    assert (prompt, completion) == (pytest.approx(0.0715, rel=0.001), pytest.approx(0.3575, rel=0.001))
    assert used(client) == before
    usage = said(client, "/server/query", **ASK)["usage"]
    counts = usage["model_tokens"]
    assert usage["asksage_tokens"] == tokens_of(counts["prompt_tokens"], counts["completion_tokens"])


def test_models_are_listed_in_both_forms(client, demo):
    plain = said(client, "/server/get-models")
    assert plain["response"] == [model["id"] for model in plain["data"]] == [demo.model]
    told = httpx.get(f"{demo.url}/server/get-models?format=full", trust_env=False).json()  # needs no key
    [full], [listed] = told["response"], told["data"]
    assert (full["id"], full["cui_capable"], full["deprecation"]["state"]) == (demo.model, False, "active")
    assert full["aliases"] == ["local"]
    assert full.items() <= listed.items()
    assert full["token_conversion_rate"] == {"prompt": 0.055, "completion": 0.275}


def test_the_full_user_tells_the_limits_among_things_a_client_must_drop(client):
    user = said(client, "/user/validate_token_with_full_user")["response"]
    assert (user["max_tokens"], user["max_train_tokens"]) == (200_000, 200_000)
    assert "mfa_secret" in user
    assert len(user) == 31
    assert user["token_scopes"] == ["query", "plugins"]


def test_our_own_client_reads_what_it_says(demo):
    service = Service(demo.url, Secret(demo.key), email=demo.email)
    before, texts = service.used(Meter.INFERENCE), []
    query = Query(prompt="Say hello.", model=demo.model, system="Be brief.", persona=None)
    whole, streamed = service.query(query), service.query(query, texts.append)
    assert whole.text == streamed.text == texts[-1]
    assert service.used(Meter.INFERENCE) == before + whole.tokens + streamed.tokens
    assert service.left() == 200_000 - service.used(Meter.INFERENCE)
    assert (service.limits().inference, service.limits().training) == (200_000, 200_000)
    assert [model.id for model in service.models()] == [demo.model]
    service.close()


def test_a_month_that_is_used_up_ends_in_a_soft_error(tmp_path):
    with local.start(tmp_path, weights=local.fetch(), allotment=5, output_limit=8) as service:
        with client_of(service) as client:
            assert said(client, "/server/query", **ASK)["usage"]["asksage_tokens"] >= 5
            refused = said(client, "/server/query", **ASK)
            assert refused["usage"] is None
            assert refused["message"].startswith("Sorry, you have used all")
            assert number(client, "/server/count-monthly-tokens-left-with-org") == 0
            for _ in range(2):
                taught = said(client, "/server/train", content="one two three four five")["response"]
            assert taught.startswith("token limit exceeded")
            assert number(client, "/server/count-monthly-teach-tokens") == 7
        assert_no_prompt_on_disk(tmp_path)


def assert_no_prompt_on_disk(folder):
    kept = b"".join(contents(folder).values())
    assert b"local-smollm2" in kept
    assert ASK["message"].encode() not in kept


def test_counters_outlive_the_service(tmp_path):
    spent = []
    for _ in range(2):
        with (
            local.start(tmp_path, weights=local.fetch(), output_limit=4) as service,
            client_of(service) as client,
        ):
            before = used(client)
            said(client, "/server/query", message="Hi")
            spent += [before, used(client)]
    assert spent[0] == 0 < spent[1] == spent[2] < spent[3]


def test_the_key_is_in_no_command_line_and_no_repr(demo):
    assert demo.key not in " ".join(demo.process.args)
    assert demo.key not in repr(demo)
    assert demo.environment["ASKSAGE_API_KEY"] == demo.key


def test_stop_ends_the_child_and_may_be_called_again(tmp_path):
    service = local.start(tmp_path, weights=local.fetch())
    service.stop()
    assert service.process.returncode == 0
    service.stop()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_the_child_ends_with_its_parent_even_when_that_is_killed(tmp_path):
    program = (
        "import sys; from pathlib import Path; from asksage_jupyter import local\n"
        "service = local.start(Path(sys.argv[1]), weights=Path(sys.argv[2]))\n"
        "print(service.process.pid, service.url, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(local.fetch())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        pid, url = parent.stdout.readline().split()
        os.kill(int(pid), signal.SIGINT)  # Ctrl-C reaches the whole group: the child leaves it to its parent
        assert httpx.post(f"{url}/server/get-models", trust_env=False).status_code == 200
        parent.kill()
    soon(lambda: is_gone(url))


def is_gone(url):
    """Whether nothing listens at `url` any more."""
    try:
        httpx.post(f"{url}/server/get-models", trust_env=False)
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        pass
    return False


def test_a_file_that_is_no_model_is_told_in_a_line(tmp_path):
    path = tmp_path / "mine.gguf"
    path.write_text("no model")
    with pytest.raises(ConfigurationError, match=r"mine\.gguf cannot be loaded as a model"):
        local.start(tmp_path / "folder", weights=path)


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGILL)",
            r"needs a CPU with AVX2\..*ASKSAGE_LOCAL_MODEL",
            marks=pytest.mark.skipif(os.name == "nt", reason="signals of POSIX"),
        ),
        ("import os; os._exit(3)", r"did not start, exit code 3 .*ASKSAGE_LOCAL_MODEL"),
        ("raise ImportError", r'needs xllamacpp: run  python -m pip install "asksage_jupyter\[demo\]"'),
        ("1 / 0", "did not start, exit code 1: ZeroDivisionError"),
    ],
)
def test_an_engine_that_cannot_be_imported_is_told_in_a_line(tmp_path, monkeypatch, engine, says):
    (tmp_path / "xllamacpp.py").write_text(engine)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=says) as raised:
        local.start(tmp_path, weights=local.fetch())
    assert "\n" not in str(raised.value)


def test_a_module_of_the_person_with_a_known_name_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    local.start(tmp_path / "folder", weights=local.fetch()).stop()


def test_a_child_that_is_not_ready_in_time_is_ended_and_told_in_a_line(tmp_path):
    with pytest.raises(ConfigurationError, match="did not start"):
        local.start(tmp_path, weights=local.fetch(), timeout_s=0.0)


def test_no_model_yet_is_told_with_every_way_to_one(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("asksage_jupyter.local.weights.folder", lambda: tmp_path)
    monkeypatch.delenv("ASKSAGE_LOCAL_MODEL", raising=False)
    with pytest.raises(ConfigurationError, match=r"asksage-jupyter demo.*ASKSAGE_LOCAL_MODEL"):
        local.start(tmp_path)


def test_a_folder_that_cannot_be_made_is_told_in_a_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot write to"):
        local.start(tmp_path / "file" / "folder", weights=local.fetch())


def test_a_model_of_the_persons_own_is_chosen_by_path_or_url(tmp_path):
    mine = tmp_path / "My Model.gguf"
    mine.touch()
    assert local.chosen({"ASKSAGE_LOCAL_MODEL": str(mine)}) == mine
    assert local.chosen({"ASKSAGE_LOCAL_MODEL": "http://localhost:1/v1/"}) == "http://localhost:1/v1"
    assert local.chosen({"ASKSAGE_LOCAL_MODEL": "https://models.example/v1"}) == "https://models.example/v1"
    assert local.verify(mine) is None
    for wrong in (str(tmp_path / "absent.gguf"), "http://models.example/v1", "ftp://localhost/v1"):
        with pytest.raises(BadInput, match="ASKSAGE_LOCAL_MODEL"):
            local.chosen({"ASKSAGE_LOCAL_MODEL": wrong})
