"""Plain queries: what is sent, what is understood, and which failures can have been billed."""

import json
from contextlib import closing

import pytest
from scripted import EMAIL, EXCHANGE, KEY, QUERY, Bench, Played, envelope, question

from asksage_jupyter.errors import BadInput, BadKey, NoRoute, NotReached, Refused, ReplyLost, Unavailable
from asksage_jupyter.service import Answer


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        yield bench


# -- what is sent -----------------------------------------------------------------------------------------


def test_a_query_says_every_frugal_default(bench):
    bench.server.on(QUERY, envelope())
    bench.service().query(question())
    assert bench.server.asked(QUERY)[0].json == {
        "message": "What is a hold?",
        "model": "google-claude-45-haiku",
        "dataset": "none",
        "live": 0,
        "limit_references": 0,
        "usage": True,
    }


def test_every_option_is_sent_under_the_services_name(bench):
    bench.server.on(QUERY, envelope())
    bench.service().query(
        question(
            system="Be brief.",
            persona=7,
            dataset="user_custom_1_notes_content",
            live=2,
            temperature=0.25,
            reasoning="low",
            history=(("Who?", "Ada."), ("When?", "1843.")),
        )
    )
    sent = bench.server.asked(QUERY)[0].json
    assert (sent["system_prompt"], sent["persona"], sent["live"]) == ("Be brief.", 7, 2)
    assert (sent["temperature"], sent["reasoning_effort"]) == (0.25, "low")
    assert sent["dataset"] == "user_custom_1_notes_content"
    assert "limit_references" not in sent  # which would keep the dataset out
    assert sent["message"] == [
        {"user": "me", "message": "Who?"},
        {"user": "gpt", "message": "Ada."},
        {"user": "me", "message": "When?"},
        {"user": "gpt", "message": "1843."},
        {"user": "me", "message": "What is a hold?"},
    ]


def test_a_file_goes_as_a_form_beside_the_same_fields(bench, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"\x00\xffsome bytes")
    bench.server.on(QUERY, envelope())
    bench.service().query(question(file=path, history=(("a", "b"),)))
    received = bench.server.asked(QUERY)[0]
    assert received.headers["content-type"].startswith("multipart/form-data")
    assert b'filename="notes.txt"' in received.content
    assert b"\x00\xffsome bytes" in received.content
    assert b'name="usage"\r\n\r\ntrue' in received.content
    assert b'[{"user": "me", "message": "a"}' in received.content


def test_a_file_that_cannot_be_read_sends_nothing(bench, tmp_path):
    with pytest.raises(BadInput, match=r"absent\.txt"):
        bench.service().query(question(file=tmp_path / "absent.txt"))
    assert not bench.server.requests


@pytest.mark.parametrize("as_form", [False, True])
def test_any_text_can_be_sent(bench, tmp_path, as_form):
    path = tmp_path / "empty"
    path.touch()
    bench.server.on(QUERY, envelope())
    bench.service().query(question("é 😀 \ud83d\ude00 lone \ud800 end", file=path if as_form else None))
    content = bench.server.asked(QUERY)[0].content
    assert "é 😀 😀 lone \ufffd end".encode() in content


def test_without_an_email_the_key_itself_signs(bench):
    bench.server.on(QUERY, envelope())
    bench.service().query(question())
    assert [request.path for request in bench.server.requests] == [QUERY]
    assert bench.server.requests[0].token == KEY


# -- what is understood -----------------------------------------------------------------------------------


def test_a_recorded_reply_is_read(bench):
    bench.server.on(QUERY, envelope(references="[1] a page"))
    assert bench.service().query(question()) == Answer(
        text="OK",
        model="google-claude-45-haiku",
        tokens=63,
        input_tokens=820,
        output_tokens=4,
        request_id="u-1",
        references="[1] a page",
    )


