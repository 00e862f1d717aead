"""The commands as a person runs them: real processes, a real kernel, a real JupyterLab."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import nbformat
import pytest
from patience import WAIT_S

from asksage_jupyter import cli, local
from asksage_jupyter.cli import demo as demo_command
from asksage_jupyter.errors import AskSageError, BadInput

pytestmark = pytest.mark.long

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Folders of their own for the commands; and restored, where a command in this process changes it."""
    local.fetch()  # into the person's cache, before the folders are others
    folders = ["DATA_DIR", "CONFIG_DIR", "RUNTIME_DIR"]
    for name in folders:
        monkeypatch.setenv(f"JUPYTER_{name}", str(tmp_path / name))
    for name in ["URL", "API_KEY", "EMAIL", "MODEL", "LEDGER"]:
        monkeypatch.setenv(f"ASKSAGE_{name}", "")
    for name in ["JUPYTER_PATH", "JUPYTER_CONFIG_PATH"]:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    return os.environ


@pytest.fixture
def stray_kernel(environment, tmp_path):
    """A kernel called python3 that belongs to another Python, and cannot start."""
    folder = tmp_path / "DATA_DIR" / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["no-such-python", "{connection_file}"], "display_name": "Stray", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    return environment


def notebook(path, *cells):
    """Write a notebook of code cells; one whose first line is ``# fails`` is allowed to."""
    document = nbformat.v4.new_notebook()
    for source in cells:
        cell = nbformat.v4.new_code_cell(source)
        if source.startswith("# fails"):
            cell.metadata.tags = ["raises-exception"]
        document.cells += [nbformat.v4.new_markdown_cell("Text"), cell]
    nbformat.write(document, path)
    return path


ASK = """
import json, os, sys, urllib.request
def post(path, **fields):
    headers = {"x-access-tokens": os.environ["ASKSAGE_API_KEY"], "Content-Type": "application/json"}
    request = urllib.request.Request(os.environ["ASKSAGE_URL"] + path, json.dumps(fields).encode(), headers)
    return json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))
"""


def test_check_runs_every_cell_against_the_local_service_in_a_kernel_of_this_python(stray_kernel, tmp_path):
    path = notebook(
        tmp_path / "try.ipynb",
        ASK,
        f"assert sys.executable == {sys.executable!r}, sys.executable",
        "reply = post('/server/query', message='Hi', usage=True)",
        "assert reply['usage']['asksage_tokens'] > 3",
        "assert reply['provenance']['model'] == os.environ['ASKSAGE_MODEL']",
        "# fails, and is expected to\n1 / 0",
        f"open({str(tmp_path / 'folder')!r}, 'w').write(os.environ['ASKSAGE_LEDGER'])",
    )
    before, then = path.read_bytes(), []
    assert demo_command.check(path, then=lambda: then.append(os.environ["ASKSAGE_EMAIL"])) == 0
    assert then == ["local-demo"]
    assert path.read_bytes() == before
    # Its ledger was of its own, and nothing of it is left behind.
    ledger = Path((tmp_path / "folder").read_text())
    assert not ledger.parent.exists()


def test_check_names_the_cell_that_failed_in_one_line(environment, tmp_path):
    path = notebook(tmp_path / "try.ipynb", "# fails\n1 / 0", "raise ValueError('too bad\\nmore')", "1")
    with pytest.raises(AskSageError) as raised:
        demo_command.check(path, then=lambda: pytest.fail("nothing follows a failed check"))
    assert str(raised.value) == "try.ipynb, code cell 2: ValueError: too bad"


