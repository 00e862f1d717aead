"""The prompt log: what was billed, and nothing of what was said."""

import traceback
from contextlib import closing
from datetime import UTC, datetime

import pytest
from scripted import EMAIL, EXCHANGE, Bench, Played

from asksage_jupyter.errors import BadInput, BadKey, NoRoute, NotReached, Refused, Unavailable
from asksage_jupyter.month import to_instant
from asksage_jupyter.service import LogRow
from asksage_jupyter.service.replies.wire import Body

LOG = "/user/get-user-logs"
BAD = {"response": "Token is invalid [1]", "status": 400}
PRIVATE = {
    "prompt": [{"user": "me", "message": "PROMPT-9f3a"}],
    "response": "REPLY-77c1",
    "ip": "IP-10.0.0.7",
    "user_id": "USER-4711",
    "new_member": "NEW-1",
}
HIDDEN = ("PROMPT-9f3a", "REPLY-77c1", "IP-10", "USER-4711", "NEW-1")
SENT_AT = to_instant(datetime(2025, 5, 8, 21, 42, 4, tzinfo=UTC))


@pytest.fixture
def bench():
    with closing(Bench()) as bench:
        bench.server.on(EXCHANGE, {"response": {"access_token": "jwt"}, "status": "200"})
        yield bench


def row(id_=7, **changes):
    """A row as recorded from a live account; `changes` replace members."""
    return {
        "id": id_,
        "date_time": "Thu, 08 May 2025 21:42:04 GMT",
        "model": "google-claude-45-haiku",
        "prompt_tokens": 820,
        "completion_tokens": 4,
        "total_tokens": 63,
        "prompt_length": 16,
        "response_length": 2,
        "teach": False,
        **PRIVATE,
        **changes,
    }


def read(bench, *rows, **asked):
    bench.server.on(LOG, {"response": list(rows), "status": 200})
    return bench.service(email=EMAIL).log(**asked)


def test_a_recorded_row_is_read(bench):
    assert read(bench, row()) == [
        LogRow(
            id=7,
            sent_at=SENT_AT,
            model="google-claude-45-haiku",
            tokens=63,
            input_tokens=820,
            output_tokens=4,
            prompt_length=16,
            response_length=2,
            teach=False,
        )
    ]
    assert bench.server.asked(LOG)[0].json == {"limit": 100}


def test_older_rows_are_asked_for_by_id_and_come_newest_first_and_none_twice_by_paging(bench):
    rows = read(bench, row(3), row(5), row(4), row(4), row(9), limit=10, before_id=5)
    assert [each.id for each in rows] == [4, 4, 3]
    assert bench.server.asked(LOG)[0].json == {"limit": 10, "before_id": 5}


@pytest.mark.parametrize(
    ("written", "offset_s"),
    [
        ("2025-05-08T21:42:04", 0),
        ("2025-05-08 21:42:04", 0),
        ("2025-05-08T21:42:04Z", 0),
        ("2025-05-08T23:42:04+02:00", 0),
        ("2025-05-08T21:42:04.500000+00:00", 0.5),
        (" Thu, 08 May 2025 21:42:04 GMT ", 0),
        ("Thu, 08 May 2025 21:42:04 -0000", 0),
        ("Thu, 08 May 2025 17:42:04 -0400", 0),
    ],
)
def test_a_time_is_read_in_both_of_the_services_ways(bench, written, offset_s):
    assert read(bench, row(date_time=written))[0].sent_at == SENT_AT + int(offset_s * 1_000_000)


@pytest.mark.parametrize(
    "changes",
    [
        {"date_time": value}
        for value in (
            None,
            "",
            "yesterday",
            1746740524,
            True,
            [],
            "0000-00-00",
            "Thu, 99 May 2025 21:42:04 GMT",
        )
    ]
    + [{"id": value} for value in (None, True, "x", {})]
    + [{"total_tokens": value} for value in (None, True, -1, "many", [])],
)
def test_a_row_that_makes_no_sense_is_left_out(bench, changes):
    assert [each.id for each in read(bench, row(8, **changes), None, "x", [], row(6))] == [6]


def test_figures_of_other_types_are_read_or_untold(bench):
    odd = row("7", total_tokens="63.0", prompt_tokens=None, completion_tokens=True, prompt_length="16 ")
    (found,) = read(bench, odd | {"model": None, "response_length": "long", "teach": None})
    assert found == LogRow(7, SENT_AT, None, 63, prompt_length=16)
    assert [each.teach for each in read(bench, *(row(teach=yes) for yes in (True, 1, "1", "True")))] == [
        True
    ] * 4
    assert [each.teach for each in read(bench, *(row(teach=no) for no in (False, 0, "0", "", "x")))] == [
        False
    ] * 5


@pytest.mark.parametrize(
    "wrap",
    [
        lambda rows: rows,
        lambda rows: {"response": {"logs": rows, "count": 1}},
        lambda rows: {"response": "OK", "logs": rows, "status": 200},
    ],
)
def test_the_rows_are_found_under_other_wrappings(bench, wrap):
    bench.server.on(LOG, wrap([row()]))
    assert [each.id for each in bench.service(email=EMAIL).log()] == [7]


@pytest.mark.parametrize(
    "rows", [[row()], [{"prompt": "PROMPT-9f3a", "response": "REPLY-77c1"}], [{"a": [row()]}]]
)
def test_nothing_that_was_said_outlives_the_decoding(bench, monkeypatch, rows):
    """All of the reply that is kept, seen from where the rows are picked."""
    kept = []
    pick = Body.rows.fget
    monkeypatch.setattr(Body, "rows", property(lambda body: kept.append(repr(body.value)) or pick(body)))
    told = repr(read(bench, *rows))
    assert len(kept) == 1
    assert not any(private in kept[0] + told for private in HIDDEN)


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_more_rows_than_the_service_gives_are_not_asked_for(bench, limit):
    with pytest.raises(BadInput, match="1 to 100"):
        bench.service(email=EMAIL).log(limit=limit)
    assert not bench.server.requests


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (BAD, BadKey),
        ({"response": "Internal error", "status": 400}, Refused),
        ({"error": {"message": "not today"}}, Refused),
        ({"response": "OK", "status": 200}, Refused),
        (Played(b"<html>a guest network"), NotReached),
        (Played(b"", status=404), NoRoute),
        (Played(b"", status=503), Unavailable),
        (Played(drop_at=-1), NotReached),
        (Played({"response": [row()]}, drop_at=200), NotReached),
    ],
)
def test_a_log_that_is_none_raises_and_shows_nothing(bench, reply, kind):
    bench.server.on(LOG, reply)
    with pytest.raises(Refused) as caught:
        bench.service(email=EMAIL).log()
    assert type(caught.value) is kind
    frames = caught.value.__traceback__.tb_next  # but for the test's own
    trace = traceback.TracebackException(kind, caught.value, frames, capture_locals=True)
    told = "".join(trace.format())
    assert not any(hidden in told for hidden in (*HIDDEN, "jwt"))


def test_a_log_that_is_not_opened_to_the_key_alone_names_the_setting(bench):
    bench.server.on(LOG, BAD)
    with pytest.raises(Refused, match="ASKSAGE_EMAIL") as caught:
        bench.service().log()
    assert type(caught.value) is Refused


def test_a_log_is_asked_for_again_after_a_fault(bench):
    bench.server.on(LOG, Played(drop_at=-1), Played(b"", status=504), {"response": [row()], "status": 200})
    assert len(bench.service(email=EMAIL).log()) == 1
    assert len(bench.pauses) == 2
