"""Streamed queries: whatever a tenant's pieces carry, and wherever the network cuts them."""

import json
import threading
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import EMAIL, EXCHANGE, QUERY, SEPARATOR, STREAM, Bench, Played, envelope, pieces, question

from asksage_jupyter.errors import BadKey, Refused, ReplyLost, Unavailable
from asksage_jupyter.service.replies.wire import Body
from asksage_jupyter.service.routes.stream import Splitter, Transcript

LIMIT = settings(max_examples=150)


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        yield bench


def ask(bench, body, **options):
    """What `on_text` was told, and the answer."""
    bench.server.on(STREAM, body if isinstance(body, Played) else Played(body, framing="chunked", **options))
    told = []
    return told, bench.service().query(question(), told.append)


# -- pieces -----------------------------------------------------------------------------------------------

texts = st.text(st.sampled_from('aé€😀@|sep\n"\\ '), max_size=30) | st.just("@|@sep@|@")


@LIMIT
@given(st.lists(texts, min_size=1, max_size=5), st.data())
def test_pieces_are_the_same_wherever_the_reads_are_cut(messages, data):
    body = pieces(*({"message": text} for text in messages), trailing=data.draw(st.booleans()))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    splitter, found = Splitter(), []
    for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True):
        found += splitter.feed(body[start:stop])
    found.append(splitter.rest())
    assert [json.loads(piece)["message"] for piece in found if piece] == messages


@pytest.mark.long
def test_every_single_cut_of_a_stream_gives_the_same_answer(bench):
    body = pieces({"message": "\n\nHéllo @|@"}, {"message": "sep@|@ 😀"}, envelope("\n\nHéllo @|@sep@|@ 😀"))
    whole, answer = ask(bench, body)
    assert answer.text == "Héllo @|@sep@|@ 😀"
    for cut in range(1, len(body)):
        assert ask(bench, body, cuts=(cut,)) == (whole, answer)


def test_a_drip_of_single_bytes_is_the_same_stream(bench):
    body = pieces({"message": "a€"}, envelope("a€ b"))
    told, answer = ask(bench, body, cuts=tuple(range(1, len(body))))
    assert told == ["a€", "a€ b"]
    assert answer.tokens == 63


# -- text so far ------------------------------------------------------------------------------------------


def test_the_recorded_stream_of_one_piece_is_read(bench):
    told, answer = ask(bench, pieces(envelope()))
    assert told == ["OK"]
    assert (answer.text, answer.tokens, answer.request_id) == ("OK", 63, "u-1")


@pytest.mark.parametrize("trailing", [True, False])
def test_deltas_are_joined_and_the_closing_piece_is_the_truth(bench, trailing):
    chunks = [{"message": "\n\n"}, {"message": "One"}, {"message": " two"}, envelope("\n\nOne two.")]
    told, answer = ask(bench, pieces(*chunks, trailing=trailing))
    assert told == ["One", "One two", "One two."]
    assert (answer.text, answer.tokens) == ("One two.", 63)


def test_the_text_so_far_replaces_what_came_before(bench):
    told, answer = ask(bench, pieces({"message": "One"}, {"message": "One two"}, envelope("One two three")))
    assert told == ["One", "One two", "One two three"]
    assert answer.text == "One two three"


def test_the_last_words_may_come_with_the_bill(bench):
    told, answer = ask(bench, pieces({"message": "One two"}, {"message": " three"}, envelope(".")))
    assert told[-1] == answer.text == "One two three."


@pytest.mark.parametrize("closing_message", [None, "", "\n"])
def test_a_closing_piece_without_text_leaves_what_came(bench, closing_message):
    _, answer = ask(bench, pieces({"message": "One"}, {"message": " two"}, envelope(closing_message)))
    assert answer.text.strip() == "One two"
    assert answer.tokens == 63


def test_a_closing_piece_may_differ_in_its_blanks(bench):
    told, answer = ask(bench, pieces({"message": "\n\nOne"}, {"message": " two\n"}, envelope("One two")))
    assert told[-1] == answer.text == "One two"


