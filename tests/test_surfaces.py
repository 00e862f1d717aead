"""Every surface in a cell, in a real JupyterLab: the same in light and dark, and for everybody."""

import re

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import WAIT_MS, command, demo_lab, needs_chromium, opened, picture, set_theme
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect
from test_sidebar import spend_since_the_first

pytest_plugins = ["lab_fixtures"]
pytestmark = needs_chromium

MODEL = "local-smollm2-135m"
ROWS = ["no mail since nine", "the printer is out of paper", "please reset my password"]
# What is shown, and how to know that it is there.
SURFACES = {
    "reply": (f"%%asksage {MODEL}\nIn one sentence: why do leaves look green?", r"tokens \(billed\)"),
    "estimate": (f"%%asksage --estimate {MODEL}\nWrite a report on tides.", "expected"),
    "compare": (f"%%asksage --compare {MODEL},auto\nName one sea.", r"2 models · \d+ tokens"),
    "page": (f"%%asksage -f html {MODEL}\nName one lake.", r"tokens \(billed\)"),
    "refused": (f"%%asksage --max-tokens 5 {MODEL}\nWrite a report on tides.", "OverLimit"),
    "balance": ("%asksage", "of 200,000 left"),
    "panel": ("sage.panel()", "Last call"),
    "usage": ("%asksage usage", "share"),
    "pace": ("%asksage pace", "working days? until the reset"),
    "map": (f'sage.map({ROWS!r}, "What is this about? {{value}}", model="{MODEL}")', "rows answered"),
    "top": ('sage.top_chart(by="notebook")', "inference tokens"),
    "statement": ("%asksage statement", "Ledger verified"),
    "help": ("%asksage help usage", "--by"),
}
# Words alone, of which the docs need no picture.
WORDS = {
    "personas": ("%asksage personas", "helpful assistant"),
    "envelope": ("%asksage envelope", "No envelope"),
    "serve": ("%asksage serve --stop", "no endpoint to stop"),
}
SURFACES |= WORDS
THEMES = {
    "light": "JupyterLab Light",
    "dark": "JupyterLab Dark",
    "contrast": "JupyterLab Dark High Contrast",
}
# What a reader of the page finds: words, roles and parts in their order, whatever their colours.
OUTLINE = """(area) => [...area.querySelectorAll('.jp-OutputArea-output *')]
    .map((node) => [node.tagName, node.getAttribute('role'), node.getAttribute('aria-label'),
        node.children.length ? '' : node.textContent])"""
# Papers that the page's theme does not bring, of what is in sight.
STRANGE = """(area) => {
    const own = getComputedStyle(document.body);
    const probe = document.createElement('i');
    const read = (colour) => { probe.style.color = colour; document.body.append(probe);
        const told = getComputedStyle(probe).color; probe.remove(); return told; };
    const papers = ['0', '1', '2'].map((n) => read(own.getPropertyValue('--jp-layout-color' + n)));
    return [...area.querySelectorAll('.jp-OutputArea-output, .jp-OutputArea-output *')]
        .map((node) => [node, getComputedStyle(node).backgroundColor])
        .filter(([node, colour]) => /^rgb\\(/.test(colour) && !papers.includes(colour))
        .filter(([node]) => node.offsetHeight > 40)
        .map(([node, colour]) => node.tagName + ' ' + colour);
}"""
# Words of an error that stand on two lines; its name has its own element.
BROKEN = """(area) => {
    const text = area.querySelector('pre').lastChild;
    return [...text.data.matchAll(/\\S+/g)].map(({ 0: word, index }) => {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        return [word, range.getClientRects().length];
    }).filter(([, lines]) => lines > 1);
}"""


