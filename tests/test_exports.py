"""What is left of an executed notebook without a kernel and JupyterLab: exports, a PDF, GitHub's viewer."""

import os
import re
from html import escape, unescape
from pathlib import Path

import bleach
import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import chromium, needs_chromium
from nbclient import NotebookClient
from nbconvert import HTMLExporter, LatexExporter, MarkdownExporter
from nbformat.v4 import new_code_cell, new_notebook
from patience import WAIT_S

MODEL = "local-smollm2-135m"
CELLS = {
    "load": "%load_ext asksage_jupyter\nimport asksage_jupyter as sage",
    "reply": f"%%asksage {MODEL}\nWhy is the sky blue?",
    "compare": f"%%asksage --compare {MODEL},auto\nName a sea.",
    "page": f"%%asksage {MODEL} -f html\nName a lake.",
    "panel": "sage.panel()",
    "balance": "%asksage",
    "usage": "%asksage usage",
    "pace": "%asksage pace",
    "dataset": "%asksage datasets --create exported",
    "upload": 'sage.train("The tide comes and goes. " * 4_000, "exported")',
    "map": f'sage.map(["Baltic", "North"], "Where is the sea {{value}}?", model="{MODEL}")',
    "chart": "sage.usage_chart()",
    "statement": "%asksage statement",
}
# What GitHub keeps of HTML, by the allow-list of its html-pipeline; styles and frames go.
KEPT = frozenset(
    re.findall(
        r"\w+",
        "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img div ins del sup sub p ol ul table thead tbody "
        "tfoot blockquote dl dt dd kbd q samp var hr li tr td th s summary details caption figure span",
    )
)
KEPT_OF_ALL = ["alt", "width", "height", "src", "title", "open", "id", "colspan", "rowspan"]


@pytest.fixture(scope="module")
def notebook(demo, tmp_path_factory):
    """All of it, executed without a front end."""
    folder = tmp_path_factory.mktemp("exported")
    named = {"ASKSAGE_LEDGER": str(folder / "ledger.db"), "JPY_SESSION_NAME": "notebooks/exported.ipynb"}
    notebook = new_notebook(cells=[new_code_cell(source, id=name) for name, source in CELLS.items()])
    client = NotebookClient(notebook, kernel_name="python3", timeout=WAIT_S)
    client.execute(cwd=str(folder), env={**os.environ, **demo.environment, **named})
    return notebook


@pytest.fixture(scope="module")
def page(notebook):
    return HTMLExporter(exclude_input=True).from_notebook_node(notebook)[0]


def of(notebook, name, kind="text/plain"):
    """What a cell shows, in one media type."""
    (cell,) = (cell for cell in notebook.cells if cell.id == name)
    return " ".join(output.data[kind] for output in cell.outputs if kind in output.get("data", {}))


def text_of(page):
    """The words of HTML, as they follow each other."""
    body = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<(?!/?(b|i|span|strong|em|a|code)\b)[^>]*>", " ", body)).split())


def words_of(page):
    return re.sub(r"<[^>]*>", "", text_of(page))


FACTS = {
    "reply": rf"{MODEL} · [\d,]+ tokens \(billed\) · [\d,]+ of [\d,]+ left",
    "compare": r"2 models · [\d,]+ tokens",
    "panel": r"Local demo \(not Ask Sage tokens\) Resets 1 ",
    "usage": r"total .* 100\.0%",
    "pace": r"working days? until the reset",
    "upload": r"pieces? uploaded",
    "map": "2 of 2 rows answered",
    "chart": r"of [\d,]+ inference tokens used",
    "statement": "Ledger verified",
}


@pytest.mark.parametrize("fact", FACTS)
def test_an_exported_page_tells_what_the_notebook_did(page, fact):
    alternatives = " ".join(re.findall('alt="([^"]*)"', page))
    assert re.search(FACTS[fact], f"{words_of(page)} {alternatives}")


