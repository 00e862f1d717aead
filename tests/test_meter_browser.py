"""A meter's card and receipt in a real browser, without a theme: in light, dark and forced colours."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import PICTURES, PICTURES_WANTED, needs_chromium
from test_gauge import TRAINING, balance, left, meter, shared

from asksage_jupyter.account import Account
from asksage_jupyter.account.receipt import receipt
from asksage_jupyter.display.markup import fill, joined

pytest_plugins = ["lab_fixtures"]
pytestmark = needs_chromium

_READ = datetime(2026, 11, 23, 9, tzinfo=UTC)
_PAGE = (
    '<!DOCTYPE html><html lang="en" style="color-scheme:light dark;background:Canvas"><title>Meters</title>'
    '<main style="padding:1em;font:13px system-ui;max-width:50em">'
    '<h1 style="font-size:1em;margin:0">What is left</h1>{}</main></html>'
)
_METER = '<div style="margin:1.5em 0">{}<div style="margin-top:.5em">{}</div></div>'


def shown():
    """What is left in each of its steps, with the receipt of a call below."""
    states = {
        "ada": (meter(used=36_796, held=5_000), left(50_000)),
        "bob": (left(9_999), meter(used=199_000, held=2_453)),
        "eve": (shared(), left(0)),
    }
    for name, (inference, training) in states.items():
        found = replace(
            balance(replace(inference, as_of=_READ), Account("api.asksage.ai", f"{name}@example.org")),
            training=replace(training, meter=TRAINING),
        )
        words = f"google-claude-45-haiku · 63 tokens (billed) · {inference.left_words()}"
        yield fill(_METER, found._repr_html_(), receipt(words, found))


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 760, "height": 560}, device_scale_factor=1.5)
    page.set_content(fill(_PAGE, joined(shown())))
    yield page
    page.close()


@pytest.mark.parametrize(
    "look", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}],
    ids=["light", "dark", "forced"],
)  # fmt: skip
def test_axe_finds_nothing_and_the_bar_is_seen(page, look):
    page.emulate_media(**look)
    found = Axe().run(page)
    assert found.response["passes"]
    assert found.violations_count == 0, found.generate_report()
    grounds = [
        page.locator(place).first.evaluate("(e) => getComputedStyle(e).backgroundColor")
        for place in ("[role=progressbar] div", "[role=progressbar]", "html")
    ]
    assert grounds[0] not in grounds[1:]
    if PICTURES_WANTED and look == {"color_scheme": "light"}:
        page.locator("main").screenshot(path=PICTURES / "meter.png")
