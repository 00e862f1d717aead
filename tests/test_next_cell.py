"""``-f code`` in a real JupyterLab: one cell has the code of the last run, also after restarts."""

from contextlib import closing

import nbformat
import pytest
from lab import command, needs_chromium, opened, plain_lab
from playwright.sync_api import expect
from tenant import environment, open_tenant, says

pytest_plugins = ["lab_fixtures"]
pytestmark = needs_chromium

CODES = ("%load_ext asksage_jupyter", "%%asksage -f code\nA loop", "done = 1")
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
CELLS = "window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells"
RESTART = "() => window.jupyterapp.shell.currentWidget.context.sessionContext.restartKernel()"


@pytest.fixture
def tenant():
    with closing(open_tenant()) as server:
        yield server


@pytest.fixture
def page(browser, tenant, tmp_path):
    """A notebook with a cell that asks for code, and another below it."""
    cells = [nbformat.v4.new_code_cell(code) for code in CODES]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), tmp_path / "code.ipynb")
    with plain_lab(tmp_path, environment(tenant, tmp_path)) as lab:
        page = opened(browser, lab, tmp_path / "code.ipynb")
        yield page
        page.close()


def run_anew(page, tenant, code, below):
    """Restart the kernel, run all, and wait for the cells below the one that asks to be these."""
    says(tenant, f"So:\n```python\n{code}\n```")
    page.evaluate(RESTART)
    command(page, "notebook:run-all-cells")
    page.wait_for_function(
        f"below => {CELLS}.slice(2).map(cell => cell.source).join('|') === below", arg="|".join(below)
    )


def test_each_run_replaces_the_code_of_the_run_before_but_not_what_was_edited(page, tenant):
    for code in ("print(1)", "print(2)", "print(3)"):
        run_anew(page, tenant, code, [code, "done = 1"])
    expect(page.locator(".jp-CodeCell", has_text="A loop")).to_contain_text("in the new cell below")
    page.evaluate(f"() => {CELLS}[2].setSource('print(3)  # mine')")
    for code in ("print(4)", "print(5)"):
        run_anew(page, tenant, code, [code, "print(3)  # mine", "done = 1"])
