"""A prompt while it is typed, in a real JupyterLab and browser: its price, its keystrokes, many of them.

Run it from a checkout: ``python benchmarks/prompt.py``. The price's time counts from the keystroke, by a
MutationObserver of the line below the prompt, so that its pause of 300 ms is part of it. A keystroke's cost
is the time in which CodeMirror takes it and the browser lays it out, in a prompt and in the same as Python.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from jupyter_core.paths import jupyter_path
from lab import chromium, opened, plain_lab
from prompt_desk import write_notebook
from tenant import environment, open_tenant, questions

TIMES = 40
CELLS = 200
TEXT = "It's the sea that is salt, and not the rivers, for they bring it all along with them. "
KEYS = """async times => {
    const { content } = window.jupyterapp.shell.currentWidget;
    const words = content.activeCell.node.querySelector('.jp-asksage-price');
    const view = content.activeCell.editor.editor;
    const found = [];
    for (let n = 0; n < times; n++) {
        const told = new Promise(resolve => new MutationObserver((_, observer) => {
            observer.disconnect();
            resolve(performance.now());
        }).observe(words, { childList: true, characterData: true, subtree: true }));
        const at = performance.now();
        view.dispatch({ changes: { from: view.state.doc.length, insert: ' salt'.repeat(20) } });
        found.push(await told - at);
    }
    return found;
}"""
COSTS = """times => {
    const view = window.jupyterapp.shell.currentWidget.content.activeCell.editor.editor;
    const found = [];
    for (let n = 0; n < times; n++) {
        const at = performance.now();
        view.dispatch({ changes: { from: view.state.doc.length, insert: 's' }, userEvent: 'input.type' });
        view.contentDOM.getBoundingClientRect();
        found.push(performance.now() - at);
    }
    return found;
}"""


def tell(name: str, times: list[float]) -> None:
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"{name:44} {statistics.median(times):6.1f} ms median, {p95:6.1f} ms p95 of {len(times)}")


def prices(browser, lab) -> None:
    first = "%load_ext asksage_jupyter\n%asksage"
    prompt = "%%asksage --estimate\nWhy is the sea salt?"
    for length in (0, 10_000):
        path = write_notebook(lab.folder / "prices.ipynb", first, prompt + TEXT * (length // len(TEXT)))
        page = opened(browser, lab, path, viewport={"width": 1000, "height": 900})
        for number in (0, 1):
            page.locator(".jp-CodeCell .cm-content").nth(number).click()
            page.keyboard.press("Control+Enter")
        page.wait_for_selector(".jp-CodeCell:nth-child(2) .jp-OutputArea-output")
        page.wait_for_selector(".jp-asksage-price:has-text('of what is left')")
        tell(f"keystroke to new price, {length:,} characters", page.evaluate(KEYS, TIMES))
        page.close()


def keystrokes(browser, lab) -> None:
    for length in (400, 10_000):
        for name, first in (("a Python cell", "# %asksage"), ("a prompt", "%%asksage")):
            text = f"{first}\n{TEXT * (length // len(TEXT))}"
            path = write_notebook(lab.folder / "keys.ipynb", text)
            page = opened(browser, lab, path, viewport={"width": 1000, "height": 900})
            page.locator(".jp-CodeCell .cm-content").click()
            page.evaluate(COSTS, TIMES)  # warm
            tell(f"a keystroke in {name}, {length:,} characters", page.evaluate(COSTS, TIMES))
            page.close()


def many(browser, lab) -> None:
    path = write_notebook(lab.folder / "many.ipynb", *[f"%%asksage\n{TEXT}{n}" for n in range(CELLS)])
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(lab.at(f"lab/tree/{path.name}") + "&reset")
    page.wait_for_selector(".jp-asksage-Tag")
    for _ in range(20):
        page.mouse.move(700, 400)
        page.mouse.wheel(0, 4_000)
        page.wait_for_timeout(100)
    estimates = sum("asksage/estimate" in url for url in asked)
    lines = sum("asksage/line" in url for url in asked)
    print(f"opening {CELLS} prompts, scrolled through: {estimates} prices and {lines} lists are asked for")
    page.close()


def size() -> int:
    """The bytes of the bundle that is installed."""
    roots = (Path(root) / "@asksage" / "jupyter" for root in jupyter_path("labextensions"))
    return sum(each.stat().st_size for each in next(filter(Path.exists, roots)).glob("static/*.js"))


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_tenant()) as tenant,
        plain_lab(Path(folder), environment(tenant, folder)) as lab,
        chromium() as browser,
    ):
        prices(browser, lab)
        keystrokes(browser, lab)
        many(browser, lab)
        print(f"questions that a model was sent: {len(questions(tenant))}")
    print(f"bundle: {size():,} bytes")


if __name__ == "__main__":
    main()
