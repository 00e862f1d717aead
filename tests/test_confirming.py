"""What costs much is asked about first, and refused where nobody can answer: also by programs."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from nbconvert.filters import strip_ansi
from patience import WAIT_S
from scripted import QUERY
from tenant import MODEL, OTHER, questions
from test_map import billed, ran

import asksage_jupyter as sage
from asksage_jupyter.errors import BadInput, JobStopped, NeedsConfirmation
from asksage_jupyter.session.asking.confirming import answer_by
from asksage_jupyter.settings import AskSage

ROWS = [f"review {number}" for number in range(200)]  # at first about 163 tokens each, of 200,000


@pytest.fixture
def asked():
    """What the person was asked; they answer with `asked.answer`."""

    class Asked(list):
        answer = True

        def __call__(self, question):
            self.append(question)
            return self.answer

    asked = Asked()
    answer_by(asked)
    yield asked
    answer_by(None)


def test_a_map_above_a_tenth_of_what_is_left_is_refused_where_nobody_can_be_asked(server):
    server.on(QUERY, billed("good", 7))
    with pytest.raises(NeedsConfirmation, match=r"Nothing was sent; --budget 32600 or budget= confirms it"):
        sage.map(ROWS, "Good? {value}")
    assert not questions(server)
    assert sage.usage().empty
    assert sage.map(ROWS, "Good? {value}", estimate=True).calls == 200
    assert sage.map(ROWS, "Good? {value}", budget=40_000).tokens == 1400


def test_a_person_is_asked_once_and_their_no_sends_nothing(server, asked):
    server.on(QUERY, billed("good", 7))
    asked.answer = False
    with pytest.raises(NeedsConfirmation):
        sage.map(ROWS, "Good? {value}")
    assert not questions(server)
    asked.answer = True
    assert sage.map(ROWS, "Good? {value}").tokens == 1400
    assert len(asked) == 2
    assert "About 32,600 tokens, which is above 10% of what is left (19,958)" in asked[0]


def test_a_sample_that_shows_a_map_to_be_dearer_asks_again(server, asked):
    server.on(QUERY, billed("good", 400))
    rows = ROWS[:100]
    asked.answer = False
    with pytest.raises(JobStopped, match="confirm what is sent") as stopped:
        sage.map(rows, "Good? {value}")
    assert len(questions(server)) == 5
    assert stopped.value.result.tokens == 2_000


@pytest.mark.parametrize(("above", "is_asked"), [("", False), ("50", True), ("0.01%", True), ("5%", False)])
def test_a_cell_is_asked_about_above_what_is_set(server, asked, above, is_asked):
    AskSage.instance().confirm_above = above
    sage.ask("Why?")
    assert bool(asked) is is_asked
    sage.ask("Why?", max_tokens=5_000)  # a limit of one's own is an answer
    assert len(asked) == is_asked
    asked.answer = False
    if is_asked:
        before = len(questions(server))
        for ask in (lambda: sage.ask("Why?"), lambda: sage.compare("Why?", [MODEL, OTHER])):
            with pytest.raises(NeedsConfirmation, match="max_tokens= confirms it"):
                ask()
        assert len(questions(server)) == before
        assert sage.balance().inference.held == 0


def test_it_may_be_turned_off_and_no_nonsense_is_taken(server):
    server.on(QUERY, billed("good", 7))
    AskSage.instance().confirm_above = "off"
    assert sage.map(ROWS, "Good? {value}").tokens == 1400
    for nonsense in ("much", "-5", "200%", "ten %"):
        with pytest.raises(BadInput, match='like "5000", "10%" or "off"'):
            AskSage.instance().confirm_above = nonsense


@pytest.mark.parametrize(("answer", "sent"), [("y", 1), ("Yes ", 1), ("n", 0), ("", 0), (EOFError, 0)])
def test_a_cell_asks_by_input(shell, server, monkeypatch, answer, sent):
    def say(question):
        if isinstance(answer, type):
            raise answer
        return answer

    monkeypatch.setattr("builtins.input", say)
    AskSage.instance().confirm_above = "100"
    _, error = ran(shell, "%%asksage\nWhy?")
    assert len(questions(server)) == sent
    assert isinstance(error, NeedsConfirmation) is not sent


# -- programs that run notebooks ---------------------------------------------------------------------

GOOD, RETIRED = billed("good", 7), {"response": "the model is retired", "status": 400}
ENDS = {
    "refused": ("sage.map(rows, 'Good? {nothing}')", "BadInput", {}),
    "confirm": ("sage.map(rows, 'Good? {value}')", "NeedsConfirmation", {}),
    "envelope": ("sage.ask('Why? ' * 2000)", "OverEnvelope", {"ASKSAGE_ENVELOPE": "300"}),
    "stopped": ("sage.map(rows[:40], 'Good? {value}', workers=1)", "JobStopped", {}),
    "mostly": ("sage.map(rows[:4], 'Good? {value}', schema=int, mostly=0.5)", "JobStopped", {}),
    "good": ("sage.map(rows[:8], 'Good? {value}')", "", {}),
}


def runs(program, server, tmp_path, monkeypatch, end, *written):
    """Let a program execute a notebook, and compare how it ends."""
    source, error, environment = ENDS[end]
    server.on(QUERY, GOOD, *[GOOD] * 6, *[RETIRED] * 3 * (end == "stopped"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    first = "import asksage_jupyter as sage\nrows = [f'review {number}' for number in range(200)]"
    cells = [nbformat.v4.new_code_cell(each) for each in (first, source)]
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    command = [sys.executable, "-m", *program, path, *written]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert (done.returncode != 0) is bool(error), done.stderr
    told = " ".join(strip_ansi(done.stderr).split())
    assert f"{error}: " in f"{told}: "
    assert ("Nothing was sent" in told) is (end in ("refused", "confirm", "envelope"))


# Each way to end by one of them, and the good one by both: they stand on the same client of the kernel's.
@pytest.mark.long
@pytest.mark.parametrize("end", ["refused", "envelope", "stopped", "good"])
def test_a_notebook_that_is_converted_fails_where_something_is_refused(server, tmp_path, monkeypatch, end):
    program = ["nbconvert", "--to", "notebook", "--execute", "--inplace"]
    runs(program, server, tmp_path, monkeypatch, end)


@pytest.mark.long
@pytest.mark.parametrize("end", ["confirm", "mostly", "good"])
def test_papermill_fails_where_something_is_refused(server, tmp_path, monkeypatch, end):
    runs(["papermill", "--kernel", "python3"], server, tmp_path, monkeypatch, end, tmp_path / "out.ipynb")