def test_an_id_on_every_piece_does_not_make_each_the_whole_text(bench):
    chunks = [
        {"message": "Hi", "uuid": "u"},
        {"message": " there, Ada", "uuid": "u"},
        {"message": ".", "uuid": "u"},
    ]
    told, answer = ask(bench, pieces(*chunks))
    assert told[-1] == answer.text == "Hi there, Ada."
    assert (answer.tokens, answer.request_id) == (None, "u")


def test_a_closing_piece_without_a_bill_is_known_by_its_id(bench):
    _, answer = ask(bench, pieces({"message": "On"}, {"message": " two"}, envelope("One two", usage=None)))
    assert (answer.text, answer.tokens) == ("One two", None)


def test_pieces_without_text_and_unknown_members_are_ignored(bench):
    chunks = [
        {"ping": 1},
        b" ",
        {"message": "One", "new": {}},
        {"message": None},
        {"message": 5},
        envelope("One"),
    ]
    told, answer = ask(bench, pieces(*chunks))
    assert told == [answer.text] == ["One"]


@LIMIT
@given(st.lists(texts, min_size=1, max_size=6), st.booleans())
def test_deltas_and_texts_so_far_come_to_the_same_answer(parts, cumulative):
    whole = "".join(parts)
    sent = ["".join(parts[: n + 1]) for n in range(len(parts))] if cumulative else parts
    transcript = Transcript()
    for chunk in [*({"message": text} for text in sent), envelope(whole)]:
        transcript.add(Body(json.dumps(chunk).encode(), 200, STREAM, str))
    answer = transcript.answer(framed=True)
    assert answer.tokens == 63
    assert answer.text == envelope_text(whole)


def envelope_text(text):
    """The text from its first line that is not blank, said in another way."""
    lines = text.splitlines(keepends=True)
    while lines and not lines[0].strip():
        lines.pop(0)
    return "".join(lines) if lines else text.rpartition("\n")[2]


def test_text_is_told_as_it_arrives(bench):
    gate = threading.Event()
    body = pieces({"message": "One"}, envelope("One two"))
    bench.server.on(
        STREAM, Played(body, framing="chunked", cuts=(body.index(SEPARATOR) + len(SEPARATOR),), gate=gate)
    )
    told = []

    def listen(text):
        told.append(text)
        gate.set()  # the rest is sent only once the beginning was told

    assert bench.service().query(question(), listen).text == "One two"
    assert told == ["One", "One two"]


# -- failures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk", "kind", "sent"),
    [
        ({"response": "Token is invalid [1]", "status": 400}, BadKey, 1),
        ({"response": "Internal error", "status": "400"}, Refused, 1),
        ({"error": "filtered"}, Refused, 1),
        (envelope("Sorry, this model is no longer available.", usage=None), Refused, 1),
        (envelope("Sorry, the model is overloaded.", usage=None), Unavailable, 3),
        ({"error": "slow down", "status": 429}, Unavailable, 3),
    ],
)
def test_a_failure_before_any_text_is_certain(bench, chunk, kind, sent):
    told = []
    bench.server.on(STREAM, Played(pieces({"ping": 1}, chunk), framing="chunked"))
    with pytest.raises(Refused) as caught:
        bench.service().query(question(), told.append)
    assert type(caught.value) is kind
    assert told == []
    assert len(bench.server.requests) == sent


@pytest.mark.parametrize("status", [429, 503, 400])
def test_a_failing_http_status_is_told_by_its_kind(bench, status):
    bench.server.on(STREAM, Played(b"<html>", status=status))
    with pytest.raises(Refused):
        bench.service().query(question(), print)


ENDINGS = {
    "an error": {"body": pieces({"message": "One"}, {"error": "overloaded", "status": 503})},
    "a bad key": {"body": pieces({"message": "One"}, {"response": "Token is invalid", "status": 400})},
    "half a piece": {"body": pieces({"message": "One"}, trailing=True) + b'{"message": "Tw'},
    "not JSON": {"body": pieces({"message": "One"}, b"<html>")},
    "no frame and no bill": {"body": pieces({"message": "One"}), "framing": "close"},
    "a drop": {"body": pieces({"message": "One"}, envelope("One two")), "drop_at": 45},
    "a drop between pieces": {"body": pieces({"message": "One"}, {"message": " two"}), "drop_at": 27},
}


