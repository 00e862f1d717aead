"""What has an effect beside queries: uploads, plugins, follow-up questions, requests for tokens, datasets."""

import json
import traceback
from contextlib import closing
from email import message_from_bytes
from email.policy import HTTP

import httpx
import pytest
from scripted import EMAIL, EXCHANGE, KEY, Bench, Played, envelope, pieces

from asksage_jupyter.account import Meter
from asksage_jupyter.errors import (
    AskSageError,
    BadInput,
    BadKey,
    NoRoute,
    NotReached,
    Refused,
    ReplyLost,
    Unavailable,
)
from asksage_jupyter.service import Plugin, Trained

TRAIN, TRAIN_FILE = "/server/train", "/server/train-with-file"
PLUGINS, EXECUTE, FOLLOW_UP = "/server/get-plugins", "/server/execute-plugin", "/server/follow-up-questions"
REQUEST, ADD = "/user/request-tokens", "/user/add-dataset"
TOOK = {"response": "Content was added.", "embedding": "[0.1, 0.2]", "status": 200}
BAD = {"response": "Token is invalid [1]", "status": 400}
TEXT, REPLY, JWT = "TEXT-9f3a", "REPLY-77c1", "JWT-31aa"


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        bench.server.on(EXCHANGE, {"response": {"access_token": JWT}, "status": "200"})
        yield bench


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "nötes.txt"
    path.write_text(TEXT)
    return path


