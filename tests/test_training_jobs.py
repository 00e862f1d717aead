"""Uploads that go on in the background, and datasets that are not what they were."""

import _thread
import json

import pytest
from scripted import Played

import asksage_jupyter
from asksage_jupyter import session
from asksage_jupyter.account import Source
from asksage_jupyter.errors import BadInput, Interrupted, Refused, ReplyLost, Unavailable
from asksage_jupyter.session import train
from asksage_jupyter.session.training import polling
from asksage_jupyter.session.training.datasets import add_dataset

FILE, STATUS, DATASETS = "/server/train-with-file", "/server/train-with-file-status", "/server/get-datasets"
TRAIN, ADD = "/server/train", "/user/add-dataset"
NOTES = "user_custom_81_notes_content"
TAKEN = {"embedding": None, "response": "Successfully added", "status": 200}
ACCEPTED = {"response": "It goes on", "job_id": "job-17", "embedding": "", "status": 202}


@pytest.fixture
def server(server, monkeypatch):
    monkeypatch.setattr(polling, "_FIRST_S", 0.01)
    server.on(DATASETS, {"response": [NOTES], "status": 200})
    server.on(FILE, Played(ACCEPTED, status=202))
    server.on(TRAIN, TAKEN)
    return server


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7 figures")
    return path


def job(state, **told):
    return {"response": {"job_id": "job-17", "status": state, **told}, "status": 200}


def meter():
    training = asksage_jupyter.balance().training
    return training.used, training.held


@pytest.mark.parametrize("http", [200, 202])
@pytest.mark.parametrize("inside", [False, True])
def test_an_upload_that_goes_on_is_polled_and_settled_at_its_end(server, report, http, inside):
    accepted = {"response": {"job_id": "job-17"}, "status": 202} if inside else ACCEPTED
    server.on(FILE, Played(accepted, status=http))
    server.on(STATUS, job("queued"), job("running", chunks_embedded=1, total_chunks=4), job("succeeded"))
    done = train(report, "notes")
    assert (done.uploaded, done.tokens, done.sources) == (1, 575, (Source.PRESUMED,))
    assert [request.json for request in server.asked(STATUS)] == [{"job_id": "job-17"}] * 3
    assert meter() == (575, 0)
    assert train(report, "notes").there == 1
    assert (len(server.asked(FILE)), len(server.asked(STATUS))) == (1, 3)


@pytest.mark.parametrize(
    "told",
    [
        job("succeeded", usage={"asksage_tokens": 390}),
        {"status": "succeeded", "job_id": "job-17", "tokens": "390"},
        {"response": "succeeded", "asksage_tokens": 390, "status": 200},
    ],
)
def test_what_the_end_of_a_job_tells_is_the_debit(server, report, told):
    server.on(STATUS, job("running"), told)
    done = train(report, "notes")
    assert (done.tokens, done.sources) == (390, (Source.BILLED,))
    assert meter() == (390, 0)


def test_a_part_that_was_taken_in_is_debited_and_told_and_the_file_sent_again(server, report):
    server.on(STATUS, job("partial", chunks_embedded=1, total_chunks=5))
    done = train(report, "notes")
    assert done.uploaded == 0
    assert "report.pdf: only 1 of 5 parts taken in" in done.receipt
    assert meter() == (115, 0)
    server.on(STATUS, job("succeeded"))
    assert train(report, "notes").uploaded == 1
    assert (len(server.asked(FILE)), meter()) == (2, (690, 0))


def test_a_part_of_which_nothing_is_told_stays_held_for_the_log(server, report):
    server.on(STATUS, job("partial"))
    done = train(report, "notes")
    assert (done.held, meter()) == (575, (0, 575))
    assert "about 575 training tokens stay held" in done.receipt


@pytest.mark.parametrize(
    "told", [job("failed", error="no text found"), {"status": "failed", "error": "no text found"}]
)
def test_a_job_that_failed_costs_nothing_says_why_and_may_be_sent_again(server, report, told):
    server.on(STATUS, job("running"), told)
    with pytest.raises(Refused, match=r"report\.pdf was not taken in \(no text found\)"):
        train(report, "notes")
    assert meter() == (0, 0)
    server.on(STATUS, job("succeeded"))
    assert train(report, "notes").uploaded == 1


def test_only_the_missing_files_of_several_are_sent_again(server, report, tmp_path):
    other = tmp_path / "other.pdf"
    other.write_bytes(b"%PDF-1.7 more figures")
    server.on(STATUS, job("succeeded"), job("failed"))
    with pytest.raises(Refused, match=r"1 of 2 pieces were uploaded before other\.pdf"):
        train([report, other], "notes")
    server.on(STATUS, job("succeeded"))
    done = train([report, other], "notes")
    assert (done.uploaded, done.there) == (1, 1)
    assert b"other.pdf" in server.asked(FILE)[-1].content
    assert len(server.asked(FILE)) == 3


