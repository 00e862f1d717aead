"""Uploads to a dataset against a scripted tenant: what is sent, what is debited, and how it goes on."""

import json
import signal
import threading
import time
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept import contents
from patience import WAIT_S
from scripted import Played

import asksage_jupyter
from asksage_jupyter import session
from asksage_jupyter.account import Meter, Source
from asksage_jupyter.errors import BadInput, Interrupted, NotEnoughTokens, Refused, ReplyLost
from asksage_jupyter.rates import RECORDED
from asksage_jupyter.session import stopwatch, train, waiting
from asksage_jupyter.session.training import chunks, sources
from asksage_jupyter.session.training.sources import pieces_of, price
from asksage_jupyter.tokens import count

TRAIN, TRAIN_FILE, DATASETS = "/server/train", "/server/train-with-file", "/server/get-datasets"
NOTES = "user_custom_81_notes_content"
TAKEN = {"embedding": None, "response": "Successfully added", "status": 200}
PAGES = "".join(f"Fox {n} jumps over the lazy dog again today. " for n in range(1_700))


@pytest.fixture
def server(server):
    server.on(DATASETS, {"response": [NOTES, "user_custom_81_other_content"], "status": 200})
    server.on(TRAIN, TAKEN)
    server.on(TRAIN_FILE, TAKEN)
    return server


def meters():
    """Used and held of training, then of inference."""
    balance = asksage_jupyter.balance()
    return balance.training.used, balance.training.held, balance.inference.used, balance.inference.held


def sent(server):
    return [request.json["content"] for request in server.asked(TRAIN)]


# -- what it costs -----------------------------------------------------------------------------------


def test_a_text_is_uploaded_held_and_debited_on_the_training_meter(server):
    asksage_jupyter.balance()
    done = train("A ledger is never edited.", "notes", context="Handbook, page 3")
    (request,) = server.asked(TRAIN)
    assert request.json["content"] == "A ledger is never edited."
    assert (request.json["force_dataset"], request.json["context"]) == (NOTES, "Handbook, page 3")
    tokens = price(b"A ledger is never edited.")
    assert (done.tokens, done.sources) == (tokens, (Source.PRICED,))
    assert meters() == (tokens, 0, 411, 0)
    (call,) = asksage_jupyter.usage().to_dict("records")
    assert (call["meter"], call["model"], call["tokens"]) == ("training", f"train:{NOTES}", tokens)
    assert f"{100_000 - tokens:,} of 100,000 training tokens left" in done.receipt
    assert done.receipt in done._repr_html_()


@pytest.mark.parametrize(("tokens", "expected"), [(1, 2), (10, 13), (11, 15), (1_000, 1_300)])
def test_the_price_is_rounded_up_as_recorded(tokens, expected):
    text = " a" * tokens
    assert count(text) == tokens
    assert price(text.encode()) == expected


def test_a_bill_that_is_told_is_the_debit(server):
    server.on(TRAIN, {**TAKEN, "usage": {"asksage_tokens": 9}})
    done = train("A ledger is never edited.", "notes")
    assert (done.tokens, done.sources) == (9, (Source.BILLED,))
    assert meters()[:2] == (9, 0)


def test_sound_and_images_are_debited_on_both_meters(server, tmp_path):
    (tmp_path / "talk.mp3").write_bytes(b"ID3\x00sound")
    done = train(tmp_path / "talk.mp3", "notes")
    (request,) = server.asked(TRAIN_FILE)
    assert b"ID3\x00sound" in request.content
    assert (done.tokens, done.inference_tokens) == RECORDED["sound"]
    assert meters() == (431, 0, 411 + 1_300, 0)
    assert "presumed" in done.receipt
    assert set(asksage_jupyter.usage()["source"]) == {"presumed"}


def test_a_refused_file_leaves_neither_meter_held(server, tmp_path):
    (tmp_path / "talk.mp3").write_bytes(b"sound")
    server.on(TRAIN_FILE, {"response": "This type of file is not supported.", "status": 400})
    with pytest.raises(Refused, match=r"not supported.*0 of 1 pieces"):
        train(tmp_path / "talk.mp3", "notes")
    assert meters() == (0, 0, 411, 0)