def form_of(request):
    """The fields of a multipart request; a file as its name and content."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.content, policy=HTTP).iter_parts()
    return {
        part.get_param("name", header="content-disposition"): (
            (part.get_filename(), part.get_payload(decode=True))
            if part.get_filename()
            else part.get_payload(decode=True).decode()
        )
        for part in parts
    }


# -- every route that has an effect, by the same rules ----------------------------------------------------

CALLS = {
    TRAIN: lambda service, path: service.train(TEXT, "notes", context=TEXT),
    TRAIN_FILE: lambda service, path: service.train_file(path, "notes"),
    EXECUTE: lambda service, path: service.execute_plugin("summary", {"text": TEXT}, "gpt-5"),
    FOLLOW_UP: lambda service, path: service.follow_up(TEXT, "gpt-5"),
    REQUEST: lambda service, path: service.request_tokens(5_000, TEXT),
}
REFUSED = {
    "bad key": (BAD, BadKey),
    "a key told back": ({"response": f"{KEY} and {JWT} have no account", "status": 410}, Refused),
    "internal": ({"response": "Internal error", "status": 400}, Refused),
    "error member": ({"error": "filtered", "status": 200}, Refused),
    "413": (Played(b"<html>", status=413), Refused),
    "404": (Played(b"<html>", status=404), NoRoute),
    "redirect": (Played(b"", status=302, headers={"location": "https://elsewhere.example/"}), NotReached),
}
LOST = {
    "hangs up at once": Played(drop_at=-1),
    "drops in the body": Played(envelope(REPLY), drop_at=40),
    "502": Played(b"<html>", status=502),
    "504": Played(b"", status=504),
    "500 without a body": Played(b"<html>", status=500),
    "not JSON": Played(b"<html>Welcome to the guest network"),
    "empty": Played(b""),
    "null": Played(b"null"),
    "no gzip": Played(b"plain", headers={"content-encoding": "gzip"}),
    "a failure with a debit": Played(envelope("half a reply", status=500)),
}


def fails(bench, path, notes, reply, **options):
    bench.server.on(path, reply)
    with pytest.raises(AskSageError) as caught:
        CALLS[path](bench.service(email=EMAIL, **options), notes)
    frames = caught.value.__traceback__.tb_next.tb_next  # but for the test's own
    trace = traceback.TracebackException(type(caught.value), caught.value, frames, capture_locals=True)
    shown = repr(caught.value) + "".join(trace.format())
    assert not [hidden for hidden in (KEY, TEXT, REPLY, JWT) if hidden in shown]
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_certain_sent_once_and_shows_nothing(bench, notes, path, name):
    reply, kind = REFUSED[name]
    error = fails(bench, path, notes, reply)
    assert type(error) is kind
    # A token that is not accepted is renewed, once.
    assert len(bench.server.asked(path)) == (2 if kind is BadKey else 1)
    assert not bench.pauses


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("name", LOST)
def test_a_lost_reply_is_never_asked_for_again_and_shows_nothing(bench, notes, path, name):
    error = fails(bench, path, notes, LOST[name])
    assert type(error) is ReplyLost
    billed = "it was billed 63" if error.tokens else "may have been billed"
    assert ("may have arrived" if path == REQUEST else billed) in str(error)
    assert len(bench.server.asked(path)) == 1
    assert not bench.pauses


@pytest.mark.parametrize("path", CALLS)
def test_a_reply_that_stalls_is_lost(bench, notes, path):
    assert type(fails(bench, path, notes, Played(stall_at=-1), timeout_s=0.5)) is ReplyLost
    assert len(bench.server.asked(path)) == 1


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("busy", [Played(b"", status=429), {"response": "busy", "status": 503}])
def test_a_busy_service_is_asked_again_as_nothing_came_of_it(bench, notes, path, busy):
    assert type(fails(bench, path, notes, busy)) is Unavailable
    assert len(bench.server.asked(path)) == 3


class Interrupting(httpx.BaseTransport):
    """Raises KeyboardInterrupt in the middle of things, with the request in its locals as httpcore has it."""

    def handle_request(self, request):
        headers, content = request.headers.raw, request.read()
        raise KeyboardInterrupt(len(headers), len(content))


@pytest.mark.parametrize("path", CALLS)
def test_an_interrupt_shows_nothing_of_the_frames_it_came_through(bench, notes, path):
    with pytest.raises(KeyboardInterrupt) as caught:
        CALLS[path](bench.service(transport=Interrupting()), notes)
    frames = caught.value.__traceback__.tb_next.tb_next  # but for the test's own
    trace = traceback.TracebackException(KeyboardInterrupt, caught.value, frames, capture_locals=True)
    shown = "".join(trace.format())
    assert not [hidden for hidden in (KEY, TEXT) if hidden in shown]


# -- training ---------------------------------------------------------------------------------------------


def test_text_goes_to_the_dataset_under_the_services_names(bench):
    bench.server.on(TRAIN, TOOK)
    trained = bench.service().train("Holds come first. 😀", " notes ", context="a handbook")
    assert trained == Trained(None, None, "Content was added.")
    assert bench.server.requests[0].json == {
        "content": "Holds come first. 😀",
        "force_dataset": "notes",
        "context": "a handbook",
    }


def test_a_file_goes_to_the_dataset_as_a_form(bench, notes):
    bench.server.on(TRAIN_FILE, TOOK)
    assert bench.service().train_file(notes, "notes") == Trained(said="Content was added.")
    request = bench.server.requests[0]
    assert form_of(request)["dataset"] == "notes"
    assert TEXT.encode() in request.content and b'filename="n' in request.content


def test_a_bill_that_is_told_is_read(bench, notes):
    told = {**TOOK, "usage": {"asksage_tokens": "12"}, "uuid": "u-7"}
    for path in (TRAIN, TRAIN_FILE):
        bench.server.on(path, told)
    for trained in (bench.service().train(TEXT, "notes"), bench.service().train_file(notes, "notes")):
        assert (trained.tokens, trained.request_id) == (12, "u-7")
        assert "added" not in repr(trained)


@pytest.mark.parametrize(
    "reply", [{"status": 200}, {"response": None, "embedding": [[0.1]]}, {"response": "OK"}]
)
def test_an_upload_that_is_taken_without_a_word_is_taken(bench, reply):
    bench.server.on(TRAIN, reply)
    assert bench.service().train(TEXT, "notes") == Trained()


@pytest.mark.parametrize("member", ["response", "message"])
def test_an_upload_that_is_refused_with_sorry_was_not_billed(bench, member):
    words = "Sorry, you have used all of your training tokens for this month."
    bench.server.on(TRAIN, {"response": "OK", "embedding": None, "status": 200, member: words})
    with pytest.raises(Refused, match="all of your training tokens"):
        bench.service().train(TEXT, "notes")


def test_an_object_that_says_nothing_may_have_been_billed(bench):
    bench.server.on(TRAIN, {})
    with pytest.raises(ReplyLost):
        bench.service().train(TEXT, "notes")


def test_what_cannot_be_trained_is_not_sent(bench, notes, tmp_path):
    (tmp_path / "empty.txt").touch()
    service = bench.service()
    for send, told in (
        (lambda: service.train(" \n", "notes"), "no text"),
        (lambda: service.train(TEXT, " "), "name the dataset"),
        (lambda: service.train_file(notes, ""), "name the dataset"),
        (lambda: service.train_file(tmp_path / "empty.txt", "notes"), "is empty"),
        (lambda: service.train_file(tmp_path / "gone.txt", "notes"), "No such file"),
        (lambda: service.train_file(tmp_path, "notes"), "directory"),
    ):
        with pytest.raises(BadInput, match=told):
            send()
    assert not bench.server.requests


def test_a_file_that_is_too_large_says_so(bench, notes):
    bench.server.on(TRAIN_FILE, Played(b"<html>", status=413))
    with pytest.raises(Refused, match=r"too large.*Nothing was billed"):
        bench.service().train_file(notes, "notes")


# -- plugins ----------------------------------------------------------------------------------------------


def test_plugins_are_listed_with_the_names_of_their_values(bench):
    listed = [
        {
            "plugin_name": "summary",
            "title": "Sum up",
            "description": " Sums up. ",
            "fields": ["text", "", 5, "text"],
        },
        {"name": "table", "title": "Tables", "fields": [{"name": "url"}, {"label": "Rows"}, {}, None]},
        {"plugin_name": "json", "fields": '[{"id": "a"}, {"key": "b"}]', "prompt_template": None},
        {"plugin_name": "schema", "parameters": {"type": "object", "properties": {"q": {}, "n": {}}}},
        {"plugin_name": "odd", "fields": "{", "description": 5},
        {"plugin_name": "number", "fields": 5},
        "bare",
        {"title": "no name"},
        None,
    ]
    for reply in ({"response": listed, "status": 200}, listed, {"data": listed}):
        bench.server.on(PLUGINS, reply)
        assert bench.service().plugins() == [
            Plugin("summary", "Sums up.", ("text",)),
            Plugin("table", "Tables", ("url", "Rows")),
            Plugin("json", "", ("a", "b")),
            Plugin("schema", "", ("q", "n")),
            Plugin("odd"),
            Plugin("number"),
            Plugin("bare"),
        ]


def test_a_list_of_plugins_that_is_none_raises(bench):
    bench.server.on(PLUGINS, {"response": "OK", "status": 200})
    with pytest.raises(Refused, match="no list"):
        bench.service().plugins()


def test_a_plugin_is_run_by_a_form_that_asks_for_the_bill(bench):
    bench.server.on(EXECUTE, envelope("\n\nDone."))
    answer = bench.service().execute_plugin("summary", {"text": "Grüße 😀", "n": "3"}, "gpt-5")
    assert (answer.text, answer.tokens, answer.request_id) == ("Done.", 63, "u-1")
    fields = form_of(bench.server.requests[0])
    assert json.loads(fields.pop("plugin_values")) == {"text": "Grüße 😀", "n": "3"}
    assert fields == {"plugin_name": "summary", "model": "gpt-5", "live": "0", "usage": "true"}


PLAIN = {"content-type": "text/plain; charset=utf-8"}


@pytest.mark.parametrize(
    ("reply", "tokens"),
    [
        (
            Played(
                pieces({"message": "Two "}, {"message": "words."}, envelope("Two words.")), framing="chunked"
            ),
            63,
        ),
        (Played(pieces({"message": "Two "}, {"message": "words."}), framing="chunked"), None),
        (Played(b"\n\nTwo words.", headers=PLAIN), None),
        (Played(b"Two words.", headers=PLAIN, framing="chunked"), None),
        ({"response": "Two words.", "status": 200}, None),
        ({"response": "Two words.", "usage": {"asksage_tokens": 9}}, 9),
        ("Two words.", None),
    ],
)
def test_a_plugins_reply_is_read_in_every_form(bench, reply, tokens):
    bench.server.on(EXECUTE, reply)
    answer = bench.service().execute_plugin("summary", {}, "gpt-5")
    assert (answer.text, answer.tokens) == ("Two words.", tokens)


def test_a_plain_reply_whose_end_nothing_tells_is_lost_with_its_text(bench):
    bench.server.on(EXECUTE, Played(b"Two wo", headers=PLAIN, framing="close"))
    with pytest.raises(ReplyLost) as caught:
        bench.service().execute_plugin("summary", {}, "gpt-5")
    assert caught.value.text == "Two wo"


def test_a_plugin_that_fails_after_its_first_words_may_have_been_billed(bench):
    bench.server.on(EXECUTE, Played(pieces({"message": "Two"}, {"error": "overloaded"}), framing="chunked"))
    with pytest.raises(ReplyLost) as caught:
        bench.service().execute_plugin("summary", {}, "gpt-5")
    assert caught.value.text == "Two"
    assert len(bench.server.requests) == 1


def test_a_plugin_that_is_sorry_without_a_bill_was_not_billed(bench):
    bench.server.on(EXECUTE, envelope("Sorry, you are not authorized.", usage=None))
    with pytest.raises(Refused, match="not authorized"):
        bench.service().execute_plugin("summary", {}, "gpt-5")


# -- follow-up questions ----------------------------------------------------------------------------------

ASKED = ["What is a hold?", "Who pays?"]


@pytest.mark.parametrize(
    "reply",
    [
        envelope("1. What is a hold?\n2) Who pays?\n"),
        envelope("Here are some:\n\n- What is a hold?\n* Who pays?"),
        envelope(json.dumps(ASKED)),
        envelope(None, response=ASKED),
        {"response": [*ASKED, "", 5], "status": 200},
        {"response": '"What is a hold?"\n"Who pays?"', "status": 200},
        ASKED,
    ],
)
def test_questions_are_found_in_every_shape(bench, reply):
    bench.server.on(FOLLOW_UP, reply)
    assert bench.service().follow_up("Holds.", "gpt-5").text.splitlines() == ASKED
    assert bench.server.requests[0].json == {
        "message": "Holds.",
        "model": "gpt-5",
        "dataset": "none",
        "usage": True,
    }


def test_lines_that_are_no_questions_are_better_than_none(bench):
    bench.server.on(FOLLOW_UP, envelope("Tell me of holds\nTell me of bills"))
    assert bench.service().follow_up("Holds.", "gpt-5").text.splitlines() == [
        "Tell me of holds",
        "Tell me of bills",
    ]


def test_a_follow_up_that_is_refused_with_sorry_raises(bench):
    bench.server.on(FOLLOW_UP, envelope("Sorry, no message.", usage=None))
    with pytest.raises(Refused, match="no message"):
        bench.service().follow_up("Holds.", "gpt-5")


# -- requests for tokens, datasets ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "state", "said"),
    [
        ({"response": "Request\nsubmitted.", "status": 200}, "", "Request submitted."),
        ({"response": {"message": "Approved.", "id": 3}, "status": 200}, "", "Approved."),
        ({"response": {"status": "approved"}, "status": "200"}, "approved", ""),
        ({"response": "OK", "message": "Approved.", "status": 200}, "", "Approved."),
        ({"response": "OK", "status": 200}, "", ""),
        ({"response": f"{KEY} is yours", "status": 200}, "", "… is yours"),
        ({"request_id": "r-1", "status": "pending", "old_tokens": 5, "new_tokens": 5}, "pending", ""),
    ],
)
def test_a_request_for_tokens_tells_its_state_and_the_services_own_words(bench, reply, state, said):
    bench.server.on(REQUEST, reply)
    asked = bench.service(email=EMAIL).request_tokens(5_000, " a deadline ", Meter.TRAINING)
    assert (asked.tokens, asked.meter, asked.state, asked.said) == (5_000, "training", state, said)
    sent = {"requested_amount": 5_000, "token_type": "training", "reason": "a deadline"}
    assert bench.server.asked(REQUEST)[0].json == sent


@pytest.mark.parametrize(("amount", "reason"), [(0, "x"), (-5, "x"), (5, "x" * 501)])
def test_a_request_that_cannot_be_made_is_not_sent(bench, amount, reason):
    with pytest.raises(BadInput):
        bench.service(email=EMAIL).request_tokens(amount, reason)
    assert not bench.server.requests


@pytest.mark.parametrize("path", [REQUEST, ADD])
def test_what_the_key_alone_does_not_open_names_the_setting(bench, path):
    bench.server.on(path, BAD)
    service = bench.service()
    with pytest.raises(Refused, match="ASKSAGE_EMAIL") as caught:
        service.request_tokens(5, "x") if path == REQUEST else service.add_dataset("notes")
    assert type(caught.value) is Refused


@pytest.mark.parametrize(("cui", "classification"), [(False, "Unclassified"), (True, "CUI")])
@pytest.mark.parametrize("path", [ADD, "/server/add-dataset"])
def test_a_dataset_is_created_under_whichever_path_the_tenant_has(bench, path, cui, classification):
    bench.server.on(path, {"response": "Dataset added", "status": 200})
    assert bench.service(email=EMAIL).add_dataset(" notes ", cui=cui) is cui
    assert bench.server.asked(path)[0].json == {"dataset": "notes", "classification": classification}


@pytest.mark.parametrize("name", ["abc", "  abc ", "x" * 100])
def test_a_name_that_no_dataset_can_have_is_not_sent(bench, name):
    with pytest.raises(BadInput, match="4 to 99 characters"):
        bench.service(email=EMAIL).add_dataset(name)
    assert not bench.server.requests


def test_a_name_with_cui_in_it_makes_it_one_for_cui(bench):
    bench.server.on(ADD, {"response": "OK", "status": 200})
    assert bench.service(email=EMAIL).add_dataset("MyCUInotes") is True
    assert bench.server.asked(ADD)[0].json["classification"] == "CUI"


def test_a_dataset_is_asked_for_again_after_a_fault_and_never_without_a_name(bench):
    bench.server.on(ADD, Played(drop_at=-1), {"response": "Dataset added", "status": 200})
    bench.service(email=EMAIL).add_dataset("notes")
    assert len(bench.server.asked(ADD)) == 2
    with pytest.raises(BadInput):
        bench.service(email=EMAIL).add_dataset(" ")
    bench.server.on(ADD, {"response": "Dataset exists.", "status": 400})
    with pytest.raises(Refused, match="exists"):
        bench.service(email=EMAIL).add_dataset("notes")