@pytest.mark.parametrize(
    ("usage", "figures"),
    [
        ({"asksage_tokens": " 411 "}, (411, None, None)),
        ({"asksage_tokens": "933", "model_tokens": None}, (933, None, None)),
        ({"asksage_tokens": 63.0, "model_tokens": {"prompt_tokens": "820"}}, (63, 820, None)),
        ({"asksage_tokens": 62.1}, (63, None, None)),
        ({"prompt_tokens": 12, "completion_tokens": 0}, (None, 12, 0)),
        ({"asksage_tokens": 0, "model_tokens": {"prompt_tokens": 0, "completion_tokens": 0}}, (0, 0, 0)),
        ({"asksage_tokens": True}, (None, None, None)),
        ({"asksage_tokens": -5}, (None, None, None)),
        ({"asksage_tokens": "many"}, (None, None, None)),
        ({"asksage_tokens": 10**30}, (None, None, None)),
        ({"asksage_tokens": "9" * 5000}, (None, None, None)),
        ("63", (None, None, None)),
        ([], (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_figures_are_read_in_every_shape(bench, usage, figures):
    bench.server.on(QUERY, envelope(usage=usage))
    answer = bench.service().query(question())
    assert (answer.tokens, answer.input_tokens, answer.output_tokens) == figures
    assert answer.text == "OK"


def test_a_bare_reply_of_an_older_tenant_is_read(bench):
    bench.server.on(QUERY, {"response": "OK", "message": "Yes.", "status": "200"})
    assert bench.service().query(question()) == Answer("Yes.")


@pytest.mark.parametrize(
    "changes",
    [
        {"provenance": []},
        {"provenance": {"model": 5}, "uuid": 7},
        {"references": None},
        {"references": ["x"]},
    ],
)
def test_members_of_a_wrong_type_count_as_absent(bench, changes):
    bench.server.on(QUERY, envelope(**changes))
    assert bench.service().query(question()).text == "OK"


def test_a_paid_reply_without_text_is_an_answer(bench):
    bench.server.on(QUERY, envelope(message=None))
    answer = bench.service().query(question())
    assert (answer.text, answer.tokens) == ("", 63)


def test_a_paid_answer_may_begin_with_sorry(bench):
    bench.server.on(QUERY, envelope("Sorry, I was wrong."))
    assert bench.service().query(question()).text == "Sorry, I was wrong."


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("\n\nOK", "OK"),
        ("\n  \n    x = 1\n", "    x = 1\n"),
        ("  x", "  x"),
        ("\r\n\r\nOK\n\n", "OK\n\n"),
        ("\n", ""),
    ],
)
def test_blank_lines_ahead_of_the_text_are_left_out_but_no_indentation(bench, message, text):
    bench.server.on(QUERY, envelope(message))
    assert bench.service().query(question()).text == text


def test_the_services_clock_is_heard_with_each_reply(bench):
    bench.server.on(QUERY, Played(envelope()))
    dates = []
    service = bench.service(on_date=dates.append)
    service.query(question())
    assert service.host == "127.0.0.1"
    assert [date.utcoffset().total_seconds() for date in dates] == [0]


# -- certainly not billed ---------------------------------------------------------------------------------


def sorry(message):
    return Played(envelope(message, usage=None))


def refusal(response, status, http=200):
    return Played({"response": response, "status": status}, status=http)


REFUSALS = {
    "bad key": (refusal("Token is invalid [1]", 400), BadKey, 400, "Token is invalid"),
    "bad key 2": (refusal("Token is invalid [2]", "400"), BadKey, 400, "ASKSAGE_API_KEY"),
    "http 401": (Played(b"no", status=401), BadKey, 401, "login"),
    "no account": (refusal("No account.", 410), Refused, 410, "No account"),
    "internal": (refusal("Internal error", 400), Refused, 400, "Internal error"),
    "error member": (Played(envelope(error="filtered", usage=None)), Refused, 200, "filtered"),
    "error object": (Played(envelope(error={"message": "deep"}, usage=None)), Refused, 200, "deep"),
    "not authorized": (sorry("Sorry, you are not authorized."), Refused, 200, "not authorized"),
    "model gone": (sorry("Sorry, this model is no longer available."), Refused, 200, "no longer"),
    "no figures": (Played(envelope("Sorry, no message.", usage={})), Refused, 200, "no message"),
    "too large": (Played(b"", status=413), Refused, 413, "too large"),
    "other 4xx": (Played(b"<html>", status=403), Refused, 403, "403"),
    "no route": (Played(b"<html>", status=404), NoRoute, 404, "/server/query"),
    "no method": (Played(b"", status=405), NoRoute, 405, "ASKSAGE_URL"),
    "redirect": (
        Played(b"", status=302, headers={"location": "https://elsewhere.example/x?y"}),
        NotReached,
        302,
        "https://elsewhere.example ",
    ),
    "redirect to nowhere": (Played(b"", status=307), NotReached, 307, "redirects"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_certain_and_sent_once(bench, name):
    played, kind, status, told = REFUSALS[name]
    bench.server.on(QUERY, played)
    with pytest.raises(Refused, match=told) as caught:
        bench.service().query(question())
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert "\n" not in str(caught.value)
    assert len(bench.server.requests) == 1
    assert not bench.pauses


BUSY = {
    "429": Played(b"slow down", status=429),
    "503": Played(b"<html>", status=503),
    "503 in the body": Played({"response": "busy", "status": 503}),
    "overloaded": sorry("Sorry, the model is overloaded."),
}


@pytest.mark.parametrize("name", BUSY)
def test_a_busy_service_is_asked_again_a_few_times(bench, name):
    bench.server.on(QUERY, BUSY[name])
    with pytest.raises(Unavailable, match="nothing was billed"):
        bench.service().query(question())
    assert len(bench.server.requests) == 3
    assert 0.25 <= bench.pauses[0] <= 0.5
    assert 0.75 <= bench.pauses[1] <= 1.5


def test_a_service_that_recovers_answers(bench):
    bench.server.on(QUERY, BUSY["429"], BUSY["overloaded"], envelope())
    assert bench.service().query(question()).text == "OK"
    assert len(bench.pauses) == 2


def test_an_unreachable_host_is_certain(bench):
    service = bench.service()
    bench.server.close()
    with pytest.raises(Unavailable, match="cannot reach"):
        service.query(question())
    assert len(bench.pauses) == 2


def test_the_services_words_come_as_they_are_on_one_short_line(bench):
    words = "You have\nno tokens   left. " + "x" * 1000
    bench.server.on(QUERY, {"response": words, "status": 402})
    with pytest.raises(Refused) as caught:
        bench.service().query(question())
    assert "You have no tokens left. xxx" in str(caught.value)
    assert len(str(caught.value)) < 400


# -- perhaps billed: never sent again ---------------------------------------------------------------------

LOST = {
    "hangs up at once": Played(drop_at=-1),
    "drops in the body": Played(envelope(), drop_at=40),
    "drops in a chunked body": Played(envelope(), framing="chunked", drop_at=40),
    "ends early without framing": Played(envelope(), framing="close", drop_at=40),
    "502": Played(b"<html>", status=502),
    "504": Played(b"", status=504),
    "500 without a body": Played(b"<html>Internal Server Error", status=500),
    "500 with a body": Played({"response": "Oops", "status": 500}, status=500),
    "500 in the body": Played({"response": "Oops", "status": "500", "error_ref": "r-1"}),
    "502 in the body": Played({"response": "Oops", "status": 502}),
    "not JSON": Played(b"<html>Welcome to the guest network"),
    "not UTF-8": Played(b'{"message": "\xff"}'),
    "empty": Played(b""),
    "null": Played(b"null"),
    "a list": Played(b"[]"),
    "a redirect to no address": Played(b"", status=301, headers={"location": "https://[::1"}),
    "no text and no bill": Played({"response": "OK", "status": 200}),
    "nested too deep": Played(b"[" * 100_000),
    "not gzip": Played(b"plain", headers={"content-encoding": "gzip"}),
    "a failure with a debit": Played(envelope("half a reply", status=500)),
}


@pytest.mark.parametrize("name", LOST)
def test_a_lost_reply_may_have_been_billed_and_is_not_asked_for_again(bench, name):
    bench.server.on(QUERY, LOST[name])
    with pytest.raises(ReplyLost, match=r"(it was|may have been) billed"):
        bench.service().query(question())
    assert len(bench.server.requests) == 1
    assert not bench.pauses


@pytest.mark.parametrize("stall_at", [-1, 0, 40])
def test_a_reply_that_stalls_is_lost(bench, stall_at):
    bench.server.on(QUERY, Played(envelope(), stall_at=stall_at))
    with pytest.raises(ReplyLost, match="in time"):
        bench.service(timeout_s=0.5).query(question())
    assert len(bench.server.requests) == 1


def test_a_slow_but_steady_reply_arrives(bench):
    content = json.dumps(envelope()).encode()
    bench.server.on(QUERY, Played(content, cuts=tuple(range(1, len(content)))))
    assert bench.service().query(question()).tokens == 63


def test_a_failure_with_a_debit_keeps_what_was_said(bench):
    bench.server.on(QUERY, LOST["a failure with a debit"])
    with pytest.raises(ReplyLost) as caught:
        bench.service().query(question())
    assert (caught.value.text, caught.value.tokens) == ("half a reply", 63)
    assert "half" not in str(caught.value)  # what a model wrote is no word of the service's


def test_a_connection_that_the_server_closed_in_between_is_not_used_again(bench):
    bench.server.on(QUERY, Played(envelope(), framing="close"))
    service = bench.service()
    assert [service.query(question()).tokens for _ in range(3)] == [63, 63, 63]


def test_a_token_that_cannot_be_fetched_means_that_nothing_was_billed(bench):
    bench.server.on(EXCHANGE, Played(b"", drop_at=-1))
    with pytest.raises(Unavailable):
        bench.service(email=EMAIL).query(question())
    assert not bench.server.asked(QUERY)