def test_nothing_of_an_export_needs_a_kernel_and_no_picture_is_without_words(notebook, page):
    assert "widget-view" not in nbformat.writes(notebook)
    assert "No description has been provided" not in page
    streams = [output for cell in notebook.cells for output in cell.outputs if output.output_type == "stream"]
    # What was under way is told so that it is true when it is over.
    assert {output.text for output in streams} <= {"asking 2 ...\n"}


def test_a_place_that_takes_styles_and_frames_away_shows_the_words(notebook, page):
    kept = bleach.clean(page, tags=KEPT, attributes={"*": KEPT_OF_ALL}, protocols=["data"], strip=True)
    words = words_of(kept)
    for fact in ("reply", "panel", "usage", "upload", "map", "statement"):
        assert re.search(FACTS[fact], words), fact
    assert " ".join(of(notebook, "page").split()[:4]) in words  # a reply in a frame, too
    assert 'src="data:image/png;base64,' in kept


def test_an_export_as_markdown_has_the_words_too(notebook):
    text, _ = MarkdownExporter().from_notebook_node(notebook)
    assert of(notebook, "reply").split()[0] in text
    assert "Ledger verified" in text
    assert f'alt="{escape(of(notebook, "chart"))}"' in text


def test_an_export_to_latex_has_the_words_too(notebook):
    """Without TeX, and what is Markdown as it is: pandoc is no part of nbconvert."""
    as_it_is = {"convert_pandoc": lambda text, *_, **__: text}
    text, resources = LatexExporter(filters=as_it_is).from_notebook_node(notebook)
    words = " ".join(text.replace("\\", "").split())
    for fact in FACTS.keys() - {"chart", "panel"}:
        assert re.search(FACTS[fact], words), fact
    assert " ".join(of(notebook, "panel").split()) in words
    (picture,) = resources["outputs"]
    assert picture.endswith(".png")
    assert picture in text
    assert re.search(r"\| Used by calls +\|", text)  # tables to be made by pandoc


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_and_its_pdf_are_whole_without_a_network(notebook, tmp_path, theme):
    file = Path(tmp_path / "exported.html")
    file.write_text(HTMLExporter(theme=theme).from_notebook_node(notebook)[0], encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
        page.goto(file.as_uri(), wait_until="domcontentloaded")
        image = page.locator("img[alt*='tokens used']")
        size = {name: int(image.get_attribute(name)) for name in ("width", "height")}
        assert image.bounding_box() == pytest.approx(image.bounding_box() | size, abs=1)
        for card in page.locator(".jp-OutputArea-output section").all():
            assert card.evaluate("(card) => card.scrollWidth <= card.clientWidth + 1")
        pdf = page.pdf()  # as nbconvert's webpdf makes it
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 2


# As VS Code shows outputs: with colours of its own, no theme of JupyterLab's, and no word on a colour scheme.
EDITORS = {"light": ("#333", "#fff"), "dark": ("#ccc", "#1e1e1e")}


@needs_chromium
@pytest.mark.parametrize("theme", EDITORS)
def test_outputs_are_readable_where_nobody_knows_jupyterlabs_theme(notebook, theme):
    ink, paper = EDITORS[theme]
    told = [of(notebook, cell.id, "text/html") for cell in notebook.cells]
    assert all("<" in html for html in told[-1:])
    page = f"<title>a</title><body style='color:{ink};background:{paper}'><main>{''.join(told)}</main>"
    with chromium() as browser:
        view = browser.new_page()
        view.set_content(page)
        found = Axe().run(view, options={"runOnly": ["color-contrast"]}, context="main > *")
    assert found.response["passes"]
    assert found.violations_count == 0, found.generate_report()


def test_a_notebook_kept_as_text_by_jupytext_comes_back_as_it_was(notebook):
    # Not in the extra `test`: JupyterLab would open and save every notebook of the other tests through it.
    jupytext = pytest.importorskip("jupytext")
    for form in ("py:percent", "py:light", "md", "Rmd", "md:myst"):
        back = jupytext.reads(jupytext.writes(notebook, form), form)
        assert [cell.source for cell in back.cells] == list(CELLS.values()), form
