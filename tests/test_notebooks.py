"""The notebooks as a newcomer runs them: real kernels, the demo service, its real model."""

import json
import os
from pathlib import Path

import httpx
import nbformat
import pytest
from nbclient import NotebookClient

import asksage_jupyter
from asksage_jupyter import session

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def executed(name, demo, folder):
    """The notebook, executed in a kernel of its own, with its ledger in `folder`."""
    environment = {
        **os.environ,
        **demo.environment,
        "ASKSAGE_LEDGER": str(folder / "ledger.db"),
        "JPY_SESSION_NAME": f"notebooks/{name}",
    }
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute(cwd=str(folder), env=environment)
    return notebook


@pytest.fixture(scope="module")
def quickstart(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    return executed("01-quickstart.ipynb", demo, folder), folder


def outputs(notebook, beginning):
    """The outputs of the one cell that begins so, as text."""
    (cell,) = (cell for cell in notebook.cells if cell.source.startswith(beginning))
    return json.dumps(cell.outputs)


def test_a_cell_is_answered_counted_and_receipted(quickstart):
    notebook, _ = quickstart
    shown = outputs(notebook, "%%asksage\nIn one sentence")
    assert "text/markdown" in shown
    assert "local demo" in shown
    assert "tokens (billed)" in shown
    assert "of 200,000 left" in shown


def test_the_refused_call_is_one_line(quickstart):
    notebook, _ = quickstart
    (cell,) = (cell for cell in notebook.cells if "--max-tokens 5" in cell.source)
    (error,) = cell.outputs
    assert error["ename"] == "OverLimit"
    assert len(error["traceback"]) == 1
    assert "above your limit of 5" in error["evalue"]


def test_the_balance_the_panel_and_the_usage_are_shown(quickstart):
    notebook, _ = quickstart
    assert "Local demo (not Ask Sage tokens)" in outputs(notebook, "%asksage")
    assert "application/vnd.jupyter.widget-view+json" in outputs(notebook, "import asksage_jupyter\n")
    assert "local-smollm2-135m" in outputs(notebook, "usage = ")
    assert "01-quickstart.ipynb" in outputs(notebook, "usage.groupby")


def test_the_ledger_agrees_with_the_service_to_the_token(quickstart, demo, monkeypatch):
    _, folder = quickstart
    session.forget()
    for name, value in demo.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ASKSAGE_LEDGER", str(folder / "ledger.db"))
    usage = asksage_jupyter.usage()
    assert len(usage) == 3
    assert set(usage["source"]) == {"billed"}
    assert usage["notebook"].unique().tolist() == ["notebooks/01-quickstart.ipynb"]
    inference = asksage_jupyter.balance().inference
    counted = httpx.post(
        f"{demo.url}/server/count-monthly-tokens", headers={"x-access-tokens": demo.key}, trust_env=False
    ).json()["response"]
    assert inference.used == int(counted)
    assert session.current().ledger.verify().ok


def test_the_key_is_in_no_output_and_no_file(quickstart, demo):
    notebook, folder = quickstart
    assert demo.key not in nbformat.writes(notebook)
    for path in folder.rglob("*"):
        assert not path.is_file() or demo.key.encode() not in path.read_bytes()


def test_committed_notebooks_hold_no_outputs():
    for path in NOTEBOOKS.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells), path.name


def test_the_months_notebook_ends_with_a_statement_that_adds_up(demo, tmp_path):
    notebook = executed("02-months.ipynb", demo, tmp_path)
    assert "tokens" in outputs(notebook, 'asksage_jupyter.train(notes, "tides")')
    assert "205,000" in outputs(notebook, "%asksage reconcile") + outputs(notebook, "%asksage statement")
    assert "train:" in outputs(notebook, "%asksage statement")
