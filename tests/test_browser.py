"""The demo as a newcomer sees it: `asksage-jupyter demo`, a real JupyterLab, a real browser."""

import re

import pytest
from lab import MONTHS, QUICKSTART, WAIT_MS, command, needs_chromium, opened, picture
from playwright.sync_api import expect

pytest_plugins = ["lab_fixtures"]
pytestmark = needs_chromium

OTHER_KERNEL = """(code) => {
    window.jupyterapp.serviceManager.kernels.startNew({name: 'python3'}).then(
        (kernel) => kernel.requestExecute({code}).done
    ).then((reply) => { window.otherKernel = reply.content.status; });
}"""


@pytest.fixture(scope="module")
def page(lab, browser):
    """The quickstart, run from top to bottom."""
    page = opened(browser, lab, QUICKSTART)
    command(page, "notebook:run-all-cells")
    # Where Run All stops at the refused call, the cells below it are run from there.
    expect(page.locator(".jp-Notebook")).to_contain_text("above your limit of 5", timeout=WAIT_MS)
    page.locator(".jp-CodeCell", has_text="--max-tokens 5").locator(".jp-InputPrompt").click()
    command(page, "notebook:move-cursor-down")
    command(page, "notebook:run-all-below")
    last = page.locator(".jp-CodeCell", has_text="print(reply.receipt)")
    expect(last).to_contain_text("tokens (billed)", timeout=WAIT_MS)
    return page


def test_a_reply_streams_in_with_its_receipt_and_the_refusal_is_one_line(page):
    asked = page.locator(".jp-CodeCell", has_text="why do leaves look green")
    expect(asked).to_contain_text(re.compile(r"local demo · local-smollm2-135m · \d+ tokens \(billed\)"))
    refused = page.locator(".jp-CodeCell", has_text="--max-tokens 5")
    told = re.compile(r"^\s*OverLimit: .*\n?.* --max-tokens\.\s*$")
    expect(refused.locator(".jp-OutputArea-output")).to_have_text(told)
    picture(page, "quickstart", asked, refused)
    picture(page, "cell", asked, asked)
    picture(page, "price", page.locator(".jp-CodeCell", has_text="%%asksage --estimate"), refused)


def test_the_panel_follows_another_kernels_debit_without_a_cell(page):
    panel = page.locator(".jp-CodeCell", has_text="asksage_jupyter.panel()").locator(".jp-OutputArea-output")
    expect(panel).to_contain_text("Local demo (not Ask Sage tokens)")
    left = panel.locator("b").nth(1)
    before = left.inner_text()
    page.evaluate(OTHER_KERNEL, "import asksage_jupyter; asksage_jupyter.ask('Name one sea.')")
    page.wait_for_function("() => window.otherKernel === 'ok'", timeout=WAIT_MS)
    expect(left).not_to_have_text(before)
    expect(panel).to_contain_text("of 200,000 left")


def test_the_statement_stands_on_one_page_and_verifies(browser, lab):
    page = opened(browser, lab, MONTHS)
    command(page, "notebook:run-all-cells")
    statement = page.locator(".jp-CodeCell", has_text="%asksage statement").locator(".jp-OutputArea-output")
    expect(statement).to_contain_text("Ledger verified", timeout=WAIT_MS)
    expect(statement).to_contain_text("train:tides")
    picture(page, "statement", statement, statement)
