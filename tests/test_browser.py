"""The demo as a newcomer sees it: `asksage-jupyter demo`, a real JupyterLab, a real browser.

With README_PICTURES=1 (``make pictures``) the README's pictures are taken on the way.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from platformdirs import user_cache_path
from playwright.sync_api import expect, sync_playwright

QUICKSTART = Path(__file__).parents[1] / "notebooks" / "01-quickstart.ipynb"
MONTHS = QUICKSTART.with_name("02-months.ipynb")
PICTURES = QUICKSTART.parent / "pictures"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT_MS = 60_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

KERNEL_IS_IDLE = (
    "() => window.jupyterapp.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status === 'idle'"
)
OTHER_KERNEL = """(code) => {
    window.jupyterapp.serviceManager.kernels.startNew({name: 'python3'}).then(
        (kernel) => kernel.requestExecute({code}).done
    ).then((reply) => { window.otherKernel = reply.content.status; });
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab as `asksage-jupyter demo` starts it; gives its address."""
    folder = tmp_path_factory.mktemp("lab")
    for notebook in (QUICKSTART, MONTHS):
        shutil.copy(notebook, folder)
    place = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("DATA", "CONFIG", "RUNTIME")}
    place |= {f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    place |= {"HOME": str(folder), "XDG_CACHE_HOME": str(user_cache_path())}  # short paths, kept weights
    place |= {"XDG_DATA_HOME": str(folder / "data"), "ASKSAGE_LEDGER": str(folder / "ledger.db")}
    command = [
        sys.executable,
        "-m",
        "asksage_jupyter.cli",
        "demo",
        "--notebook",
        str(folder / QUICKSTART.name),
    ]
    command += ["--", "--no-browser", "--ServerApp.port=0", "--LabApp.expose_app_in_browser=True"]
    process = subprocess.Popen(command, env=os.environ | place, stderr=subprocess.PIPE, text=True, cwd=folder)
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _address(process):
    """The address JupyterLab tells; what it says later is read away, so that it never waits for us."""
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+/lab\S*", line):
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return found[0]
    raise AssertionError("JupyterLab did not start: " + "".join(said))


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def opened(browser, lab, notebook):
    """A page with the notebook open and its kernel ready."""
    page = browser.new_page(viewport={"width": 1000, "height": 4200}, device_scale_factor=1.5)
    page.goto(lab.replace("/lab?", f"/lab/tree/{notebook.name}?reset&"), timeout=WAIT_MS)
    page.wait_for_function("() => window.jupyterapp", timeout=WAIT_MS)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=WAIT_MS)
    page.wait_for_function(KERNEL_IS_IDLE, timeout=WAIT_MS)
    command(page, "application:toggle-left-area")
    return page


@pytest.fixture(scope="module")
def page(lab, browser):
    """The quickstart, run from top to bottom."""
    page = opened(browser, lab, QUICKSTART)
    command(page, "notebook:run-all-cells")
    # Run All stops at the refused call, as it should; the cells below it are run from there.
    expect(page.locator(".jp-Notebook")).to_contain_text("above your limit of 5", timeout=WAIT_MS)
    page.locator(".jp-CodeCell", has_text="--max-tokens 5").locator(".jp-InputPrompt").click()
    command(page, "notebook:move-cursor-down")
    command(page, "notebook:run-all-below")
    last = page.locator(".jp-CodeCell", has_text="print(reply.receipt)")
    expect(last.locator(".jp-OutputArea-output")).to_contain_text("billed", timeout=WAIT_MS)
    return page


def command(page, name):
    """Run a command of JupyterLab's; its promise is not returned, for waiting on it can hang."""
    page.evaluate("(name) => { void window.jupyterapp.commands.execute(name); }", name)


def picture(page, name, top, bottom):
    """Keep what lies between two cells as a picture, when pictures are asked for."""
    if not os.environ.get("README_PICTURES"):
        return
    first, last = top.bounding_box(), bottom.bounding_box()
    height = last["y"] + last["height"] - first["y"]
    clip = {"x": first["x"], "y": first["y"], "width": first["width"], "height": height}
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", clip=clip)


def test_a_reply_streams_in_with_its_receipt_and_the_refusal_is_one_line(page):
    asked = page.locator(".jp-CodeCell", has_text="why do leaves look green")
    expect(asked).to_contain_text(re.compile(r"local demo · local-smollm2-135m · \d+ tokens \(billed\)"))
    refused = page.locator(".jp-CodeCell", has_text="--max-tokens 5")
    expect(refused.locator(".jp-OutputArea-output")).to_have_text(re.compile(r"^\s*OverLimit: [^\n]*\s*$"))
    picture(page, "quickstart", asked, refused)


def test_the_panel_follows_another_kernels_debit_without_a_cell(page):
    panel = page.locator(".jp-CodeCell", has_text="asksage_jupyter.panel()").locator(".jp-OutputArea-output")
    expect(panel).to_contain_text("Local demo (not Ask Sage tokens)")
    picture(page, "panel", panel, panel)
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
