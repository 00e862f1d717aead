"""What costs nothing: lists, prices, counters and limits, on tenants that differ."""

import traceback
from contextlib import closing

import pytest
from scripted import EMAIL, EXCHANGE, Bench, Played

from asksage_jupyter.account import Meter
from asksage_jupyter.errors import BadKey, NotReached, Refused, Unavailable
from asksage_jupyter.service import Limits, ModelInfo, Persona

MODELS, TOKENIZER = "/server/get-models", "/server/tokenizer"
USED, USED_TRAINING = "/server/count-monthly-tokens", "/server/count-monthly-teach-tokens"
LEFT, FULL_USER = "/server/count-monthly-tokens-left-with-org", "/user/validate_token_with_full_user"
BAD = {"response": "Token is invalid [1]", "status": 400}


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        yield bench


# -- models, personas, datasets ---------------------------------------------------------------------------

FULL = {
    "id": "google-claude-45-haiku",
    "display_name": "Claude Haiku 4.5",
    "aliases": ["haiku"],
    "capabilities": [],
    "cui_capable": True,
    "tier": "fast",
    "vendor": "Anthropic",
    "limits": {"max_context": "200000", "max_output": 8192},
    "paid_only": False,
    "deprecation": {
        "state": "deprecated",
        "message": "Goes in March.",
        "replacement_id": "haiku-5",
        "sunset_at": None,
    },
    "token_conversion_rate": {"prompt": ".055", "completion": 0.275},
}


def test_the_full_list_tells_all_of_a_model(bench):
    bench.server.on(MODELS, {"response": [FULL], "status": 200})
    assert bench.service().models() == [
        ModelInfo(
            id="google-claude-45-haiku",
            name="Claude Haiku 4.5",
            vendor="Anthropic",
            tier="fast",
            cui_capable=True,
            deprecated="Goes in March. (use haiku-5)",
            max_context=200_000,
            prompt_rate=0.055,
            completion_rate=0.275,
            aliases=("haiku",),
        )
    ]
    assert bench.server.requests[0].path == f"{MODELS}?format=full"


def test_an_entry_of_nulls_and_wrong_types_is_still_a_model(bench):
    odd = {name: value for name in FULL for value in [7]} | {"id": "odd", "deprecation": {}, "limits": None}
    nulls = dict.fromkeys(FULL) | {"id": "null"}
    strange = {"id": "strange", "token_conversion_rate": {"prompt": "NaN", "completion": "dear"}}
    bench.server.on(MODELS, {"response": [odd, nulls, strange, {"name": "no id"}, None, nulls]})
    assert bench.service().models() == [ModelInfo(name, name) for name in ("odd", "null", "strange")]


PLAIN = {
    "object": "list",
    "data": [{"id": "gpt-5", "name": "GPT-5", "object": "model", "created": "na", "owned_by": "openai"}],
    "response": ["gpt-5"],
    "status": 200,
}


@pytest.mark.parametrize(
    "full", [PLAIN, {"response": "Internal error", "status": 400}, Played(b"", status=404), {"response": []}]
)
def test_the_plain_list_is_enough(bench, full):
    bench.server.on(f"{MODELS}?format=full", full)
    bench.server.on(MODELS, PLAIN)
    assert bench.service().models() == [ModelInfo("gpt-5", "GPT-5", "openai")]


@pytest.mark.parametrize(
    "reply", [{"response": ["gpt-5", "gpt-5", ""]}, {"data": [{"id": "gpt-5"}]}, ["gpt-5"]]
)
def test_bare_ids_are_enough(bench, reply):
    bench.server.on(MODELS, reply)
    assert bench.service().models() == [ModelInfo("gpt-5", "gpt-5")]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(BAD, BadKey), (Played(b"<html>a guest network"), NotReached), (Played(b"", status=404), NotReached)],
)
def test_a_list_that_is_none_raises(bench, reply, kind):
    bench.server.on(MODELS, reply)
    with pytest.raises(kind):
        bench.service().models()


def test_personas_and_datasets_are_listed_with_or_without_an_envelope(bench):
    personas = [{"id": "1", "name": "Ask Sage", "description": None}, {"name": "no id"}, 5]
    for wrap in (lambda listed: listed, lambda listed: {"response": listed, "status": 200}):
        bench.server.on("/server/get-personas", wrap(personas))
        bench.server.on("/server/get-datasets", wrap(["notes", 5, ""]))
        assert bench.service().personas() == [Persona(1, "Ask Sage", "")]
        assert bench.service().datasets() == ["notes"]


# -- tokenizer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["933", " 933\n", 933, 933.0])
def test_the_tokenizer_counts_and_prices(bench, number):
    bench.server.on(TOKENIZER, {"response": number, "status": 200})
    service = bench.service()
    assert service.tokenize("some text", "gpt-5") == 933
    assert service.price("x", "gpt-5", completion_estimate=1_000_000) == 933
    count, price = (request.json for request in bench.server.requests)
    assert count["content"] == "some text" and count["model"] == "gpt-5"
    assert count["convert_to_asksage"] is False
    assert price["convert_to_asksage"] is True and price["completion_estimate"] == 1_000_000


@pytest.mark.parametrize("number", [None, "", "many", True, -1, [], {}, "1e3", "1,000"])
def test_a_count_that_is_none_raises(bench, number):
    bench.server.on(TOKENIZER, {"response": number, "status": 200})
    with pytest.raises(Refused, match="no number"):
        bench.service().tokenize("x", "gpt-5")


# -- counters ---------------------------------------------------------------------------------------------