@pytest.mark.parametrize("http", [200, 404])
def test_a_job_that_nobody_knows_stays_held(server, report, http):
    server.on(STATUS, Played({"response": "There is no such job", "status": 404}, status=http))
    with pytest.raises(ReplyLost, match="may have been billed"):
        train(report, "notes")
    assert meter() == (0, 575)


def test_a_tenant_that_tells_nothing_of_jobs_leaves_it_open(server, report):
    server.on(STATUS)
    done = train(report, "notes")
    assert "does not tell whether all of it was taken in" in done.receipt
    assert meter() == (0, 575)
    assert train(report, "notes").there == 1


def stopping(request):
    _thread.interrupt_main()
    return job("running")


def test_a_stop_while_it_goes_on_says_how_to_go_on_and_a_new_kernel_finds_it(server, report, tmp_path):
    server.on(STATUS, job("running"), stopping)
    with pytest.raises(Interrupted, match=r"job job-17\), and the same again finds it"):
        train(report, "notes")
    assert meter() == (0, 575)
    kept = tmp_path / "uploads.jobs"
    assert kept.stat().st_mode & 0o077 == 0 and "report" not in kept.read_text()
    session.forget()  # another kernel
    planned = train(report, "notes", estimate=True)
    assert (planned.training, planned.under_way) == (0, 1)
    server.on(STATUS, job("running"), job("succeeded"))
    done = train(report, "notes")
    assert (done.uploaded, done.tokens) == (1, 575)
    assert len(server.asked(FILE)) == 1
    assert meter() == (575, 0)
    (call,) = asksage_jupyter.usage().to_dict("records")
    assert call["tokens"] == 575
    assert train(report, "notes").there == 1


def test_a_service_that_cannot_be_asked_meanwhile_leaves_it_open(server, report):
    server.on(STATUS, Played({"response": "busy", "status": 503}, 503, {"retry-after": "900"}))
    with pytest.raises(Unavailable, match=r"goes on at Ask Sage \(job job-17\)"):
        train(report, "notes")
    assert meter() == (0, 575)
    server.on(STATUS, job("succeeded"))
    assert train(report, "notes").uploaded == 1
    assert len(server.asked(FILE)) == 1


def test_a_picture_holds_both_meters_until_its_job_is_over(server, tmp_path):
    (tmp_path / "scan.png").write_bytes(b"\x89PNG\r\n\x1a\nscan")
    server.on(STATUS, job("running"), stopping)
    with pytest.raises(Interrupted):
        train(tmp_path / "scan.png", "notes")
    assert asksage_jupyter.balance().inference.held == 777
    server.on(STATUS, job("succeeded"))
    done = train(tmp_path / "scan.png", "notes")
    assert (done.tokens, done.inference_tokens) == (566, 777)
    balance = asksage_jupyter.balance()
    assert (balance.training.held, balance.inference.held) == (0, 0)


# -- datasets ---------------------------------------------------------------------------------------------


def test_a_dataset_that_was_deleted_and_made_again_is_empty(server):
    assert train("Some text.", "notes").uploaded == 1
    server.on(DATASETS, {"response": ["user_custom_81_other_content"], "status": 200})
    with pytest.raises(BadInput, match="no dataset 'notes'"):
        train("Some text.", "notes")
    server.on(DATASETS, {"response": [NOTES], "status": 200})
    done = train("Some text.", "notes")
    assert (done.uploaded, done.there) == (1, 0)
    assert train("Some text.", "notes").there == 1


def test_a_dataset_that_is_made_here_is_empty(server):
    assert train("Some text.", "notes").uploaded == 1
    server.on(ADD, {"response": "OK", "status": 200})
    add_dataset(session.current(), "notes")
    assert train("Some text.", "notes").uploaded == 1
    assert len(server.asked(TRAIN)) == 2
    assert json.loads(server.asked(ADD)[0].content)["dataset"] == "notes"


def test_what_was_uploaded_before_is_uploaded_again_to_a_dataset_that_was_emptied(server):
    train("Some text.", "notes")
    assert train("Some text.", "notes").there == 1
    assert train("Some text.", "notes", again=True, estimate=True).there == 0
    assert train("Some text.", "notes", again=True).uploaded == 1
    assert len(server.asked(TRAIN)) == 2
    assert train("Some text.", "notes").there == 1
