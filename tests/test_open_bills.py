"""Answers whose bill is not told yet, and refusals for want of tokens: what is held, told and done next."""

import time
from email.utils import formatdate

import pytest
from scripted import QUERY, Played, envelope
from tenant import MODEL, OTHER, questions

import asksage_jupyter
from asksage_jupyter import reconcile
from asksage_jupyter.account import Meter
from asksage_jupyter.errors import NotEnoughTokens, OutOfTokens, ReplyLost
from asksage_jupyter.session import current
from asksage_jupyter.session.asking.plugins import follow_up, run_plugin

LOG, LIMITS = "/user/get-user-logs", "/user/validate_token_with_full_user"
LEFT, USED = "/server/count-monthly-tokens-left-with-org", "/server/count-monthly-tokens"
PLUGIN, PLUGINS = "/server/execute-plugin", "/server/get-plugins"
FOLLOW_UP, TRAIN = "/server/follow-up-questions", "/server/train"


def row(tokens, model=MODEL, **changes):
    return {
        "id": 7,
        "date_time": formatdate(time.time(), usegmt=True),
        "model": model,
        "prompt_tokens": 30,
        "completion_tokens": 5,
        "total_tokens": tokens,
        "teach": "False",
        "status": "200",
        **changes,
    }


def logged(server, *rows):
    def page(request):
        return {"response": [] if request.json.get("before_id") else list(rows), "status": 200}

    server.on(LOG, page)
    server.on(USED, {"response": 411 + sum(each["total_tokens"] for each in rows), "status": 200})


def call_of(op):
    (found,) = asksage_jupyter.usage().query("op == @op").to_dict("records")
    return found


@pytest.mark.parametrize("usage", [None, {}, {"asksage_tokens": None, "model_tokens": None}])
def test_a_good_answer_without_usage_stays_open_and_is_settled_from_the_log(server, usage):
    server.on(QUERY, envelope("Because.", usage=usage, provenance={"model": MODEL}))
    reply = asksage_jupyter.ask("Why?")
    assert (reply.text, reply.tokens, reply.source, reply.interrupted) == ("Because.", None, None, False)
    held = reply.estimate.expected
    assert reply.held == held == asksage_jupyter.balance().inference.held
    assert f"the bill is not told yet: about {held:,} tokens stay held" in reply.receipt
    logged(server, row(63))
    (settled,) = reconcile(running_s=0, sleep=lambda seconds: None).settled
    assert (settled.op, settled.before, settled.tokens) == (reply.op, held, 63)
    assert call_of(reply.op)["tokens"] == 63 and call_of(reply.op)["source"] == "log"
    assert call_of(reply.op)["status"] == "ok"
    balance = asksage_jupyter.balance().inference
    assert (balance.used, balance.held) == (411 + 63, 0)


def test_an_open_answer_names_the_model_that_served(server):
    server.on(QUERY, envelope("Because.", usage=None, provenance={"model": OTHER}))
    reply = asksage_jupyter.ask("Why?")
    assert reply.model == OTHER
    assert f"asked {MODEL}, answered by {OTHER}" in reply.receipt


def test_one_of_a_comparison_may_be_open(server):
    def answer(request):
        model = request.json["model"]
        usage = None if model == OTHER else {"asksage_tokens": 40}
        return envelope(f"From {model}.", usage=usage, provenance={"model": model})

    server.on(QUERY, answer)
    comparison = asksage_jupyter.compare("Why?", [MODEL, OTHER])
    open_one = comparison.replies[OTHER]
    assert (comparison.tokens, comparison.held) == (40, open_one.held)
    assert comparison.held == asksage_jupyter.balance().inference.held > 0
    assert "the bill is not told yet" in str(comparison)


@pytest.mark.parametrize("ask", ["plugin", "follow-up"])
def test_what_never_tells_its_usage_is_settled_from_the_log_whichever_model_did_it(server, ask):
    server.on(PLUGIN, {"response": "Short.", "status": 200})
    server.on(FOLLOW_UP, {"response": "OK", "message": "And the sea?", "status": 200})
    session = current()
    asksage_jupyter.ask("Why?")
    if ask == "plugin":
        reply = run_plugin(session, "Summarize", {"text": "A text."}, MODEL)
    else:
        reply = follow_up(session)
    assert reply.tokens is None and reply.held == asksage_jupyter.balance().inference.held > 0
    logged(server, row(63, prompt_tokens=820, completion_tokens=4), row(71, model="another-model", id=8))
    assert [each.op for each in reconcile(running_s=0, sleep=lambda seconds: None).settled] == [reply.op]
    assert (call_of(reply.op)["tokens"], call_of(reply.op)["status"]) == (71, "ok")