@pytest.mark.parametrize("name", ENDINGS)
def test_after_the_first_text_every_failure_is_a_lost_reply(bench, name):
    told = []
    bench.server.on(STREAM, Played(**{"framing": "chunked", **ENDINGS[name]}))
    with pytest.raises(ReplyLost, match="may have been billed") as caught:
        bench.service().query(question(), told.append)
    assert told == ["One"]
    assert caught.value.text == "One"
    assert len(bench.server.requests) == 1


@pytest.mark.parametrize("body", [b"", b"\n", SEPARATOR, b"<html>", b"[]", pieces({"ping": 1})])
def test_a_stream_without_a_reply_is_lost(bench, body):
    with pytest.raises(ReplyLost):
        ask(bench, body)
    assert len(bench.server.requests) == 1


def test_blanks_from_the_model_already_make_it_uncertain(bench):
    with pytest.raises(ReplyLost):
        ask(bench, pieces({"message": "\n\n"}, {"error": "overloaded"}))


def test_a_stalled_stream_is_lost_with_what_had_arrived(bench):
    body = pieces({"message": "One"}, envelope("One two"))
    bench.server.on(STREAM, Played(body, framing="chunked", stall_at=40))
    with pytest.raises(ReplyLost, match="in time") as caught:
        bench.service(timeout_s=0.5).query(question(), lambda text: None)
    assert caught.value.text == "One"


@pytest.mark.parametrize("trailing", [True, False])
def test_a_connection_that_breaks_after_the_bill_costs_no_reply(bench, trailing):
    body = pieces({"message": "One"}, envelope("One two"), trailing=trailing)
    _, answer = ask(bench, Played(body + b"x", framing="chunked", drop_at=len(body)))
    assert (answer.text, answer.tokens) == ("One two", 63)


def test_a_reply_that_begins_with_sorry_is_an_answer_when_a_model_wrote_it(bench):
    told, answer = ask(bench, pieces({"message": "Sorry, I"}, {"message": " cannot."}, trailing=True))
    assert answer.text == told[-1] == "Sorry, I cannot."
    told, answer = ask(bench, pieces(envelope("Sorry, I cannot.")))
    assert told == [answer.text] == ["Sorry, I cannot."]


# -- the listener -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError, Refused, ZeroDivisionError])
def test_what_the_listener_raises_passes_untouched_and_ends_the_connection(bench, kind):
    body = pieces({"message": "One"}, envelope("One two"))
    bench.server.on(STREAM, Played(body, framing="chunked", stall_at=40))
    error = kind("mine")

    def listen(text):
        raise error

    service = bench.service()
    with pytest.raises(kind) as caught:
        service.query(question(), listen)
    assert caught.value is error
    assert not service._client._transport.is_open
    assert len(bench.server.requests) == 1
    bench.server.on(QUERY, envelope())
    assert service.query(question()).text == "OK"


# -- tenants without the route ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 405])
def test_without_a_stream_route_the_plain_one_answers(bench, status):
    bench.server.on(STREAM, Played(b"<html>", status=status))
    bench.server.on(QUERY, envelope())
    service, told = bench.service(), []
    assert service.query(question(), told.append).tokens == 63
    assert told == ["OK"]
    service.query(question(), told.append)
    assert [request.path for request in bench.server.requests] == [STREAM, QUERY, QUERY]


def test_a_refused_token_is_renewed_in_a_stream_too(bench):
    bench.server.on(EXCHANGE, {"response": "jwt-1"}, {"response": "jwt-2"})
    bench.server.on(
        STREAM,
        {"response": "Token is invalid [1]", "status": 400},
        Played(pieces(envelope()), framing="chunked"),
    )
    assert bench.service(email=EMAIL).query(question(), lambda text: None).tokens == 63
    assert [request.token for request in bench.server.asked(STREAM)] == ["jwt-1", "jwt-2"]
