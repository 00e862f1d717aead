"""The terminal says what the notebook says, for people and for programs, into any code page and pipe."""

import csv
import io
import json
import os
import re
import subprocess
import sys

import pytest

import asksage_jupyter
from asksage_jupyter import cli, session
from asksage_jupyter.cli import serving, shared
from asksage_jupyter.commands import COMMANDS

posix = pytest.mark.skipif(os.name == "nt", reason="pipes and devices of POSIX")
HERE = [sys.executable, "-m", "asksage_jupyter"]


@pytest.fixture
def said(server, capsys):
    """Run a command in this process: its exit code, and what it said on both streams."""

    def run(*words):
        capsys.readouterr()
        try:
            code = cli.main(words)
        except SystemExit as end:
            code = end.code
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def spent(said, server, monkeypatch):
    """A call was billed, in a notebook whose name no old code page has."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ana/отчёт.ipynb")
    session.forget()
    asksage_jupyter.ask("Why?", model="sage-haiku")
    return said


def in_process(*words, **variables):
    return subprocess.run([*HERE, *words], env=os.environ | variables, capture_output=True, check=False)


def test_whatever_needs_no_notebook_is_a_command(capsys):
    assert set(COMMANDS) - set(shared.NAMES) == {"panel", "serve", "follow-up", "help", "envelope"}
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    listed = capsys.readouterr().out
    assert all(re.search(rf"^ +{name}\b", listed, re.M) for name in shared.NAMES)
    assert "'dest'" not in listed  # argparse fills in what a lone % of a help text asks for


@pytest.mark.parametrize("name", shared.NAMES)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_each_has_help_that_speaks_of_the_terminal(name, option, said):
    code, out, err = said(name, option)
    assert (code, err) == (0, "")
    assert f"asksage-jupyter {name}" in out
    assert not re.search(r"(?<!%)%asksage\b(?!_)", out)


def test_help_by_its_own_word_is_the_same(said):
    assert said("help", "usage") == said("usage", "--help")


def test_a_month_is_written_as_in_the_notebook(spent):
    for words in (["usage"], ["statement"]):
        code, out, _ = spent(*words, "2026-10")
        assert code == 0
        assert "2026-10" in out or "October 2026" in out
    assert spent("usage", "2026-10") == spent("usage", "--period", "2026-10")
    code, out, err = spent("usage", "2026-10", "2026-11")
    assert (code, out) == (2, "")
    assert "asksage-jupyter usage takes one word at most, not '2026-10 2026-11'" in err


def test_an_estimate_may_end_in_a_question_mark_and_hold_quotes(said):
    for words in (["Why is it blue?"], ["Why", "is", "it", "blue?"]):
        code, out, err = said("estimate", "sage-haiku", *words)
        assert (code, err) == (0, "")
        assert out.startswith("sage-haiku: about ")
    code, out, _ = said("estimate", "sage-haiku", """He said "why" and 'how' to her""", "--json")
    assert json.loads(out)["model"] == "sage-haiku"


@pytest.mark.parametrize(
    "word",
    ["plain", "two words", 'a "quoted" word', "it's  so", '"', "C:\\new folder\\x", "--reason=two words"],
)
def test_a_word_of_the_shell_is_one_word_of_the_line(word):
    from asksage_jupyter.prompting import split

    assert split(shared._line([word, "after"])) == [word, "after"]


# What is said of each command to have it show something; a new command wants a line here.
SHOWN = {
    "balance": (), "usage": (), "why": (), "notebook": ("/home/ana/отчёт.ipynb",), "pace": (), "models": (),
    "estimate": ("sage-haiku", "Why?"), "plan": (), "top-up": ("500", "--receipt", "7"), "request": (),
    "train": ("notes.txt", "--dataset", "notes", "--estimate"), "datasets": (), "personas": (), "plugins": (),
    "reconcile": (), "statement": ("--since", "yesterday"), "replay": (), "login": (), "version": (),
}  # fmt: skip


@pytest.mark.parametrize("name", shared.NAMES)
def test_whatever_is_shown_comes_as_json_and_as_csv(name, spent, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("Tides.")
    monkeypatch.setattr("getpass.getpass", lambda *_: "a-key")
    tell_lists(server)
    words = (name, *SHOWN[name])
    code, out, err = spent(*words, "--json")
    assert code == 0, err
    assert isinstance(json.loads(out), dict)
    code, out, err = spent(*words, "--csv")
    assert code == 0, err
    rows = list(csv.DictReader(io.StringIO(out)))
    assert rows
    assert None not in rows[0]


def tell_lists(server):
    lists = {
        "/server/get-personas": [{"id": 7, "name": "Lawyer", "description": "Reads law."}],
        "/server/get-plugins": [{"plugin_name": "search", "plugin_description": "Searches."}],
    }
    lists["/user/get-my-token-requests"] = [{"requested_amount": 500, "status": "pending"}]
    lists["/server/get-datasets"] = ["user_custom_81_notes_content"]
    for path, listed in lists.items():
        server.on(path, {"response": listed, "status": 200})


def test_doctor_and_the_report_of_a_team_come_as_json_too(said, server):
    code, out, _ = said("doctor", "--json")
    found = {each["subject"]: each["is_right"] for each in json.loads(out)["subjects"]}
    assert found["python"] is True
    assert code == int(not all(found.values()))
    assert said("team", "init", "--pool", "lab", "--monthly", "1000")[0] == 0
    assert json.loads(said("team", "report", "--json")[1])["pool"] == "lab"


def test_a_program_that_is_told_how_to_ask_gets_no_figures(spent):
    code, out, err = spent("estimate", "--json")
    assert (code, out) == (2, "")
    assert "asksage-jupyter estimate" in err


def test_a_billing_code_has_a_name(spent):
    assert spent("usage", "--by", "tag:")[0] == 2
    assert spent("usage", "--by", "model,tag:wbs")[0] == 0


def test_the_figures_are_those_of_python(spent):
    balance = json.loads(spent("balance", "--json")[1])["inference"]
    now = session.current().balance().inference
    assert (balance["used"], balance["remaining"]) == (now.used, now.remaining)
    assert now.used >= 63
    (row,) = csv.DictReader(io.StringIO(spent("usage", "--csv")[1]))
    assert (row["meter"], row["model"], row["tokens"]) == ("inference", "sage-haiku", "63")
    assert spent("usage", "--csv", "2026-01")[1].splitlines() == ["meter,model"]


def test_a_table_goes_into_a_file_and_home_is_known(spent, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("statement", "usage"):
        code, _, err = spent(name, "--csv", f"~/{name}.csv")
        assert (code, err) == (0, f"It is also in {tmp_path / name}.csv.\n")
        assert (tmp_path / f"{name}.csv").read_text(encoding="utf-8") == spent(name, "--csv")[1]


@pytest.mark.parametrize("name", ["statement", "usage"])
@pytest.mark.parametrize("where", ["nowhere/x.csv", "."])
def test_a_file_that_cannot_be_written_is_one_line(name, where, spent, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = spent(name, "--csv", where)
    assert code == 1
    assert re.fullmatch(r"asksage-jupyter: \S+ cannot be written: .+\n", err)


def test_a_line_that_is_not_understood_is_exit_code_2(said):
    code, out, err = said("usage", "--periods", "2026-11")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "usage: asksage-jupyter usage [2026-11] [options]",
        "asksage-jupyter: there is no option --periods; did you mean --period? allowed are --by, --period, "
        "--since, --until, --all",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["usag"], "there is no command usag; did you mean usage? allowed are "),
        (["team", "remov", "x"], "there is no command remov; did you mean remove? allowed are init, "),
        (["nonsense"], "there is no command nonsense; allowed are demo, local, balance, "),
    ],
)
def test_a_command_that_is_not_there_is_told_with_the_nearest(words, told, said):
    code, out, err = said(*words)
    assert (code, out) == (2, "")
    assert told in err


def test_what_is_compared_is_told_in_short_lines(spent):
    code, out, _ = spent("reconcile")
    assert code == 0
    title, *lines = out.splitlines()
    assert title.startswith("Compared with ")
    assert any(line.startswith("- Inference: counter ") for line in lines)
    assert max(map(len, lines)) <= 100


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "latin-1"])
def test_what_a_code_page_lacks_is_replaced(encoding, spent):
    session.forget()
    done = in_process("statement", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    assert re.search(r"Used by calls +\| +-63 ", text)  # its minus sign is one that these pages lack


@pytest.mark.long
def test_what_ascii_lacks_of_a_notebooks_name_is_replaced(spent):
    session.forget()
    done = in_process("usage", "--by", "notebook", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert ".ipynb" in done.stdout.decode("ascii")


@pytest.mark.long
@posix
def test_the_posix_locale_is_enough(spent):
    session.forget()
    done = in_process("statement", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.long
@posix
@pytest.mark.parametrize("words", [["usage"], ["--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_stops_early_ends_it_quietly(words, unbuffered, server):
    reading, writing = os.pipe()
    os.close(reading)
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        [*HERE, *words], env=environment, stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.long
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")  # noqa: PTH110
@pytest.mark.parametrize("words", [["usage"], ["--version"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_one_line(words, unbuffered, server):
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [*HERE, *words], env=environment, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"asksage-jupyter: the output cannot be written: No space left on device\n"


def test_the_version_tells_what_a_report_needs(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert re.fullmatch(
        r"asksage_jupyter \S+, Python \S+, IPython \S+, JupyterLab \S+\n", capsys.readouterr().out
    )


@pytest.mark.parametrize(("system", "line"), [("nt", 'set "A=b c&d"'), ("posix", "export A='b c&d'")])
def test_a_variable_is_set_as_the_systems_shell_wants_it(system, line):
    assert serving.assignment("A", "b c&d", system) == line