def test_the_counters_are_read(bench):
    bench.server.on(USED, {"response": 411, "status": 200})
    bench.server.on(USED_TRAINING, {"response": "0", "status": "200"})
    bench.server.on(LEFT, {"response": -12, "status": 200})
    service = bench.service()
    assert (service.used(Meter.INFERENCE), service.used(Meter.TRAINING), service.left()) == (411, 0, -12)
    assert [request.json for request in bench.server.requests] == [{}, {}, {}]


@pytest.mark.parametrize(
    "reply",
    [
        Played(b"<html>", status=404),
        Played(b"", status=405),
        {"response": "Internal error", "status": 400},
        {"response": None},
        {"response": True},
        {"status": 200},
        [],
    ],
)
def test_a_counter_that_the_tenant_lacks_is_none(bench, reply):
    for path in (USED, LEFT):
        bench.server.on(path, reply)
    assert bench.service().used(Meter.INFERENCE) is None
    assert bench.service().left() is None


def test_less_than_nothing_used_is_nonsense(bench):
    bench.server.on(USED, {"response": -1})
    assert bench.service().used(Meter.INFERENCE) is None


def test_a_bad_key_is_told_by_counters_too(bench):
    bench.server.on(USED, BAD)
    with pytest.raises(BadKey):
        bench.service().used(Meter.INFERENCE)


@pytest.mark.parametrize(
    "fault",
    [
        Played(drop_at=-1),
        Played({"response": 411}, drop_at=5),
        Played(b"", status=504),
        Played(b"", status=503),
    ],
)
def test_what_is_free_is_asked_again_also_after_a_lost_reply(bench, fault):
    bench.server.on(USED, fault, fault, {"response": 411})
    assert bench.service().used(Meter.INFERENCE) == 411
    assert len(bench.pauses) == 2
    bench.server.on(USED, fault)
    with pytest.raises(Unavailable, match="nothing"):
        bench.service().used(Meter.INFERENCE)
    assert len(bench.server.requests) == 6


# -- limits -----------------------------------------------------------------------------------------------

SECRETS = {
    "mfa_secret": "MFASECRET",
    "email": "private@example.org",
    "api_keys": [{"value": "OTHERKEY"}],
    "org": {"name": "PRIVATEORG", "billing": {"iban": "IBAN"}},
    "max_queries": "PRIVATEMAX",
}


@pytest.mark.parametrize(
    "reply",
    [
        {"response": {"max_tokens": 200000, "max_train_tokens": "500000", **SECRETS}, "status": 200},
        {"max_tokens": "200000", "max_train_tokens": 500000.0, "response": "OK", **SECRETS},
        {"response": {"user": {"max_tokens": 200000, "max_train_tokens": 500000, **SECRETS}}},
        {"response": [{"max_tokens": 200000, "max_train_tokens": 500000, **SECRETS}]},
    ],
)
def test_the_limits_are_found(bench, reply):
    bench.server.on(FULL_USER, reply)
    assert bench.service().limits() == Limits(200_000, 500_000, "private@example.org")


def test_nothing_but_the_limits_outlives_the_decoding(bench, monkeypatch):
    """Every object of the reply that is kept, seen from where the figures are picked."""
    from asksage_jupyter.service.routes import counters

    kept = []
    pick = counters._limit
    monkeypatch.setattr(counters, "_limit", lambda value, name: kept.append(repr(value)) or pick(value, name))
    bench.server.on(FULL_USER, {"response": {"max_tokens": 5, **SECRETS}, "status": 200})
    assert bench.service().limits() == Limits(5, None, "private@example.org")
    assert any("max_tokens" in text for text in kept)
    for private in ("MFASECRET", "OTHERKEY", "PRIVATEORG", "IBAN", "PRIVATEMAX"):
        assert not any(private in text for text in kept)


def test_a_failing_full_user_reply_shows_none_of_it(bench):
    bench.server.on(EXCHANGE, {"response": "jwt"})
    bench.server.on(FULL_USER, {**BAD, **SECRETS})
    with pytest.raises(BadKey) as caught:
        bench.service(email=EMAIL).limits()
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "MFASECRET" not in told


def test_limits_of_a_busy_service_are_not_taken_for_none(bench):
    bench.server.on(FULL_USER, Played(b"", status=503))
    with pytest.raises(Unavailable):
        bench.service().limits()


@pytest.mark.parametrize(
    "reply",
    [
        Played(b"", status=404),
        BAD,
        {"response": {"max_tokens": None, "max_train_tokens": -1}},
        {"response": {"max_tokens": True}},
        {"response": None},
        [],
    ],
)
def test_limits_that_are_not_told_are_none(bench, reply):
    bench.server.on(FULL_USER, reply)
    assert bench.service().limits() == Limits()


@pytest.mark.parametrize(
    ("notice", "told"),
    [({"state": "active", "message": None, "replacement_id": None, "sunset_at": None}, None),
     ({"state": "Active", "message": "", "replacement_id": "", "sunset_at": None}, None),
     (dict.fromkeys(("state", "message", "replacement_id", "sunset_at")), None),
     ("active", None), (None, None),
     ({"state": "deprecated", "message": None, "replacement_id": "gpt-5"}, "deprecated (use gpt-5)"),
     ({"state": None, "message": "Goes in May."}, "Goes in May."), ("retired", "retired")],
)  # fmt: skip
def test_a_model_that_is_active_has_no_notice(bench, notice, told):
    bench.server.on(MODELS, {"response": [{**FULL, "deprecation": notice}], "status": 200})
    assert bench.service().models()[0].deprecated == told