def test_an_estimate_uploads_nothing_and_says_what_it_stands_on(server, tmp_path):
    (tmp_path / "scan.png").write_bytes(b"\x89PNG")
    planned = train([tmp_path / "scan.png"], "notes", estimate=True)
    assert (planned.training, planned.inference, len(planned.pieces)) == (566, 777, 1)
    assert "1 piece to upload, about 566 training tokens and 777 inference tokens" in str(planned)
    assert "1.3 training tokens a model token" in str(planned)
    assert not server.asked(TRAIN_FILE)
    assert meters() == (0, 0, 411, 0)


def test_what_the_month_cannot_pay_is_refused_whole(server):
    with pytest.raises(NotEnoughTokens, match=r"training tokens.*Nothing was sent") as told:
        train("".join(f"All {n} of it. " for n in range(20_000)), "notes")
    assert told.value.meter == "training"
    assert not sent(server)


def test_a_tenant_without_training_tokens_is_told_how_to_say_them(server):
    server.on("/user/validate_token_with_full_user")
    with pytest.raises(asksage_jupyter.errors.LedgerError, match="set_plan\\(training="):
        train("A text.", "notes")
    assert not sent(server)


# -- pieces and going on -----------------------------------------------------------------------------


def test_a_long_text_goes_in_pieces_that_are_the_text(server):
    done = train(PAGES, "notes")
    assert "".join(sent(server)) == PAGES
    assert done.uploaded == len(sent(server)) == 8
    assert all(count(piece) <= chunks.PIECE_TOKENS for piece in sent(server))
    assert all(piece.endswith(". ") for piece in sent(server))
    assert done.tokens == sum(price(piece.encode()) for piece in sent(server)) == meters()[0]


def test_a_second_run_uploads_and_debits_nothing(server):
    first = train(PAGES, "notes")
    again = train(PAGES, "notes")
    assert (again.uploaded, again.there, again.tokens) == (0, first.uploaded, 0)
    assert len(sent(server)) == first.uploaded
    assert "8 pieces there already" in again.receipt
    assert meters()[:2] == (first.tokens, 0)


def test_another_dataset_or_context_is_another_upload(server):
    train("A text.", "notes")
    train("A text.", "other")
    train("A text.", "notes", context="elsewhere")
    assert len(sent(server)) == 3


