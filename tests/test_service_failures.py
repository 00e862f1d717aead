"""What the service's failures mean: tokens used up, a rate limit, a key, a route, a code, a wait."""

import json
from contextlib import closing
from email.utils import formatdate

import pytest
from httpx import Response
from scripted import EMAIL, EXCHANGE, QUERY, STREAM, Bench, Played, envelope, pieces, question

from asksage_jupyter.errors import (
    AskSageError,
    BadKey,
    NoRoute,
    OutOfTokens,
    Refused,
    ReplyLost,
    Unavailable,
)
from asksage_jupyter.service.replies.meaning import Meaning, limit_named, meaning_of
from asksage_jupyter.service.replies.pausing import told_s

TRAIN, EXECUTE, FOLLOW_UP = "/server/train", "/server/execute-plugin", "/server/follow-up-questions"
MODELS = "/server/get-models"
CALLS = {
    QUERY: lambda service: service.query(question()),
    STREAM: lambda service: service.query(question(), lambda text: None),
    TRAIN: lambda service: service.train("Holds.", "notes"),
    EXECUTE: lambda service: service.execute_plugin("summary", {}, "gpt-5"),
    FOLLOW_UP: lambda service: service.follow_up("Holds.", "gpt-5"),
    MODELS: lambda service: service.models(),
}


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        bench.server.on(EXCHANGE, {"response": {"access_token": "jwt-1"}, "status": "200"})
        yield bench


def fails(bench, path, reply, **options):
    bench.server.on(path, reply)
    with pytest.raises(AskSageError) as caught:
        CALLS[path](bench.service(**options))
    assert "\n" not in str(caught.value)
    return caught.value


# -- out of tokens ----------------------------------------------------------------------------------------

USED_UP = {
    "429": Played({"response": "Token quota exceeded for the user or plan", "status": 429}, status=429),
    "429 in the body": {"response": "Quota exceeded.", "status": 429},
    "400": Played({"response": "token limit exceeded", "status": 400}, status=400),
    "400 in the body": {"response": "Monthly token limit reached", "status": "400"},
    "of a provider": Played({"error": {"message": "You exceeded your current quota."}}, status=429),
    "a code": Played({"error": {"code": "insufficient_quota", "message": None}}, status=429),
    "402": Played({"response": "Payment required"}, status=402),
    "403": Played({"response": "Your organization is out of tokens.", "status": 403}),
    "500": Played({"response": "The tenant's token pool is exhausted", "status": 500}),
    "expired": {"response": "Your monthly token budget has expired", "status": 400},
    "sorry": envelope("Sorry, you have used all of your tokens for this month.", usage=None),
}


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("name", USED_UP)
def test_tokens_that_are_used_up_are_told_as_such_and_sent_once(bench, path, name):
    if path == MODELS and name == "sorry":
        pytest.skip("a list is no text")
    error = fails(bench, path, USED_UP[name], email=EMAIL)
    assert type(error) is OutOfTokens
    assert "Nothing was billed" in str(error) and "%asksage request N" in str(error)
    asked = [request for request in bench.server.asked(path) if "format" not in request.path]
    assert len(asked) == 1
    assert not bench.pauses


def test_a_notice_of_the_service_without_sorry_is_none_of_a_models_words(bench):
    words = "Your token quota is exceeded."
    error = fails(bench, QUERY, envelope(words, usage=None, type="teach"))
    assert (type(error), error.told, error.limit) == (OutOfTokens, words, "yours")
    bench.server.on(QUERY, envelope(words, usage=None))
    assert bench.service().query(question()).text == words


def test_a_debit_beside_the_words_may_have_been_billed(bench):
    assert type(fails(bench, QUERY, envelope("half", status=429, response="quota"))) is ReplyLost


