"""Prompts that two people write in one notebook, by jupyter-collaboration in an environment of its own.

``make together`` makes it; without it there is nothing to test here.
"""

import re
from contextlib import closing
from pathlib import Path

import pytest
from lab import needs_chromium, opened, plain_lab
from playwright.sync_api import expect
from prompt_desk import CELLS, LOOK, cell, edit, price, run, tag, write, write_notebook
from tenant import OTHER, environment, open_tenant

PYTHON = Path(__file__).parents[1] / ".together" / "bin" / "python"

pytest_plugins = ["lab_fixtures"]
pytestmark = [
    needs_chromium,
    pytest.mark.long,
    pytest.mark.skipif(not PYTHON.exists(), reason="make together makes its environment"),
]


@pytest.fixture
def both(browser, tmp_path):
    """The same notebook before two people."""
    notebook = write_notebook(tmp_path / "prompts.ipynb", *CELLS)
    with (
        closing(open_tenant()) as tenant,
        plain_lab(tmp_path, environment(tenant, tmp_path), python=PYTHON) as lab,
    ):
        pages = [opened(browser, lab, notebook, **LOOK) for _ in range(2)]
        yield pages
        for page in pages:
            page.close()


def text(page, number):
    return page.evaluate(
        f"() => window.jupyterapp.shell.currentWidget.content.widgets[{number}].model.sharedModel.getSource()"
    )


def test_each_sees_the_others_prompt_with_its_price_its_model_and_its_bill(both):
    ada, eve = both
    run(ada, 0)
    run(ada, 3)
    for page in both:
        expect(cell(page, 3).locator(".jp-OutputArea")).to_contain_text("tokens (")
        edit(page, 1)
        expect(price(page, 1)).to_contain_text("tokens (")
    before = price(eve, 1).inner_text()
    ada.keyboard.type(" And why is it lower at half moon, at all the shores of this sea and of the other?")
    expect(price(eve, 1)).not_to_have_text(before)
    expect(price(eve, 1)).to_have_text(re.compile(re.escape(price(ada, 1).inner_text().partition(" (")[0])))

    written = text(eve, 1)
    ada.keyboard.press("Control+/")  # a comment would be sent, and billed, whoever wrote it
    assert text(ada, 1) == text(eve, 1) == written

    picker = tag(ada, 1).get_by_label("Model")
    picker.focus()  # which fills its list
    picker.select_option(OTHER)
    expect(cell(eve, 1).locator(".jp-asksage-PromptLine")).to_contain_text(OTHER)
    expect(tag(eve, 1).get_by_label("Model")).to_have_value(OTHER)
    edit(ada, 1)
    ada.keyboard.press("Control+z")
    expect(cell(eve, 1).locator(".jp-asksage-PromptLine")).not_to_contain_text(OTHER)

    write(eve, 3, "%%asksage\nWhy is the sea salt?")
    run(eve, 3)
    for page in both:
        expect(tag(page, 3).locator(".jp-asksage-bill")).to_have_text("63 tokens billed")
