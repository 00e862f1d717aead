"""The notebook that explores a quarter, as JupyterLab draws it."""

import re
import shutil

import pytest
from lab import NOTEBOOKS, WAIT_MS, command, needs_chromium, opened, picture
from playwright.sync_api import expect

pytest_plugins = ["lab_fixtures"]
pytestmark = needs_chromium

EXPLORE = NOTEBOOKS / "03-explore-usage.ipynb"


@pytest.fixture(scope="module")
def page(browser, lab):
    """The notebook beside its module, run from top to bottom."""
    for name in (EXPLORE.name, "quarter.py"):
        shutil.copy(NOTEBOOKS / name, lab.folder)
    page = opened(browser, lab, EXPLORE, viewport={"width": 1000, "height": 9000})  # all of it at once
    command(page, "notebook:run-all-cells")
    last = page.locator(".jp-CodeCell", has_text='plain.groupby("model")').locator(".jp-OutputArea-output")
    expect(last).to_contain_text("gpt-5-mini", timeout=WAIT_MS)
    return page


def test_the_pace_and_the_plot_of_pandas_are_shown(page):
    pace = page.locator(".jp-CodeCell", has_text="%asksage pace").locator(".jp-OutputArea-output")
    expect(pace).to_contain_text("a working day lately")
    expect(page.locator(".jp-CodeCell", has_text="frame.plot(").locator("img")).to_be_visible()


@pytest.mark.parametrize("name", ["explore", "usage_chart", "heatmap", "top_chart", "estimate_chart"])
def test_a_chart_is_drawn_and_told_in_words(page, name):
    cell = page.locator(".jp-CodeCell", has_text=f"asksage_jupyter.{name}(")
    chart = cell.locator(".jp-RenderedVegaLite [role=graphics-document]")
    expect(chart).to_have_attribute("aria-label", re.compile("inference"), timeout=WAIT_MS)
    expect(chart.locator("svg.marks")).to_be_visible()
    picture(page, name.removesuffix("_chart"), cell, cell)
