"""Replies as recorded, and odd ones of the same kinds: figures in other places, failures in other words."""

import json
from contextlib import closing

import pytest
from scripted import QUERY, STREAM, Bench, Played, envelope, pieces, question
from tenant import MODEL

import asksage_jupyter
from asksage_jupyter.errors import OutOfTokens, Refused, ReplyLost

USAGE = envelope()["usage"]
FLAT = {"prompt_tokens": 820, "completion_tokens": 4, "asksage_tokens": 63}


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        yield bench


def answer(bench, reply):
    bench.server.on(QUERY, reply)
    return bench.service().query(question())


def figures(answer):
    return answer.tokens, answer.input_tokens, answer.output_tokens


# -- what it cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        dict(reversed(envelope().items())),
        envelope(usage=FLAT),
        envelope(usage={"input_tokens": 820, "output_tokens": "4", "asksage_tokens": 62.4}),
        envelope(usage={**FLAT, "asksage_tokens": "62.4"}),
        envelope(usage={"model_tokens": {**FLAT, "details": None}, "cost": {}}),
        envelope(usage=json.dumps(USAGE)),
        envelope(usage=[USAGE]),
        envelope(usage={"model_tokens": USAGE["model_tokens"]}, asksage_tokens=63),
        {"response": envelope(), "status": 200},
        {"response": {"message": "OK"}, "usage": USAGE, "status": "200"},
    ],
    ids=lambda reply: json.dumps(reply.get("usage"))[:40],
)
def test_the_bill_is_read_wherever_it_stands(bench, reply):
    found = answer(bench, reply)
    assert (found.text, *figures(found)) == ("OK", 63, 820, 4)


@pytest.mark.parametrize("told", [-1, False, "many", "1,063", {"total": 63}, [63], 1e30, None])
def test_what_is_no_number_is_no_bill(bench, told):
    assert figures(answer(bench, envelope(usage={**FLAT, "asksage_tokens": told}))) == (None, 820, 4)


# -- whose text it is -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"message": None, "response": "Forty-two."}, "Forty-two."),
        ({"message": [{"type": "text", "text": "Forty-"}, {"type": "text", "text": "two."}]}, "Forty-two."),
        ({"message": None}, ""),
    ],
)
def test_a_paid_text_arrives_from_wherever_it_stands(bench, changes, text):
    found = answer(bench, envelope(**changes))
    assert (found.text, found.tokens) == (text, 63)


@pytest.mark.parametrize("error", [{}, {"code": None, "message": ""}, "", "None", "null", False, 0, [None]])
def test_an_error_that_says_nothing_is_none(bench, error):
    assert answer(bench, envelope(error=error)).tokens == 63


@pytest.mark.parametrize(
    "error", ["filtered", ["filtered"], [{"message": "filtered"}], {"code": "x_y", "message": "filtered"}]
)
@pytest.mark.parametrize("usage", [None, {"model_tokens": None, "asksage_tokens": 0}])
def test_an_error_is_told_in_its_own_words(bench, error, usage):
    with pytest.raises(Refused, match="refused: filtered"):
        answer(bench, envelope("", error=error, usage=usage))


ZEROS = {"model_tokens": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, "asksage_tokens": 0}


@pytest.mark.parametrize("usage", [None, {}, ZEROS])
@pytest.mark.parametrize("path", [QUERY, STREAM])
def test_a_notice_without_a_bill_is_no_answer_be_its_figures_zeros(bench, usage, path):
    notice = envelope("Sorry, this model is no longer available.", type="teach", usage=usage)
    bench.server.on(QUERY, notice)
    bench.server.on(STREAM, Played(pieces(notice), framing="chunked"))
    with pytest.raises(Refused, match="no longer available"):
        bench.service().query(question(), None if path == QUERY else lambda text: None)


# -- failures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [{"status": "error"}, {"status": -1}, {"status": False}, {"success": False}])
def test_a_failure_without_a_number_may_have_been_billed(bench, said):
    with pytest.raises(ReplyLost, match=r"failed \(Something broke\)"):
        answer(bench, {"response": "Something broke", "message": "", "status": 200, "usage": None, **said})
    with pytest.raises(OutOfTokens):
        answer(bench, {"response": "Monthly token quota exceeded", "status": 200, **said})


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_usage_on_the_way_is_no_bill(bench, framing):
    """Neither does it make a part of the text the whole one, nor a stream that broke a whole reply."""
    parts = [
        envelope(text, type="yield", usage=usage, provenance=None, uuid=None)
        for text, usage in (("One is", ZEROS), (" two and more", FLAT), (".", FLAT))
    ]
    bench.server.on(STREAM, Played(pieces(*parts, envelope("One is two and more.")), framing=framing))
    found = bench.service().query(question(), lambda text: None)
    assert (found.text, found.tokens) == ("One is two and more.", 63)
    bench.server.on(STREAM, Played(pieces(*parts), framing=framing, drop_at=len(pieces(*parts))))
    with pytest.raises(ReplyLost) as caught:
        bench.service().query(question(), lambda text: None)
    assert (caught.value.text, caught.value.tokens) == ("One is two and more.", None)


