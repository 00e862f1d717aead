"""What changes under a map while it runs, and replies that are no replies; what of it is told, and where."""

from __future__ import annotations

import logging
import threading
import traceback
from functools import partial
from types import SimpleNamespace

import ipywidgets
import pytest
from IPython.utils.capture import capture_output
from patience import WAIT_S
from scripted import QUERY, Played
from tenant import KEY, USED, questions
from test_map import billed, said, standing
from test_map_faults import ROWS, asked_once, at_call

import asksage_jupyter as sage
from asksage_jupyter.account import Meter
from asksage_jupyter.errors import JobStopped
from asksage_jupyter.mapping import map as map_rows
from asksage_jupyter.mapping.outcome import RowStatus
from asksage_jupyter.month import now
from asksage_jupyter.session import current
from asksage_jupyter.session.clock import Clock
from asksage_jupyter.settings import AskSage

HOUR = 3_600_000_000
LOST = Played(billed("good", 7), drop_at=10)


# -- envelope, clock, and a comparison beside a presumption ------------------------------------------


@pytest.mark.parametrize("tokens", [90, 20], ids=["too little", "below what is used"])
def test_an_envelope_that_is_lowered_in_mid_job_ends_it_and_raised_again_lets_it_go_on(
    server, tmp_path, monkeypatch, tokens
):
    def envelope(limit):
        law = f"[tool.asksage.envelopes.jobs]\nlabels = {limit}\n"
        (tmp_path / "pyproject.toml").write_text(law)

    monkeypatch.chdir(tmp_path)
    envelope(100_000)
    at_call(server, 12, partial(envelope, tokens))
    with pytest.raises(JobStopped, match="the envelope of the job labels has") as stopped:
        map_rows(ROWS, "Good? {value}", name="labels", workers=4)
    asked = len(questions(server))
    assert 12 <= asked < 40
    assert stopped.value.result.count(RowStatus.OK) == asked
    assert standing() == (USED + 7 * asked, 0)
    envelope(100_000)
    assert map_rows(ROWS, "Good? {value}", name="labels").count(RowStatus.OK) == 40
    assert asked_once(server)
    assert current().ledger.verify().problems == ()


@pytest.mark.parametrize("hours", [2, 40 * 24])
def test_a_clock_that_is_set_back_in_mid_job_changes_nothing(server, monkeypatch, hours):
    later, session = [0], current()
    clock = Clock(lambda: now() + later[0])
    monkeypatch.setattr(session, "_guarded", clock)
    monkeypatch.setattr(session, "_clock", clock)
    at_call(server, 12, lambda: later.__setitem__(0, -hours * HOUR))
    assert map_rows(ROWS, "Good? {value}", workers=4).tokens == 280
    assert standing() == (USED + 280, 0)
    assert map_rows(ROWS, "Good? {value}", workers=4).tokens == 0
    assert asked_once(server)
    assert session.ledger.verify().problems == ()


def test_a_comparison_and_a_presumption_at_one_moment_of_a_job_book_each_call_once(server, monkeypatch):
    """One call of before is in doubt and due; those under way are due, too, and settle themselves."""
    later, session = [0], current()
    monkeypatch.setattr(session, "_clock", lambda: now() + later[0])
    monkeypatch.setattr(AskSage.instance(), "presume_after_s", 60)
    server.on(QUERY, LOST)
    map_rows(["lost"], "Good? {value}")
    (lost,) = session.ledger.unsettled(session.account, Meter.INFERENCE)
    both, threads, troubles = threading.Barrier(2), [], []

    def at_once(do):
        try:
            both.wait(WAIT_S)
            do()
        except Exception as error:
            troubles.append(error)

    def do():
        later[0] = 120_000_000
        for move in (partial(sage.reconcile, session, sleep=lambda _: None), session.ledger.presume):
            threads.append(threading.Thread(target=at_once, args=(move,)))
            threads[-1].start()

    server.on(
        "/server/count-monthly-tokens",
        lambda _: {"response": USED + 7 * len(questions(server)), "status": 200},
    )
    at_call(server, 12, do)
    assert map_rows(ROWS, "Good? {value}", workers=4).count(RowStatus.OK) == 40
    for thread in threads:
        thread.join(WAIT_S)
    assert not troubles and len(threads) == 2
    assert standing() == (USED + 280 + lost.tokens, 0)
    assert session.ledger.verify().problems == ()


