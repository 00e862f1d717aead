"""The report of a map as a browser shows it."""

from __future__ import annotations

import pytest
from lab import chromium, needs_chromium, picture
from scripted import QUERY
from test_map import billed, said

from asksage_jupyter.mapping import map as map_rows

pytestmark = [pytest.mark.long, needs_chromium]
REFUSED = {"response": "content filter", "status": 400}


def test_the_report_fits_where_it_stands_and_is_read_by_its_words(server):
    server.on(QUERY, lambda request: REFUSED if "evil" in said(request) else billed("mail", 7))
    rows = [f"No mail since {hour} o'clock." for hour in range(18)] + [
        "evil",
        None,
        "No mail since 3 o'clock.",
    ]
    mapped = map_rows(rows, "What is this about? {value}", schema=["mail", "printer"])
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 640, "height": 320})
        page.set_content(f"<body style='font-family:sans-serif'>{mapped._repr_html_()}")
        report = page.get_by_role("region", name="19 of 21 rows answered")
        assert report.get_by_role("row", name="refused: certainly not billed").first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 640
        picture(page, "map")
