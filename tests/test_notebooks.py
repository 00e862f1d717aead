"""The notebooks as a newcomer runs them: real kernels, the demo service, its real model."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import nbformat
import pandas
import pytest
from kept import contents
from nbclient import NotebookClient
from patience import WAIT_S

import asksage_jupyter
from asksage_jupyter import session
from asksage_jupyter.settings import AskSage

pytestmark = pytest.mark.long

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def executed(name, service, folder):
    """The notebook, executed in a kernel of its own, with its ledger in `folder`."""
    environment = {
        **os.environ,
        **service,
        "ASKSAGE_LEDGER": str(folder / "ledger.db"),
        "JPY_SESSION_NAME": f"notebooks/{name}",
    }
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    NotebookClient(notebook, kernel_name="python3", timeout=WAIT_S).execute(cwd=str(folder), env=environment)
    return notebook


@pytest.fixture(scope="module")
def quickstart(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    return executed("01-quickstart.ipynb", demo.environment, folder), folder


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
    panel = outputs(notebook, "import asksage_jupyter\n")
    assert "Token meter" in panel  # the card itself: a widget would be an error once the kernel is gone
    assert "application/vnd.jupyter.widget-view+json" not in panel
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
    assert not [path for path, data in contents(folder).items() if demo.key.encode() in data]


def test_committed_notebooks_hold_no_outputs():
    for path in NOTEBOOKS.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells), path.name


def test_the_months_notebook_ends_with_a_statement_that_adds_up(demo, tmp_path):
    notebook = executed("02-months.ipynb", demo.environment, tmp_path)
    assert "tokens" in outputs(notebook, 'asksage_jupyter.train(notes, "tides")')
    assert "205,000" in outputs(notebook, "%asksage reconcile") + outputs(notebook, "%asksage statement")
    assert "train:" in outputs(notebook, "%asksage statement")


def test_the_notebook_of_a_thousand_rows_pays_once(demo, tmp_path):
    notebook = executed("04-a-thousand-rows.ipynb", demo.environment, tmp_path)
    assert "60 rows \\u2192 12 calls" in outputs(notebook, "import asksage_jupyter as sage")
    (error,) = json.loads(outputs(notebook, "sage.map(tickets, prompt, budget=1)"))
    assert error["ename"] == "OverEnvelope"
    shown_of_it = json.loads(outputs(notebook, "import _thread"))
    (stopped,) = (output for output in shown_of_it if output["output_type"] == "error")
    assert stopped["ename"] == "JobStopped"
    assert re.search(r"[1-9]\d* were not sent.*The same again goes on from here", stopped["evalue"])
    report, _where_it_is = shown_of_it[shown_of_it.index(stopped) + 1 :]
    assert "of 60 rows answered" in report["data"]["text/plain"]
    assert "saved by replay" in outputs(notebook, "mapped = ")
    assert "5 of 60 rows" not in outputs(notebook, "mapped = ")
    assert "58 of 60 rows answered" in outputs(notebook, "mapped = ")
    assert " 0 tokens (billed)" in outputs(notebook, "again = ")
    assert "who_status" in outputs(notebook, "tickets = tickets.asksage")
    assert "the same again asks nothing" in outputs(notebook, "%%asksage --map")
    (costs,) = json.loads(outputs(notebook, "billed = "))
    rows = [line.split() for line in costs["data"]["text/plain"].splitlines()[2:]]
    assert [team for team, _ in rows] == ["facilities", "mail", "network", "security"]
    assert all(int(tokens) > 0 for _, tokens in rows)  # also what an earlier run paid for
    assert "image/png" in outputs(notebook, "costs.plot")


# -- the quarter to explore --------------------------------------------------------------------------

VEGA_LITE = "application/vnd.vegalite.v5+json"
NEW_YEAR = datetime(2027, 1, 1, 0, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """The notebook, executed beside its module and with no service at all; and where its kernel worked."""
    folder = tmp_path_factory.mktemp("explored")
    shutil.copy(NOTEBOOKS / "quarter.py", folder)
    nowhere = {"ASKSAGE_URL": "http://127.0.0.1:9", "ASKSAGE_API_KEY": "", "ASKSAGE_EMAIL": ""}
    return executed("03-explore-usage.ipynb", nowhere, folder), folder


def shown(notebook, beginning, kind="text/plain"):
    """What the one cell that begins so shows, in one media type."""
    (cell,) = (cell for cell in notebook.cells if cell.source.startswith(beginning))
    (output,) = cell.outputs
    return output["data"][kind]


def number(pattern, text):
    return int(re.search(pattern.replace("N", r"(-?[\d,]+)"), text)[1].replace(",", ""))


def test_the_table_the_chart_and_the_figures_tell_the_same(explored):
    notebook, _ = explored
    table, chart = shown(notebook, "%asksage usage"), shown(notebook, "asksage_jupyter.usage_chart")
    rows = [line.split() for line in table.splitlines() if line.endswith("%")]
    tokens = {name: int(figure.replace(",", "")) for name, *_, figure, _ in rows}
    total = tokens.pop("total", 0)  # in a month's first hours there may be none
    assert sum(tokens.values()) == total
    elsewhere = number(r"other devices +N", shown(notebook, "pace = "))
    assert number(r": N of 200,000", chart) == total + elsewhere


def test_the_pace_is_the_same_everywhere(explored):
    notebook, _ = explored
    card, figures = shown(notebook, "%asksage pace"), shown(notebook, "pace = ")
    assert card.splitlines()[0].removeprefix("inference: ") in shown(notebook, "asksage_jupyter.usage_chart")
    assert number(r"N left", card) == number(r"\nleft +N\n", figures)


def test_each_chart_is_drawn_from_its_own_data_and_told_in_words(explored):
    notebook, _ = explored
    charts = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    charts = [output["data"] for output in charts if VEGA_LITE in output["data"]]
    assert len(charts) == 5
    for chart in charts:
        spec = chart[VEGA_LITE]
        assert spec["description"] == chart["text/plain"]
        assert "://" not in json.dumps(spec | {"$schema": ""})
    assert shown(notebook, "days = ", "image/png")


def test_other_models_are_priced_for_the_same_calls(explored):
    notebook, _ = explored
    table = shown(notebook, "savings = ")
    assert [table.count(f"\n{model}") for model in ("gpt-5-mini", "google-claude-45-opus")] == [1, 1]
    assert table.count(" priced") == 5
    billed = number(r"calls were billed N tokens", table)
    assert number(r"gpt-5-mini +N ", table) <= billed <= number(r"google-claude-45-opus +N ", table)


def test_what_was_exported_is_read_back_whole(explored):
    notebook, _ = explored
    before, after = shown(notebook, "import tempfile"), shown(notebook, 'plain.groupby("model")')
    assert number(r"gpt-5-mini +\d+ +\d+ +\d+ +N ", before) == number(r"gpt-5-mini +N\n", after)


def test_exploring_warns_of_nothing_and_leaves_nothing(explored):
    notebook, folder = explored
    said = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "data" not in output]
    assert said == []
    assert {path.name for path in folder.iterdir()} <= {"quarter.py", "__pycache__"}


@pytest.fixture(scope="module")
def quarter():
    """The module beside the notebooks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(NOTEBOOKS)
        yield importlib.import_module("quarter")