def test_of_two_bills_from_the_log_only_the_one_without_a_reply_is_lost(server, tmp_path):
    server.on(QUERY, envelope("Because.", usage=None, provenance={"model": MODEL}))
    told = asksage_jupyter.ask("Why?")
    server.on(QUERY, Played(b"", drop_at=-1))
    with pytest.raises(ReplyLost):
        asksage_jupyter.ask("Why?", model=OTHER)
    logged(server, row(63), row(71, model=OTHER, id=8))
    for _ in range(2):
        found = reconcile(running_s=0, sleep=lambda seconds: None)
    assert not found.still_open
    calls = asksage_jupyter.usage().set_index("op")
    assert calls.status[told.op] == "ok"
    assert sorted(calls.status) == ["lost", "ok"]
    assert not list(tmp_path.rglob("*.arrived/*"))


def test_a_reply_whose_arrival_cannot_be_noted_is_returned_all_the_same(server):
    server.on(QUERY, envelope("Because.", usage=None, provenance={"model": MODEL}))
    asksage_jupyter.balance()
    current().ledger.outbox.with_suffix(".arrived").write_text("no folder")
    assert asksage_jupyter.ask("Why?").text == "Because."


# -- refusals ---------------------------------------------------------------------------------------------


def test_tokens_that_are_used_up_say_what_the_ledger_counts_and_hold_nothing(server):
    server.on(QUERY, {"response": "Token quota exceeded for the user or plan", "status": 429})
    with pytest.raises(OutOfTokens) as caught:
        asksage_jupyter.ask("Why?")
    error = caught.value
    assert (error.limit, error.meter, error.remaining) == ("yours or the plan's", "inference", 199_589)
    assert error.needed > 0 and error.resets_at.day == 1
    assert "The ledger here counts 199,589 inference tokens left" in str(error)
    assert "%asksage request N --reason TEXT" in str(error)
    assert len(questions(server)) == 1
    assert asksage_jupyter.balance().inference.held == 0


def test_training_tokens_that_are_used_up_are_told_of_their_own_meter(server):
    server.on("/server/get-datasets", {"response": ["notes"], "status": 200})
    server.on(TRAIN, {"response": "token limit exceeded", "status": 400})
    with pytest.raises(OutOfTokens) as caught:
        asksage_jupyter.train("Some text.", "notes")
    assert (caught.value.meter, caught.value.remaining) == ("training", 100_000)
    assert "%asksage request N --meter training" in str(caught.value)
    assert asksage_jupyter.balance().training.held == 0


def allots(server, limit, used):
    server.on(LIMITS, {"response": {"max_tokens": limit, "max_train_tokens": 100_000}, "status": 200})
    server.on(USED, {"response": used, "status": 200})
    server.on(LEFT, {"response": max(0, limit - used), "status": 200})


ASKS = {
    "ask": lambda: asksage_jupyter.ask("Why?"),
    "compare": lambda: asksage_jupyter.compare("Why?", [MODEL, OTHER]),
}


@pytest.mark.parametrize("ask", ASKS)
def test_before_it_refuses_for_want_of_tokens_it_asks_once_whether_there_are_more(server, ask):
    allots(server, 1_000, 999)
    asksage_jupyter.balance()
    allots(server, 300_000, 999)
    ASKS[ask]()
    assert asksage_jupyter.balance().inference.granted == 300_000


@pytest.mark.parametrize("ask", ASKS)
def test_a_refusal_for_want_of_tokens_offers_a_way_out(server, ask):
    allots(server, 1_000, 1_000)
    asksage_jupyter.balance()
    asked = len(server.asked(LIMITS))
    with pytest.raises(NotEnoughTokens) as caught:
        ASKS[ask]()
    assert len(server.asked(LIMITS)) == asked + 1
    assert "Nothing was sent" in str(caught.value)
    assert "more: %asksage request N --reason TEXT" in str(caught.value)
    assert not questions(server)
    assert asksage_jupyter.balance().inference.held == 0


def test_a_cheaper_model_that_can_be_paid_is_named_with_its_price(server):
    rates = {MODEL: (1.0, 4.0), OTHER: (0.001, 0.004)}
    server.on(
        "/server/get-models",
        {
            "response": [
                {"id": name, "token_conversion_rate": {"prompt": prompt, "completion": completion}}
                for name, (prompt, completion) in rates.items()
            ],
            "status": 200,
        },
    )
    dear, cheap = asksage_jupyter.estimate("Why?").expected, asksage_jupyter.estimate("Why?", OTHER).expected
    allots(server, 1_000, 1_000 - cheap - 5)
    with pytest.raises(NotEnoughTokens) as caught:
        asksage_jupyter.ask("Why?")
    model, tokens = caught.value.cheaper
    assert model == OTHER and tokens <= cheap + 5 < dear
    assert f"{OTHER} would cost about {tokens:,}" in str(caught.value)


def test_a_service_that_cannot_be_asked_refuses_all_the_same(server):
    allots(server, 1_000, 1_000)
    asksage_jupyter.balance()
    for path in (LIMITS, USED, LEFT):
        server.on(path, {"response": "Token is invalid [1]", "status": 400})
    with pytest.raises(NotEnoughTokens):
        asksage_jupyter.ask("Why?")
    assert current().ledger.month(current().account, Meter.INFERENCE).granted == 1_000
