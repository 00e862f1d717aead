"""The report of a map as a browser shows it."""

from __future__ import annotations

import re

import pytest
from lab import chromium, needs_chromium, picture
from scripted import QUERY
from test_map import billed, said

from asksage_jupyter.mapping import map as map_rows

pytestmark = [pytest.mark.long, needs_chromium]
PAGE = "<!doctype html><body style='font-family:sans-serif;{}'>{}"
LIGHT = "--jp-ui-font-color1:#212121;background:#fff"
DARK = "--jp-ui-font-color1:#e0e0e0;background:#111"
PAPERS = """all => all.filter(each => each.innerText.trim())
    .map(each => getComputedStyle(each).backgroundColor)"""
REFUSED = {"response": "content filter", "status": 400}


def test_the_report_fits_where_it_stands_and_is_read_by_its_words(server, tmp_path):
    server.on(QUERY, lambda request: REFUSED if "evil" in said(request) else billed("mail", 7))
    rows = [f"No mail since {hour} o'clock." for hour in range(18)] + [
        "evil",
        None,
        "No mail since 3 o'clock.",
    ]
    mapped = map_rows(rows, "What is this about? {value}", schema=["mail", "printer"])
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 640, "height": 480})
        page.set_content(
            f"<!doctype html><body style='font-family:sans-serif;{LIGHT}'>{mapped._repr_html_()}"
        )
        report = page.get_by_role("region", name="19 of 21 rows answered")
        assert report.get_by_role("row", name="refused: certainly not billed").first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 640
        narrow = r"126 tokens billed, 1\d\d expected after the first rows(?: \(1\d\d to 1\d\d\))?, "
        assert re.search(narrow, report.inner_text())
        picture(page, "map", report, report)
        # The page's own colours, in either theme: nothing brings a paper or an ink of its own.
        for theme, ink in ((LIGHT, "rgb(33, 33, 33)"), (DARK, "rgb(224, 224, 224)")):
            page.set_content(
                f"<!doctype html><body style='font-family:sans-serif;{theme}'>{mapped._repr_html_()}"
            )
            assert {*report.locator("td, p, div").evaluate_all(PAPERS)} <= {"rgba(0, 0, 0, 0)"}
            inks = {*report.locator("td").evaluate_all("cells => cells.map(c => getComputedStyle(c).color)")}
            assert inks == {ink}
            page.screenshot(path=tmp_path / f"{ink[4:7]}.png")