@pytest.fixture
def team(quarter, monkeypatch):
    """Reads everybody's calls of a quarter; the session is its first person's."""
    monkeypatch.setenv("ASKSAGE_URL", quarter.URL)
    monkeypatch.setenv("ASKSAGE_EMAIL", quarter.ME)

    def read(**options):
        monkeypatch.setenv("ASKSAGE_LEDGER", str(quarter.write(**options)))
        AskSage.clear_instance()
        return asksage_jupyter.usage(all_holders=True)

    return read


def test_a_quarter_is_realistic_and_its_ledger_true(team):
    log = team(until=NEW_YEAR)
    assert 1_000 < len(log) < 2_500
    assert log["sent_at"].min() >= pandas.Timestamp("2026-11-01", tz="UTC")
    assert log["sent_at"].max() < NEW_YEAR
    assert log["sent_at"].dt.day_of_week.lt(5).mean() > 0.9
    counts = log[["holder", "model", "notebook", "project"]].nunique()
    assert counts.to_dict() == {"holder": 4, "model": 5, "notebook": 6, "project": 3}
    assert {*log["source"]} == {"billed", "log", "presumed"}
    assert 0.8 < (log["tokens"] / log["estimate"]).median() < 1.2
    ledger = session.current().ledger
    assert ledger.verify().ok
    assert [ledger.balance(known.account).inference.held for known in ledger.accounts()] == [0] * 4


def test_the_same_seed_and_end_give_the_same_calls(team):
    first, second, other = team(until=NEW_YEAR), team(until=NEW_YEAR), team(until=NEW_YEAR, seed=5)
    own = [name for name in first if name not in ("op", "request_id")]
    pandas.testing.assert_frame_equal(first[own], second[own])
    assert not first[own].equals(other[own])


def test_the_temporary_ledger_goes_with_its_process():
    code = "import quarter; print(quarter.write())"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=NOTEBOOKS, capture_output=True, text=True, check=True
    )
    assert not Path(ran.stdout.strip()).parent.exists()
