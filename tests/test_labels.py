"""What a cell is called: its place and first words, read where they are and kept nowhere."""

import json
import os

import pandas
import pytest

import asksage_jupyter as sage
from asksage_jupyter.errors import BadInput
from asksage_jupyter.magic import front_end
from asksage_jupyter.session import current
from asksage_jupyter.session.asking.looking_back import explained
from asksage_jupyter.session.origins import labels, origin, renames
from asksage_jupyter.usage_log import report
from asksage_jupyter.usage_log.cells import cell_names

PROMPT = "%%asksage gpt-5\nName one ocean, and say in a word or two why it has that name"


@pytest.fixture
def notebook(tmp_path):
    return saved(tmp_path / "a.ipynb", ("c1", "%load_ext asksage_jupyter"), ("c2", PROMPT), ("c3", ""))


@pytest.fixture(autouse=True)
def nothing_heard(monkeypatch):
    monkeypatch.setattr(labels, "_heard", {})


def saved(path, *cells):
    told = [{"id": name, "source": source.splitlines(keepends=True)} for name, source in cells]
    path.write_text(json.dumps({"cells": told}))
    return path


def test_a_cell_is_called_by_its_place_and_first_words(notebook, tmp_path):
    told = [labels.cell_label(tmp_path, str(notebook), cell) for cell in ("c1", "c2", "c3")]
    assert told == [
        "Cell 1 · %load_ext asksage_jupyter", "Cell 2 · Name one ocean, and say in a word or two…", "Cell 3"
    ]  # fmt: skip


def test_a_notebook_that_was_saved_anew_or_renamed_is_read_as_it_is_now(notebook, tmp_path):
    assert labels.cell_label(tmp_path, str(notebook), "c2").startswith("Cell 2 ")
    saved(notebook, ("c2", "Name a sea"))
    os.utime(notebook, ns=(1, 1))
    new = notebook.rename(tmp_path / "b.ipynb")
    renames.note(tmp_path, str(notebook), str(new), at=5)
    assert labels.cell_label(tmp_path, str(notebook), "c2") == "Cell 1 · Name a sea"


def test_a_cell_that_is_not_saved_yet_is_known_by_its_kernel_and_a_deleted_one_is_said_to_be(
    notebook, tmp_path
):
    labels.hear("c9", PROMPT)
    assert (
        labels.cell_label(tmp_path, str(notebook), "c9")
        == "New cell · Name one ocean, and say in a word or two…"
    )
    assert labels.cell_label(tmp_path, str(notebook), "4e1c2f0a-77") == "cell 4e1c2f0a, deleted"
    assert labels.cell_label(tmp_path, None, "4e1c2f0a-77") == "cell 4e1c2f0a"
    assert labels.cell_label(tmp_path, None, "harmonics-7") == "cell harmonics-7"
    ids = [f"vscode-notebook-cell:/a/b.ipynb#W{number}sZmlsZQ" for number in (1, 2)]
    strange = [labels.cell_label(tmp_path, None, each) for each in ids]
    assert strange == ["cell vscode-n…ipynb#W1sZmlsZQ", "cell vscode-n…ipynb#W2sZmlsZQ"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 7}', '{"cells": [7, {"id": 1}, null]}'])
def test_what_is_no_notebook_has_no_labels(tmp_path, content):
    (tmp_path / "a.ipynb").write_text(content)
    assert not labels.labels(str(tmp_path / "a.ipynb"))
    assert labels.cell_label(tmp_path, str(tmp_path / "a.ipynb"), "c1").startswith("cell c1")


def test_a_pipe_or_a_folder_in_a_notebooks_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.ipynb")
    assert labels.labels(str(tmp_path / "a.ipynb")) is None
    assert labels.labels(str(tmp_path)) is None
    assert labels.labels("a\0b") is None


def test_words_that_steer_a_terminal_or_reorder_a_line_are_only_words():
    assert labels.first_words("%%asksage\n\x1b[31mred\u202e  green\n") == "red green"


def test_only_the_newest_cells_are_remembered():
    for n in range(labels._KEPT + 5):
        labels.hear(f"c{n}", "x")
    assert len(labels._heard) == labels._KEPT
    assert "c0" not in labels._heard


def test_nothing_of_it_is_kept_on_the_disk(notebook, tmp_path):
    labels.hear("c2", PROMPT)
    labels.cell_label(tmp_path, str(notebook), "c2")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.ipynb"]


# -- where they are told -----------------------------------------------------------------------------------


@pytest.fixture
def log(notebook):
    """Calls of two cells of a notebook, and of one of another."""
    rows = [(str(notebook), "c2", 70), (str(notebook), "c3", 5), ("b.ipynb", "4e1c2f0a-77", 20)]
    log = pandas.DataFrame(rows, columns=["notebook", "cell", "tokens"])
    return log.astype({"notebook": "category", "cell": "category", "tokens": "Int64"})


def test_the_cells_of_one_notebook_stand_alone_those_of_several_behind_theirs(log, tmp_path):
    assert cell_names(log[:2], tmp_path) == {
        "c2": "Cell 2 · Name one ocean, and say in a word or two…", "c3": "Cell 3"
    }  # fmt: skip
    assert cell_names(log, tmp_path)["c3"] == "a.ipynb › Cell 3"
    assert cell_names(log, tmp_path)["4e1c2f0a-77"] == "b.ipynb › cell 4e1c2f0a"


def test_a_kernel_knows_the_cells_that_it_ran(shell, monkeypatch):
    monkeypatch.setattr(front_end, "cell_id", lambda shell: "c9")
    shell.run_cell("# a sum\n1 + 1")
    assert labels._heard == {"c9": "# a sum"}


def test_the_usage_by_cell_and_its_chart_tell_what_the_cells_are_called(shell, server, notebook, monkeypatch):
    monkeypatch.setattr(origin, "notebook", lambda folder: str(notebook))
    monkeypatch.setattr(origin, "cell", lambda: "c2")
    sage.ask("Why?")
    told = "Cell 2 · Name one ocean, and say in a word or two…"
    assert told in str(report("cell"))
    assert told in report("cell,model")._repr_html_()
    assert f"a.ipynb › {told}" in str(sage.top_chart(by="cell"))
    assert told not in str(sage.usage().to_dict())


def test_why_names_the_cell_and_is_asked_by_its_name(shell, server, notebook, monkeypatch):
    monkeypatch.setattr(origin, "notebook", lambda folder: str(notebook))
    for cell in ("c2", "c3"):
        monkeypatch.setattr(origin, "cell", lambda cell=cell: cell)
        sage.ask("Why?")
    assert str(explained(current())).startswith("Cell 3 · ")
    assert explained(current(), "cell 2").cell.startswith("Cell 2 · Name one ocean")
    assert explained(current(), "c2").cell == explained(current(), "2").cell
    with pytest.raises(BadInput, match="no call of a cell 'Cell 22'"):
        explained(current(), "Cell 22")