@pytest.mark.parametrize("changes", [{"status": 500, "error_ref": "r-1"}, {"error": {"code": "cut"}}])
def test_a_failure_that_tells_its_bill_is_debited(server, changes):
    server.on(QUERY, envelope("half of it", provenance={"model": MODEL}, **changes))
    with pytest.raises(ReplyLost, match=r"it was billed 63 tokens\.$") as caught:
        asksage_jupyter.ask("Why?")
    assert caught.value.text == "half of it"
    balance = asksage_jupyter.balance().inference
    assert (balance.used, balance.held) == (411 + 63, 0)
    (call,) = asksage_jupyter.usage().to_dict("records")
    assert (call["tokens"], call["source"], call["status"]) == (63, "billed", "lost")


def test_an_upload_that_fails_and_tells_its_bill_is_debited(server):
    failed = {"response": "broke", "status": 500, "usage": {"asksage_tokens": 7}}
    server.on("/server/train", failed)
    server.on("/server/get-datasets", {"response": ["notes"], "status": 200})
    with pytest.raises(ReplyLost, match="it was billed 7 tokens"):
        asksage_jupyter.train("Holds are set aside.", "notes")
    balance = asksage_jupyter.balance().training
    assert (balance.used, balance.held) == (7, 0)


# -- streams ----------------------------------------------------------------------------------------------


def streamed(bench, body, **options):
    bench.server.on(STREAM, Played(body, **options))
    told = []
    return bench.service().query(question(), told.append), told


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("missing", range(1, 10))
def test_a_whole_reply_counts_though_its_separator_was_cut(bench, framing, missing):
    body = pieces({"message": "One"}, envelope("One two"))
    found, _ = streamed(bench, body, framing=framing, drop_at=len(body) - missing)
    assert (found.text, found.tokens) == ("One two", 63)


@pytest.mark.parametrize("odd", [b"null", b"[]", b'"ping"', b": ping"])
def test_a_piece_that_cannot_be_read_costs_no_reply_whose_bill_is_there(bench, odd):
    found, _ = streamed(bench, pieces({"message": "One"}, odd, envelope("One two")))
    assert (found.text, found.tokens) == ("One two", 63)
    with pytest.raises(ReplyLost, match="could not be read") as caught:
        streamed(bench, pieces({"message": "One"}, odd, {"message": " two"}))
    assert caught.value.text == "One two"


@pytest.mark.parametrize("text", ["Sorry, the plan has ended.", "Your monthly token quota is used up."])
@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_a_notice_in_a_stream_is_neither_shown_nor_an_answer(bench, text, ahead):
    notice, told = envelope(text, type="teach", usage=None), []
    bench.server.on(STREAM, Played(pieces(*[notice] * ahead, notice)))
    with pytest.raises(Refused):
        bench.service().query(question(), told.append)
    assert not told


# -- lists ------------------------------------------------------------------------------------------------

WRAPPED = {
    "bare": lambda rows: rows,
    "carried": lambda rows: {"response": rows, "status": 200},
    "in an object": lambda rows: {"response": {"total": 1, "rows": rows}, "status": "200"},
    "beside": lambda rows: {"response": "OK", "data": rows, "status": 200},
    "beside, in an object": lambda rows: {"status": 200, "data": {"rows": rows}},
}
LISTED = {
    "/server/get-models": (
        {"id": "m", "aliases": ["a"], "token_conversion_rate": None},
        lambda service: [model.id for model in service.models()],
        ["m"],
    ),
    "/server/get-datasets": (
        {"dataset": "notes", "is_tabular": False},
        lambda service: service.datasets(),
        ["notes"],
    ),
    "/server/get-plugins": (
        {"plugin_name": "S", "fields": None},
        lambda service: [plugin.name for plugin in service.plugins()],
        ["S"],
    ),
    "/server/get-personas": (
        {"id": "1", "name": "P", "description": None},
        lambda service: [persona.id for persona in service.personas()],
        [1],
    ),
    "/user/get-user-logs": (
        {"id": "7", "date_time": "2026-09-26T04:04:43Z", "total_tokens": "63", "teach": "False"},
        lambda service: [(row.id, row.tokens, row.teach) for row in service.log()],
        [(7, 63, False)],
    ),
    "/user/get-my-token-requests": (
        {"requested_amount": "500", "status": "pending", "token_type": "training", "created_at": None},
        lambda service: [(each.tokens, each.meter) for each in service.token_requests()],
        [(500, "training")],
    ),
    "/user/admin-get-all-users-with-tokens": (
        {"email": "A@b.c", "max_tokens": "500"},
        lambda service: [(user.email, user.limits.inference) for user in service.users()],
        [("a@b.c", 500)],
    ),
}


@pytest.mark.parametrize("path", LISTED)
@pytest.mark.parametrize("how", WRAPPED)
def test_a_list_is_found_however_it_is_wrapped(bench, path, how):
    row, read, found = LISTED[path]
    bench.server.on(path, Played(json.dumps(WRAPPED[how]([row])).encode()))
    assert read(bench.service()) == found


def test_a_list_within_what_is_listed_is_not_the_list(bench):
    bench.server.on("/server/get-models", {"response": {"m": {"aliases": ["a"]}}, "status": 200})
    with pytest.raises(Refused, match="is no list"):
        bench.service().models()


@pytest.mark.parametrize(
    ("state", "known"),
    [("Completed", "succeeded"), ("done", "succeeded"), ("ERROR", "failed"), ("new", "running")],
)
def test_a_job_is_over_in_whichever_words(bench, state, known):
    told = {"response": {"status": state, "error": {"code": "x", "message": "unreadable"}}, "status": 200}
    bench.server.on("/server/train-with-file-status", told)
    job = bench.service().training_job("j")
    assert (job.state, job.told) == (known, "unreadable" if known != "running" else "")