@pytest.mark.parametrize(
    ("words", "whose"),
    [
        ("Token quota exceeded for the user or plan", "yours or the plan's"),
        ("Your organization's monthly limit has been reached", "the pool's"),
        ("Your plan's limit is reached", "the plan's"),
        ("You are out of tokens", ""),
    ],
)
def test_whose_limit_it_is_comes_from_the_words(bench, words, whose):
    assert limit_named(words) == whose
    error = fails(bench, QUERY, {"response": words, "status": 429})
    assert (error.limit, error.status) == (whose, 429)
    assert (f"the limit is {whose}" if whose else "whose limit is not told") in str(error)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("Invalid number of tokens: 300000 > 200000", Meaning.OTHER),
        ("invalid context token window", Meaning.OTHER),
        ("Invalid token count: 5", Meaning.OTHER),
        ("This model's maximum context length is 8192 tokens", Meaning.OTHER),
        ("input token limit exceeded", Meaning.OTHER),
        ("chunk-count cap exceeded", Meaning.OTHER),
        ("Dataset limit reached", Meaning.OTHER),
        ("Missing required fields", Meaning.OTHER),
        ("Rate limit reached for tokens per min (TPM)", Meaning.BUSY),
        ("rate_limit_exceeded", Meaning.BUSY),
        ("Quota exceeded for requests per minute", Meaning.BUSY),
        ("The model is overloaded", Meaning.BUSY),
        ("Token is invalid [2]", Meaning.BAD_KEY),
        ("a valid token is missing", Meaning.BAD_KEY),
        ("invalid_api_key", Meaning.BAD_KEY),
        ("Token has expired", Meaning.BAD_KEY),
        ("Your access token has expired", Meaning.BAD_KEY),
        ("Not enough tokens", Meaning.OUT_OF_TOKENS),
        ("billing_hard_limit_reached", Meaning.OUT_OF_TOKENS),
    ],
)
def test_words_mean_what_they_name(words, meaning):
    assert meaning_of(words) is meaning


@pytest.mark.parametrize(
    "words", ["Invalid number of tokens: 300000 > 200000", "invalid context token window"]
)
def test_words_about_tokens_are_no_bad_key_and_no_new_token_is_asked_for(bench, words):
    error = fails(bench, QUERY, {"response": words, "status": 400}, email=EMAIL)
    assert type(error) is Refused and words in str(error)
    assert len(bench.server.asked(QUERY)) == len(bench.server.asked(EXCHANGE)) == 1


# -- busy, and how long -----------------------------------------------------------------------------------


def busy(headers=(), **body):
    return Played({"response": "rate limit exceeded", "status": 429, **body}, 429, dict(headers))


@pytest.mark.parametrize("path", [QUERY, STREAM, TRAIN, MODELS])
def test_a_short_wait_that_is_told_is_kept(bench, path):
    bench.server.on(path, busy({"retry-after": "7"}))
    bench.server.on(f"{path}?format=full", busy({"retry-after": "7"}))
    with pytest.raises(Unavailable, match="try again in 7 s") as caught:
        CALLS[path](bench.service())
    assert type(caught.value) is Unavailable and caught.value.retry_after_s == 7
    assert bench.pauses == [7, 7]


def test_a_wait_may_be_told_as_a_date_by_the_services_own_clock():
    at = 1_700_000_000
    headers = {"date": formatdate(at, usegmt=True), "retry-after": formatdate(at + 9, usegmt=True)}
    assert told_s(Response(503, headers=headers)) == 9
    assert told_s(Response(503, headers={"retry-after": "soon"})) is None
    assert told_s(Response(503, headers={"retry-after": "-3"})) is None


@pytest.mark.parametrize(
    ("told", "said"), [("90", "in 90 s"), ("1200", "in 20 minutes"), ("86400", "in 24 hours")]
)
def test_a_long_wait_is_told_and_not_waited_for(bench, told, said):
    error = fails(bench, QUERY, busy({"retry-after": told}))
    assert said in str(error) and len(bench.server.requests) == 1
    assert not bench.pauses


def test_a_distribution_that_runs_is_waited_for_as_the_body_tells(bench):
    bench.server.on(QUERY, Played({"response": "distributing", "status": 409, "retry_after": 3}), envelope())
    assert bench.service().query(question()).text == "OK"
    assert bench.pauses == [3]


def test_what_may_have_been_billed_is_not_sent_again_whatever_it_says(bench):
    reply = Played({"response": "Oops", "status": 500}, 500, {"retry-after": "1"})
    assert type(fails(bench, QUERY, reply)) is ReplyLost
    assert len(bench.server.requests) == 1