def test_the_same_piece_twice_in_one_upload_is_sent_once(server, tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("The same.")
    assert train([tmp_path / "a.txt", tmp_path / "b.txt"], "notes").uploaded == 1


def test_after_a_refusal_the_same_again_uploads_only_the_rest(server):
    refused = {"response": "The dataset is locked", "status": 400}
    server.on(TRAIN, TAKEN, TAKEN, TAKEN, refused)
    with pytest.raises(Refused, match=r"locked.*3 of 8 pieces were uploaded before text \(4 of 8\)") as told:
        train(PAGES, "notes")
    assert "\n" not in str(told.value)
    tried = sent(server)
    used = sum(price(piece.encode()) for piece in tried[:3])
    assert meters()[:2] == (used, 0)
    server.on(TRAIN, TAKEN)
    done = train(PAGES, "notes")
    assert (done.uploaded, done.there) == (5, 3)
    assert "".join([*tried[:3], *sent(server)[4:]]) == PAGES
    assert meters()[:2] == (used + done.tokens, 0)


def test_a_lost_reply_leaves_the_hold_and_tells_what_is_done(server):
    server.on(TRAIN, TAKEN, Played(TAKEN, drop_at=5))
    with pytest.raises(ReplyLost, match=r"stay held until the bill is known. 1 of 8 pieces") as told:
        train(PAGES, "notes")
    assert str(told.value).startswith("the connection")
    first, second = (price(piece.encode()) for piece in sent(server))
    assert meters()[:2] == (first, second)


def test_a_stop_leaves_the_hold_and_carries_the_report(server):
    def stopped(_):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return Played(TAKEN, stall_at=-1)

    server.on(TRAIN, TAKEN, TAKEN, stopped)
    with pytest.raises(Interrupted, match=r"2 of 8 pieces") as told:
        train(PAGES, "notes")
    assert told.value.reply.uploaded == 2
    under_way = price(sent(server)[2].encode())
    assert f"About {under_way:,} tokens stay held" in str(told.value)
    assert meters()[1] == under_way
    server.on(TRAIN, TAKEN)
    assert train(PAGES, "notes").there == 2


def test_a_stop_before_a_piece_is_sent_holds_nothing(server, monkeypatch):
    def stopped(*args, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(session.current().service, "train", stopped)
    with pytest.raises(Interrupted, match=r"^stopped\. 0 of 8 pieces"):
        train(PAGES, "notes")
    assert meters()[:2] == (0, 0)


def test_an_upload_that_cannot_be_noted_is_debited_and_told(server, monkeypatch):
    from asksage_jupyter.session.training.uploaded import Uploads

    def full_disk(uploads, mark):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Uploads, "add", full_disk)
    with pytest.warns(UserWarning, match="No space left on device.*uploads it again"):
        done = train("A text.", "notes")
    assert meters()[:2] == (done.tokens, 0)


def test_a_failing_debit_is_told_and_made_up_for(server, monkeypatch):
    from asksage_jupyter.errors import LedgerError

    ledger = session.current().ledger
    settle = ledger.settle

    def full_disk(op, bill):
        raise LedgerError("the disk is full")

    monkeypatch.setattr(ledger, "settle", full_disk)
    done = train("A text.", "notes")
    assert "still to be booked (the disk is full)" in done.receipt
    monkeypatch.setattr(ledger, "settle", settle)
    assert meters()[:2] == (done.tokens, 0)


def test_texts_and_names_stay_out_of_every_file(server, tmp_path):
    train("A very secret sentence.", "notes", context="the vault")
    session.forget()
    kept = b"".join(contents(tmp_path).values())
    assert b"secret" not in kept
    assert b"vault" not in kept
    marks = (tmp_path / "uploads.sha256").read_text().split()
    assert [len(mark) for mark in marks] == [64]
    assert (tmp_path / "uploads.sha256").stat().st_mode & 0o077 == 0


def test_a_line_that_a_crash_cut_short_costs_only_its_own_piece(server, tmp_path):
    train("First.", "notes")
    with (tmp_path / "uploads.sha256").open("a") as file:
        file.write("3fa9")
    train("Second.", "notes")
    assert train("First.", "notes").there == train("Second.", "notes").there == 1


def test_two_threads_upload_side_by_side(server):
    train("Before.", "notes")
    threads = [threading.Thread(target=train, args=(f"Text {n}.", "notes")) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent(server)) == 7
    assert train("Text 3.", "notes").there == 1


# -- sources -----------------------------------------------------------------------------------------


def test_a_column_goes_row_by_row_and_what_is_missing_is_left_out(server):
    import pandas

    frame = pandas.DataFrame({"text": ["one row", None, "", "another row", 42]})
    done = train(frame["text"], "notes")
    assert sent(server) == ["one row\nanother row\n42"]
    assert done.uploaded == 1


def containers():
    """Rows with what is missing among them, in all that people keep rows in; each with the texts it holds."""
    import decimal

    import numpy
    import pandas
    import pyarrow

    nan = float("nan")
    rows = ["one", None, nan, numpy.float32("nan"), pandas.NA, pandas.NaT, numpy.datetime64("NaT", "ns"),
            decimal.Decimal("nan"), decimal.Decimal("snan"), "nan"]  # fmt: skip
    both, arrow = ["one", "nan"], pandas.ArrowDtype(pyarrow.string())
    texts = ["one", None, "nan"]
    yield "list", rows, both
    yield "tuple", tuple(rows), both
    yield "generator", (row for row in rows), both
    yield "values of a dict", dict(enumerate(rows)).values(), both
    yield "set", {"one", None, nan}, ["one"]
    yield "objects", numpy.array(rows, dtype=object), both
    yield "floats", numpy.array([1.5, nan]), ["1.5"]
    yield "masked", numpy.ma.array(["one", "two"], mask=[False, True]), ["one"]
    yield "series", pandas.Series(rows, dtype=object), both
    yield "series to list", pandas.Series(texts).tolist(), both
    yield "series to numpy", pandas.Series([1.5, nan]).to_numpy(), ["1.5"]
    yield "strings", pandas.Series(texts, dtype="string"), both
    yield "integers", pandas.Series([7, None], dtype="Int64"), ["7"]
    yield "categories", pandas.Categorical(texts), both
    yield "index", pandas.Index(texts), both
    yield "extension array", pandas.array(texts, dtype="string"), both
    yield "arrow in pandas", pandas.Series(texts, dtype=arrow), both
    yield "arrow", pyarrow.array(texts), both
    yield "arrow in chunks", pyarrow.chunked_array([texts, [None]]), both
    yield "arrow floats", pyarrow.array([1.5, nan, None]), ["1.5"]


@pytest.mark.parametrize(("rows", "texts"), [pytest.param(*rest, id=name) for name, *rest in containers()])
def test_what_is_missing_is_left_out_of_every_container(rows, texts):
    assert [piece.text for piece in pieces_of(rows)] == ["\n".join(texts)]


def test_rows_of_nothing_but_missing_values_are_refused_in_a_line():
    import pandas

    for rows in ([float("nan")] * 400, pandas.Series([None, pandas.NaT]), (None for _ in range(9)), [], None):
        with pytest.raises(BadInput, match="no text in the rows") as told:
            pieces_of(rows)
        assert "\n" not in str(told.value)


def test_rows_of_rows_are_refused_for_they_would_hide_what_is_missing():
    import numpy

    for rows, words in [
        ([["one"], [float("nan")]], "a row is a list: give one text a row"),
        ([{"text": None}], "a row is a dict"),
        ([b"bytes"], "a row is a bytes"),
        (numpy.array([["one"], [None]]), "a whole table was given"),
        (numpy.array("one"), "cannot be uploaded"),
    ]:
        with pytest.raises(BadInput, match=words):
            pieces_of(rows)


@pytest.mark.parametrize(
    ("name", "begins", "kind"),
    [("scan", b"%PDF-1.7\n", "PDF"), ("photo", b"\xff\xd8\xff\xe0", "picture"),
     ("photo.dat", b"RIFF\x10\0\0\0WEBP", "picture"), ("talk", b"RIFF\x10\0\0\0WAVE", "sound"),
     ("film", b"\0\0\0\x18ftypisom", "sound"), ("photo.txt", b"\x89PNG\r\n\x1a\n", "picture"),
     ("letter", b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "document")],
)  # fmt: skip
def test_a_file_is_known_by_how_it_begins_whatever_its_name(tmp_path, name, begins, kind):
    (tmp_path / name).write_bytes(begins + bytes(range(256)) * 40)
    (piece,) = pieces_of(tmp_path / name)
    assert (piece.training, piece.inference) == RECORDED[kind]


def test_rows_are_not_cut_while_they_fit(server):
    rows = [f"row {n}: " + "word " * 500 for n in range(20)]
    train(rows, "notes")
    assert "\n".join(sent(server)).split("\n") == rows
    assert len(sent(server)) == 4


def test_tables_are_cut_at_rows(server, tmp_path):
    table = "".join(f"{n},One. Two. Three.\n" for n in range(2_000))
    (tmp_path / "t.csv").write_text(table)
    train(tmp_path / "t.csv", "notes")
    assert len(sent(server)) > 1
    assert all(piece.endswith("\n") for piece in sent(server))
    assert "".join(sent(server)) == table


def test_files_of_other_encodings_are_read(tmp_path):
    (tmp_path / "bom.txt").write_bytes("\ufeffGrüße".encode())
    (tmp_path / "utf16.txt").write_bytes("Grüße".encode("utf-16"))
    assert [piece.text for name in ("bom.txt", "utf16.txt") for piece in pieces_of(tmp_path / name)] == [
        "Grüße",
        "Grüße",
    ]


def test_what_cannot_be_uploaded_is_told_before_anything_is_sent(server, tmp_path):
    import pandas

    (tmp_path / "good.txt").write_text("Good.")
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "photo.raw").write_bytes(b"\x00\xff\x00")
    (tmp_path / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    for source, words in [
        ([tmp_path / "good.txt", tmp_path / "folder"], r"is a directory: name its files, such as .*\*\.md"),
        ([tmp_path / "good.txt", tmp_path / "empty.txt"], "empty.txt is empty"),
        ([tmp_path / "good.txt", tmp_path / "none.txt"], "there is no file"),
        (tmp_path / "photo.raw", "neither text in UTF-8 nor a PDF, document, picture, sound"),
        (tmp_path / "latin.txt", "neither text in UTF-8"),
        (str(tmp_path / "good.txt"), "is the name of a file"),
        ([tmp_path / "good.txt", "a text"], "mixed in one list"),
        (" ", "the text is empty"),
        ([], "no text in the rows"),
        (pandas.Series([None, " "]), "no text in the rows"),
        (pandas.DataFrame({"text": ["a"]}), "choose the column"),
        (b"bytes", "a bytes cannot be uploaded"),
        (7, "a int cannot be uploaded"),
    ]:
        with pytest.raises(BadInput, match=words) as told:
            train(source, "notes")
        assert "\n" not in str(told.value)
    assert not sent(server)


def test_an_unreadable_file_is_told(tmp_path, monkeypatch):
    from pathlib import Path

    (tmp_path / "mine.txt").write_text("x")

    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(BadInput, match=r"mine\.txt cannot be read: Permission denied"):
        pieces_of(tmp_path / "mine.txt")


def test_an_unknown_dataset_is_refused_with_those_near_it(server):
    with pytest.raises(BadInput, match=f"no dataset 'note' here.*{NOTES}.*--create note makes it"):
        train("A text.", "note")
    with pytest.raises(BadInput, match="name the dataset"):
        train("A text.", " ")
    assert not sent(server)
    server.on(DATASETS)
    assert train("A text.", "note").dataset == "note"


@pytest.mark.parametrize("form", ["file", "text", "rows"])
def test_it_is_told_that_a_large_source_is_counted(tmp_path, monkeypatch, form):
    told, first = SimpleQueue(), []
    monkeypatch.setattr(stopwatch, "_SOON_S", 0.0)
    monkeypatch.setattr(sources, "WORTH_A_LINE", len(PAGES))
    monkeypatch.setattr(sources, "price", lambda _: first.append(told.get(timeout=WAIT_S)) or 1)
    monkeypatch.setattr(sources, "split", lambda text, rows=False: [text])
    monkeypatch.setattr(sources, "pack", lambda rows: ["".join(rows)])
    (tmp_path / "fox.txt").write_text(PAGES)
    waiting.tell_waiting(told.put)
    try:
        pieces_of({"file": tmp_path / "fox.txt", "text": PAGES, "rows": [PAGES]}[form])
        assert first == [f"counting {'fox.txt' if form == 'file' else form}"]
        while told.get(timeout=WAIT_S) is not None:  # it is taken away at last
            pass
        first.clear()
        told.put("nothing")
        pieces_of("A text.")
        assert first == ["nothing"]
    finally:
        waiting.tell_waiting(None)


# -- where a text is cut -----------------------------------------------------------------------------


@given(st.text(alphabet="ab .!?\n\t,。é𐀀", max_size=300), st.booleans(), st.integers(8, 40))
def test_pieces_are_the_text_and_fit(text, rows, limit):
    pieces = chunks.split(text, rows=rows, limit=limit)
    assert "".join(pieces) == text
    assert all(count(piece) <= limit + len(pieces) for piece in pieces)


def test_a_text_without_any_boundary_is_cut_too():
    pieces = chunks.split("x7" * 20_000, limit=100)
    assert "".join(pieces) == "x7" * 20_000
    assert max(map(count, pieces)) <= 110


def test_sentences_stay_whole_where_they_fit():
    text = "".join(f"Sentence {n} has a few words. " for n in range(100))
    assert all(piece.endswith(". ") for piece in chunks.split(text, limit=50))


def test_a_million_characters_are_cut_in_a_moment():
    started = time.process_time()
    assert len(chunks.split("Some words here.\n" * 60_000)) > 50
    assert time.process_time() - started < 20


def test_pieces_show_nothing_of_their_text():
    assert "secret" not in repr(pieces_of("A secret."))
    assert json.dumps([piece.name for piece in pieces_of("A secret.")]) == '["text"]'


# -- two witnesses -----------------------------------------------------------------------------------


def test_the_demo_counts_an_upload_as_the_ledger_does(at_demo, tmp_path):
    (tmp_path / "talk.mp3").write_bytes(b"sound")
    service = session.current().service
    service.add_dataset("witness")
    before = asksage_jupyter.balance()
    name = next(each for each in service.datasets() if "witness" in each)
    text = train(PAGES[:40_000], name)
    sound = train(tmp_path / "talk.mp3", name)
    after = asksage_jupyter.balance()
    assert text.uploaded > 1
    assert after.training.used - before.training.used == text.tokens + sound.tokens
    assert after.training.used == service.used(Meter.TRAINING)
    assert after.inference.used == service.used(Meter.INFERENCE)
