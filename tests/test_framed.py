"""A page that a model wrote: the frame is about as high as the page, measured in a real browser."""

import pytest
from lab import chromium, needs_chromium

from asksage_jupyter.magic.showing.framed import framed

PARAGRAPH = "<p>The tide is the rise and fall of sea levels caused by the moon and the sun, and by more.</p>"
PAGES = {
    "a line": "<p>Blue.</p>",
    "paragraphs": "<h1>Tides</h1>" + PARAGRAPH * 6,
    "long words": f"<div>{'The sea rises and falls twice a day. ' * 30}</div>",
    "a table": "<h2>Seas</h2><table>"
    + "<tr><td>Baltic</td><td>377,000</td></tr>" * 12
    + "</table><ul>"
    + "<li>one</li>" * 5
    + "</ul>",
    "code": "<pre>" + "for sea in seas:\n    print(sea)\n" * 6 + "</pre>",
    "a document": "<!DOCTYPE html><html><head><title>T</title><style>"
    + "/* x */\n" * 40
    + "</style></head><body>" + PARAGRAPH * 4 + "<svg height='120' width='100'></svg></body></html>",
}  # fmt: skip
# As JupyterLab shows an output, in letters of 14 px.
OUTPUT = '<div style="font-size:14px;width:800px">{}</div>'


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@needs_chromium
@pytest.mark.parametrize("name", PAGES)
def test_a_frame_is_about_as_high_as_its_page(browser, name):
    page = browser.new_page()
    page.set_content(OUTPUT.format(framed(PAGES[name])))
    frame = page.locator("iframe")
    body = frame.element_handle().content_frame().locator("html")
    height = body.evaluate("(page) => page.getBoundingClientRect().height")
    shown = frame.bounding_box()["height"]
    assert height <= shown + 4
    assert shown <= 1.6 * height + 60
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def test_a_page_of_any_length_has_a_frame_that_can_be_gone_past():
    def height(html):
        return int(framed(html).partition("height:")[2].partition("em")[0])

    assert height("") >= 4
    assert height(PARAGRAPH * 1_000) <= 60
    assert height("<<<p><![if !x]>" * 50) >= 4