# -- codes, references, routes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": {"code": "content_filter"}, "status": 200}, "content_filter"),
        ({"error": {"code": 1402}, "status": 400}, "1402"),
        ({"error": {"type": "content_policy", "message": ""}, "status": 400}, "content_policy"),
        ({"error": {"code": "filtered_x", "message": "It was filtered."}, "status": 400}, "It was filtered."),
        ({"detail": "Not like this", "status": 422}, "Not like this"),
        ({"error": "E_17", "response": "It failed.", "status": 400}, "It failed."),
    ],
)
def test_what_a_failure_tells_is_shown_be_it_only_a_code(bench, body, told):
    error = fails(bench, QUERY, body)
    assert type(error) is Refused and told in str(error)


def test_the_reference_of_a_failure_is_shown(bench):
    error = fails(bench, QUERY, {"response": "It failed", "status": 500, "error_ref": "ref-77"})
    assert type(error) is ReplyLost and "It failed (reference ref-77)" in str(error)


def test_what_is_free_and_fails_keeps_the_services_words_and_costs_nothing(bench):
    reply = {"response": "It failed", "status": 500, "error_ref": "ref-77"}
    error = fails(bench, MODELS, reply)
    assert type(error) is Unavailable and "It failed (reference ref-77)" in str(error)
    assert "costs nothing" in str(error) and "billed" not in str(error)


@pytest.mark.parametrize("http", [404, 405])
def test_a_refusal_in_the_services_own_words_is_no_missing_route(bench, http):
    bench.server.on(QUERY, envelope())
    reply = Played({"response": "No such persona.", "status": http}, status=http)
    error = fails(bench, STREAM, reply)
    assert type(error) is Refused and "No such persona." in str(error)
    assert not bench.server.asked(QUERY)


@pytest.mark.parametrize("body", [b"<html>", {"detail": "Not Found"}, {"message": "no Route matched"}])
def test_a_gateways_own_words_are_a_missing_route(bench, body):
    assert type(fails(bench, FOLLOW_UP, Played(body, status=404))) is NoRoute


def test_a_bad_key_is_still_one(bench):
    assert type(fails(bench, QUERY, {"response": "Token is invalid [2]", "status": 400})) is BadKey


# -- forms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["42", "[1, 2, 3]", '"quoted"', "plain"])
def test_a_message_beside_a_file_is_json_so_that_it_is_read_as_the_text_it_is(bench, tmp_path, prompt):
    path = tmp_path / "notes.txt"
    path.write_text("notes")
    bench.server.on(QUERY, envelope())
    bench.service().query(question(prompt, file=path))
    sent = bench.server.asked(QUERY)[0].content
    message = sent.split(b'name="message"\r\n\r\n')[1].split(b"\r\n--")[0]
    assert json.loads(message) == prompt


# -- streams ----------------------------------------------------------------------------------------------


def streamed(bench, *chunks):
    bench.server.on(STREAM, Played(pieces(*chunks), framing="chunked"))
    told = []
    return bench.service().query(question(), told.append).text, told


@pytest.mark.parametrize("parts", [("1", "1"), ("ha", "ha", "ha"), ("1", "10", "5"), ("a", "b", "ab")])
@pytest.mark.parametrize("closing", [None, ""])
def test_pieces_that_repeat_are_all_part_of_the_text(bench, parts, closing):
    text, _ = streamed(bench, *({"message": part} for part in parts), envelope(closing))
    assert text == "".join(parts)


LONG = "One two three four."


@pytest.mark.parametrize(
    ("chunks", "hears"),
    [
        ([LONG[:7], LONG[7:]], [LONG[:7], LONG]),
        ([LONG[:7], LONG], [LONG[:7], LONG]),
        ([f"\n\n{LONG[:7]}", LONG[7:]], [LONG[:7], LONG]),
        ([LONG], [LONG]),
    ],
)
@pytest.mark.parametrize("closing", [{}, {"usage": None}, {"usage": None, "uuid": None, "provenance": None}])
@pytest.mark.parametrize("ahead", ["", "\n\n"])
def test_a_closing_piece_that_repeats_all_is_heard_once(bench, chunks, hears, closing, ahead):
    yields = [{"message": chunk, "type": "yield", "provenance": None} for chunk in chunks]
    text, told = streamed(bench, *yields, envelope(ahead + LONG, **closing))
    assert (text, told) == (LONG, hears)