@posix
def test_lab_opens_the_notebook_quietly_and_ctrl_c_stops_everything(environment, tmp_path):
    path = notebook(tmp_path / "try.ipynb", "1")
    options = ["--no-browser", "--ServerApp.port=0", "--ServerApp.ip=127.0.0.1"]
    command = [sys.executable, "-m", "asksage_jupyter.cli", "demo", "--notebook", str(path), "--", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    watch = threading.Timer(60, os.killpg, (process.pid, signal.SIGKILL))
    watch.start()
    try:
        seen = ""
        while not (
            found := re.search(
                r"copy and paste.*\n *(http://127\.0\.0\.1:\d+)/lab/tree/try\.ipynb\?token=(\w+)\n", seen
            )
        ):
            line = process.stderr.readline()
            assert line, seen
            seen += line
        url, token = found.groups()
        # What a browser would be sent to.
        openers = [path.read_text() for path in (tmp_path / "RUNTIME_DIR").glob("jpserver-*-open.html")]
        assert any("/lab/tree/try.ipynb?token=" in opener for opener in openers)
        page = httpx.get(f"{url}/lab", params={"token": token}, trust_env=False).text
        config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
        assert "@jupyterlab/apputils-extension:announcements" in str(config["disabledExtensions"])
        os.killpg(process.pid, signal.SIGINT)
        process.stderr.read()
        assert process.wait() == 0
        with pytest.raises(ProcessLookupError):  # no process of the group is left
            os.killpg(process.pid, 0)
    finally:
        watch.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with process:
            pass  # closes its pipes, waits for it


@posix
def test_local_prints_what_to_export_and_serves_until_ctrl_c(environment):
    command = [sys.executable, "-m", "asksage_jupyter.cli", "local"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = [shlex.split(process.stdout.readline()) for _ in range(4)]
        assert {word for word, _ in lines} == {"export"}
        told = dict(assignment.split("=", 1) for _, assignment in lines)
        assert sorted(told) == ["ASKSAGE_API_KEY", "ASKSAGE_EMAIL", "ASKSAGE_MODEL", "ASKSAGE_URL"]
        headers = {"x-access-tokens": told["ASKSAGE_API_KEY"]}
        url = told["ASKSAGE_URL"] + "/server/count-monthly-tokens"
        assert httpx.post(url, headers=headers, trust_env=False).json() == {"response": 0, "status": 200}
        assert "until Ctrl-C" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=WAIT_S) == ("", "")
        assert process.returncode == 0


def test_the_quickstart_is_copied_once_for_the_person_and_the_checkout_stays_clean(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        demo_command, "__file__", str(tmp_path / "site" / "asksage_jupyter" / "cli" / "demo.py")
    )
    with pytest.raises(BadInput, match="no notebook"):
        demo_command._quickstart(copied=True)
    for folder in ("site/notebooks", "site/asksage_jupyter/notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    checkout = tmp_path / "site" / "notebooks" / "01-quickstart.ipynb"
    checkout.write_text("theirs")
    assert demo_command._quickstart(copied=False) == checkout
    copy = tmp_path / "site" / "demo" / "01-quickstart.ipynb"
    assert demo_command._quickstart(copied=True) == copy  # git ignores that folder
    assert copy.read_text() == "theirs"
    inside = tmp_path / "site" / "asksage_jupyter" / "notebooks" / "01-quickstart.ipynb"
    inside.write_text("packaged")
    assert demo_command._quickstart(copied=False) == inside
    mine = tmp_path / "01-quickstart.ipynb"
    assert demo_command._quickstart(copied=True) == mine
    assert mine.read_text() == "packaged"
    mine.write_text("with my changes")
    demo_command._quickstart(copied=True)
    assert mine.read_text() == "with my changes"


def test_an_expected_failure_is_one_line_and_exit_code_1(capsys, tmp_path):
    assert cli.main(["demo", "--check", "--notebook", str(tmp_path / "absent.ipynb")]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"asksage-jupyter: there is no notebook {tmp_path / 'absent.ipynb'}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["usage", "--periods", "2026-11"]])
def test_wrong_options_are_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert "usage: asksage-jupyter" in capsys.readouterr().err


def test_doctor_tells_what_is_wrong_and_never_the_key(environment, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASKSAGE_API_KEY", "my-secret-key")
    monkeypatch.setenv("ASKSAGE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ASKSAGE_LEDGER", str(tmp_path / "ledger.db"))
    assert cli.main(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "my-secret-key" not in told
    lines = dict(line.split(maxsplit=1) for line in told.splitlines() if not line.startswith("local"))
    assert lines["key"].startswith("yes, from ASKSAGE_API_KEY; not tried")
    assert lines["service"].startswith("WRONG: cannot reach 127.0.0.1 ")
    assert lines["ledger"].startswith(str(tmp_path / "ledger.db"))
    assert "as pinned" in told
