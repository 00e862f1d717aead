"""Prompt cells in a real JupyterLab and Notebook: how they look, and what is told while they are typed."""

from contextlib import closing

import nbformat
import pytest
from lab import WAIT_MS, needs_chromium, opened, plain_lab
from playwright.sync_api import expect
from tenant import environment, open_tenant

pytest_plugins = ["lab_fixtures"]
pytestmark = needs_chromium

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
LOOK = {"viewport": {"width": 1000, "height": 900}, "device_scale_factor": 1}
PROMPT = """%%asksage --max-tokens 900
# Tides

It's **high water** with the moon, for {harbour}:

```python
for hour in range(6):
    pass
```
"""
CELLS = ("%load_ext asksage_jupyter", PROMPT, "with open('a') as file: pass")
COLOURS = """cell => [...cell.querySelectorAll('.cm-line span')].filter(span => !span.children.length)
    .map(span => [span.textContent, getComputedStyle(span).color])"""
RESTART = "() => window.jupyterapp.shell.currentWidget.context.sessionContext.restartKernel()"


def write_notebook(path, *sources):
    """A notebook of code cells, c0, c1, ..."""
    cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), path)
    return path


@pytest.fixture(scope="module")
def tenant():
    with closing(open_tenant()) as server:
        yield server


@pytest.fixture(scope="module")
def lab(tenant, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prompts")
    write_notebook(folder / "prompts.ipynb", *CELLS)
    with plain_lab(folder, environment(tenant, folder)) as lab:
        yield lab


@pytest.fixture
def page(browser, lab):
    """The notebook as it was written; what goes wrong in our part fails."""
    page = opened(browser, lab, write_notebook(lab.folder / "prompts.ipynb", *CELLS), **LOOK)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


def cell(page, number):
    return page.locator(".jp-CodeCell").nth(number)


def coloured(page, number, word):
    """The colours of the words of a cell that hold a word."""
    return {colour for text, colour in cell(page, number).evaluate(COLOURS) if word in text.split()}


def edit(page, number):
    """Put the cursor at a cell's end."""
    cell(page, number).locator(".cm-content").click()
    page.keyboard.press("Control+End")


def test_a_prompt_is_markdown_and_python_stays_python(page):
    prompt, python = cell(page, 1), cell(page, 2)
    expect(prompt.locator(".jp-asksage-PromptLine")).to_have_text("%%asksage --max-tokens 900")
    expect(prompt.locator(".jp-asksage-promptVariable")).to_have_text("{harbour}")
    keyword = coloured(page, 2, "with")
    assert len(keyword) == 1
    page.wait_for_function(
        "keyword => [...document.querySelectorAll('.jp-asksage-Prompt .cm-line span')]"
        ".some(span => span.textContent === 'for' && getComputedStyle(span).color === keyword)",
        arg=next(iter(keyword)),
    )  # the fence, when Markdown and Python have been loaded
    assert keyword.isdisjoint(coloured(page, 1, "with"))
    expect(prompt.locator(".cm-content")).to_have_attribute("aria-label", "Ask Sage prompt")
    assert "cm-lineWrapping" not in python.locator(".cm-content").get_attribute("class")


def test_it_follows_what_is_typed_and_outlives_the_kernel(page):
    edit(page, 2)
    page.keyboard.press("Control+Home")
    page.keyboard.type("\n")
    page.keyboard.press("Control+Home")
    page.keyboard.type("%%asksag")
    expect(cell(page, 2).locator(".jp-asksage-PromptLine")).to_have_count(0)
    page.keyboard.type("e")
    expect(cell(page, 2).locator(".jp-asksage-PromptLine")).to_have_count(1)
    page.evaluate(RESTART)
    expect(cell(page, 2).locator(".jp-asksage-PromptLine")).to_have_count(1)
    page.keyboard.type("x")
    expect(cell(page, 2).locator(".jp-asksage-PromptLine")).to_have_count(0)


def test_a_comments_key_writes_nothing_into_a_prompt(page):
    edit(page, 1)
    page.keyboard.press("Control+/")
    expect(cell(page, 1).locator(".cm-content")).not_to_contain_text("<!--")
    edit(page, 2)
    page.keyboard.press("Control+/")
    expect(cell(page, 2).locator(".cm-content")).to_contain_text("# with open")


def test_notebook_has_prompts_too(lab, browser):
    page = browser.new_page(**LOOK)
    page.goto(lab.at("notebooks/prompts.ipynb"), timeout=WAIT_MS)
    expect(page.locator(".jp-asksage-PromptLine")).to_have_count(1)
    # A page that is closed while it connects to its kernel would keep the server from ending.
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached")
    page.close()