# -- replies that are none ---------------------------------------------------------------------------


def test_a_reply_that_drips_is_one_and_one_of_more_than_32_mib_is_in_doubt(server):
    huge = Played(b'{"message": "' + b"x" * (32 * 2**20) + b'"}')
    dripping = Played(billed("good", 7))
    dripping = Played(dripping.body, cuts=tuple(range(1, len(dripping.content))), framing="chunked")

    def reply(request):
        return {"row 020": huge, "row 021": dripping}.get(said(request)[-7:], billed("good", 7))

    server.on(QUERY, reply)
    mapped = map_rows(ROWS, "Good? {value}", workers=4)
    statuses = mapped.frame["status"].tolist()
    assert [number for number, each in enumerate(statuses) if each != "ok"] == [20]
    assert statuses[20] == "unknown"
    assert "32 MiB" in mapped.frame["reason"].iloc[20]
    assert standing()[0] == USED + 39 * 7 and standing()[1] > 0
    map_rows(ROWS, "Good? {value}")
    assert asked_once(server)


def test_a_job_whose_replies_drip_without_an_end_is_stopped_by_what_came_to_nothing(server, monkeypatch):
    monkeypatch.setattr("asksage_jupyter.service.way.bounded._PATIENCE", 0.0005)  # of 300 s
    slow = SimpleNamespace(wait=lambda _: server.closing.wait(0.02))  # between two bytes
    dripping = Played(b" " * 4000, cuts=tuple(range(1, 4000)), framing="chunked", gate=slow)
    server.on(QUERY, lambda request: dripping if int(said(request)[-3:]) % 2 else billed("good", 7))
    with pytest.raises(JobStopped, match="came to nothing") as stopped:
        map_rows([f"row {number:03}" for number in range(80)], "Good? {value}")
    result = stopped.value.result
    assert result.count(RowStatus.UNKNOWN) >= 4
    assert result.count(RowStatus.UNSENT) > 0
    assert result.tokens == 7 * result.count(RowStatus.OK)
    assert len(current().ledger.unsettled(current().account, Meter.INFERENCE)) == result.count(
        RowStatus.UNKNOWN
    )


# -- what is private ---------------------------------------------------------------------------------

PROMPT, REPLY, COLUMN, INDEX, CHOICE = (
    "canary-prompt", "canary-reply", "canary_column", "canary-index", "canary-choice",
)  # fmt: skip
PRIVATE = (PROMPT, REPLY, COLUMN, INDEX, CHOICE, KEY)


def test_what_is_asked_and_answered_is_in_no_ledger_metadata_widget_traceback_or_log(
    shell, server, tmp_path, monkeypatch, caplog
):
    import pandas

    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    server.on(QUERY, billed(f"{REPLY}, and nothing that fits", 7))
    texts = [f"{PROMPT} {number}" for number in range(30)]
    frame = pandas.DataFrame({COLUMN: texts}, index=[f"{INDEX}-{number}" for number in range(30)])
    shell.push({"df": frame, "kinds": [CHOICE, "other"], "template": f"{PROMPT}: {{{COLUMN}}}"})
    panel = sage.panel()
    with capture_output() as captured:
        ran = shell.run_cell("df.asksage.map(template, schema=kinds)")
    error = ran.error_in_exec
    assert isinstance(error, JobStopped)
    assert error.result.count(RowStatus.INVALID) > 0
    shell.InteractiveTB.set_mode("Verbose")  # shows each frame's values, the person's own among them
    verbose = "".join(shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__))
    shell.InteractiveTB.set_mode("Context")
    assert PROMPT in verbose and KEY not in verbose
    widgets = repr([each.get_state() for each in ipywidgets.widgets.widget._instances.values()])
    told = {
        "widget state": widgets + repr(panel.get_state()),
        "error": captured.stdout + captured.stderr,
        "metadata": repr([output.metadata for output in captured.outputs]),
        "traceback": "".join(traceback.format_exception(error)),
        "log": caplog.text + "".join(map(str, (record.args for record in caplog.records))),
    }
    current().ledger.close()
    told |= {
        path.name: path.read_bytes().decode("latin-1")
        for path in tmp_path.rglob("*")
        if path.is_file() and ".replies" not in path.name
    }
    assert "ledger.db" in told
    assert not [(place, word) for place, text in told.items() for word in PRIVATE if word in text]
