"""`explore()` over many calls: how long it takes, how large it is, and how soon a brush is answered.

``python benchmarks/explore.py [CALLS]``. The calls are drawn at random, so that every day and hour has each
model, notebook and project: the worst case. A real mouse is dragged over the days in a real browser; a move
counts from its event until all views are drawn anew.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import nbformat
from lab import chromium
from test_charts import kept
from test_explore import of_a_quarter

import asksage_jupyter as sage
from asksage_jupyter.settings import AskSage

MOVES = 60
# The page's own view is of no name: it is drawn once more.
DRAW = """async () => {
    const spec = JSON.parse(window.explored);
    document.body.innerHTML = '<div id="explored"></div>';
    const { view } = await vegaEmbed('#explored', spec, { renderer: 'svg' });
    window.answered = [];
    document.querySelector('svg.marks').addEventListener('pointermove', () => {
        const began = performance.now();
        const end = () => window.answered.push(performance.now() - began);
        view.runAsync().then(() => requestAnimationFrame(end)); // the frame comes when all views are ready
    }, true);
}"""


def brushed(page, spec: str) -> list[float]:
    """Milliseconds of each move of a brush."""
    page.evaluate("(spec) => { window.explored = spec; }", spec)
    page.evaluate(DRAW)
    box = page.locator("svg.marks").bounding_box()
    x, y = box["x"] + 150, box["y"] + 120
    page.mouse.move(x, y)
    page.mouse.down()
    for move in range(MOVES):
        page.mouse.move(x + 5 * move, y)
    page.mouse.up()
    page.wait_for_function("(moves) => window.answered.length >= moves", arg=MOVES)
    return page.evaluate("window.answered")


def main(calls: int) -> None:
    log = of_a_quarter(calls)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        AskSage.instance(ledger=str(Path(folder) / "ledger.db"))
        began = time.perf_counter()
        chart = sage.explore(log)
        summed = time.perf_counter() - began
        size = len(nbformat.writes(kept(chart)))
        print(f"{calls:,} calls: summed in {summed:.2f} s, {size / 1000:,.0f} kB of a saved notebook")
        page = browser.new_page(viewport={"width": 900, "height": 1000})
        chart.save(Path(folder) / "explored.html")
        page.goto((Path(folder) / "explored.html").as_uri())
        page.wait_for_selector("svg.marks")
        spec = chart._repr_mimebundle_()[0]["application/vnd.vegalite.v5+json"]
        times = brushed(page, json.dumps(spec))
        p95 = statistics.quantiles(times, n=20)[-1]
        print(
            f"a move of the brush: {statistics.median(times):.0f} ms median, {p95:.0f} ms p95 of {len(times)}"
        )


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["1000000"])[0]))