# The fonts of whatever is said, but for what is written as it stands.
FONTS = """(area) => {
    const words = document.createTreeWalker(area, NodeFilter.SHOW_TEXT, (text) => !text.data.trim() ||
        text.parentElement.closest('pre, code, th[scope=row], style') ? 2 : 1);
    const found = new Set();
    while (words.nextNode()) {
        const { fontFamily, fontSize } = getComputedStyle(words.currentNode.parentElement);
        found.add(fontFamily + ' ' + fontSize);
    }
    return [...found];
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A month that was used, so that there is something to show of it."""
    folder = tmp_path_factory.mktemp("lab")
    spend_since_the_first(folder / "ledger.db")
    with demo_lab(folder) as lab:
        yield lab


@pytest.fixture(scope="module")
def page(browser, lab):
    """A notebook of all surfaces, run from top to bottom."""
    cells = [new_code_cell("%load_ext asksage_jupyter\nimport asksage_jupyter as sage", id="load")]
    cells += [
        new_code_cell(source, id=name, metadata={"tags": ["raises-exception"]})
        for name, (source, _) in SURFACES.items()
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    path = lab.folder / "surfaces.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
    page = opened(browser, lab, path, viewport={"width": 900, "height": 6000}, device_scale_factor=1)
    command(page, "notebook:run-all-cells")
    for name in ("refused", *SURFACES):
        _, told = SURFACES[name]
        expect(output(page, name)).to_contain_text(re.compile(told), timeout=WAIT_MS)
    expect(output(page, "top").locator("svg.marks")).to_be_visible()
    yield page
    page.close()


def cell(page, name):
    return page.locator(".jp-CodeCell").nth(1 + list(SURFACES).index(name))


def output(page, name):
    return cell(page, name).locator(".jp-OutputArea").first


@pytest.mark.parametrize("name", SURFACES)
def test_a_surface_is_the_same_in_light_and_dark(page, name):
    outlines = []
    for theme in ("light", "dark"):
        set_theme(page, THEMES[theme])
        outlines.append(output(page, name).evaluate(OUTLINE))
        if name not in ("page", "refused"):  # a page keeps its own paper; red is JupyterLab's own
            assert output(page, name).evaluate(STRANGE) == []
        if name not in WORDS:
            picture(page, f"see-{name}-{theme}", cell(page, name), cell(page, name))
    assert outlines[0]
    assert outlines[0] == outlines[1]


def test_whatever_a_command_says_is_in_one_font(page):
    set_theme(page, THEMES["light"])
    said = ("usage", "statement", "help", *WORDS)
    fonts = {font for name in said for font in output(page, name).evaluate(FONTS)}
    assert len(fonts) == 1
    assert fonts < set(output(page, "balance").evaluate(FONTS))  # whose figures are larger


@pytest.mark.parametrize("theme", [*THEMES, "forced colours"])
def test_axe_finds_nothing_in_any_surface(page, theme):
    page.emulate_media(forced_colors="active" if theme == "forced colours" else "none")
    set_theme(page, THEMES.get(theme, THEMES["light"]))
    places = [[".jp-OutputArea-output"]]
    found = Axe().run(page, context={"include": places})
    assert found.response["passes"]
    assert found.violations_count == 0, found.generate_report()
    page.emulate_media(forced_colors="none")


def test_what_is_left_is_empty_in_forced_colours_whatever_the_theme(page):
    page.emulate_media(forced_colors="active")
    set_theme(page, THEMES["dark"])
    paper = output(page, "balance").evaluate("""(area) => {
        const probe = area.appendChild(document.createElement('i'));
        probe.style.background = 'Canvas';
        const told = getComputedStyle(probe).backgroundColor;
        probe.remove();
        return told;
    }""")
    for bar in output(page, "balance").get_by_role("progressbar").all():
        assert bar.evaluate("(bar) => getComputedStyle(bar).backgroundColor") == paper
    page.emulate_media(forced_colors="none")


@pytest.mark.parametrize("width", [900, 600, 420])
def test_an_error_breaks_between_its_words_however_narrow_the_cell(page, width):
    tall = page.viewport_size
    page.set_viewport_size(tall | {"width": width})
    expect(output(page, "refused")).to_contain_text("raise --max-tokens.")
    assert output(page, "refused").evaluate(BROKEN) == []
    page.set_viewport_size(tall)
