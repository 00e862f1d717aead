"""Replies of a hostile model in a real JupyterLab and a real browser: nothing runs, nothing is loaded."""

import json
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nbformat
import pytest
from lab import WAIT_MS, command, needs_chromium, opened, plain_lab
from playwright.sync_api import expect
from scripted import QUERY, STREAM, Played, envelope, pieces
from tenant import MODEL, OTHER, environment, open_tenant

pytest_plugins = ["lab_fixtures"]
pytestmark = needs_chromium

# What each reply would do: URL stands for an address that must not be asked, RUN for a script.
RUN = "window.ran=document.documentElement.className='ran'"
MARKDOWN = {
    "a script": "<script>RUN</script>",
    "a script's address": "<script src=URL></script>",
    "an image": "![a](URL)",
    "an image with a bang": "!![a](URL)",
    "an image by reference": "![a][r]\n\n[r]: URL",
    "an image in HTML": "<img src=URL onerror=RUN>",
    "an image in a link": "[![a](URL)](https://example.org)",
    "an image after code that is none": "- ```\n   ```\n<img src=URL>\n![a](URL)",
    "an image after a tick that does not close": "` `` ` <img src=URL> `` ![a](URL)",
    "a drawing": "<svg onload=RUN><image href=URL></image></svg>",
    "a style": "<style>body{background:url(URL)}</style>",
    "a styled element": '<p style="background:url(URL)">a</p>',
    "a tag that is let through": "<br onload=RUN><sub onclick=RUN><br/onerror=RUN><sup><img src=URL></sup>",
    "tags in a tag": "<<br>img src=URL> <s<br>cript>RUN</script> <img<br> src=URL>",
    "a formula with a tag": "$a<br>b$ $$<sub><img src=URL onerror=RUN></sub>$$",
    "a frame": "<iframe src=URL></iframe>",
    "a link ahead": "<link rel=stylesheet href=URL><link rel=prefetch href=URL>",
    "a video": "<video poster=URL src=URL autoplay></video>",
    "HTML in a formula": "$<img src=URL>$ and $$</p><script>RUN</script>$$",
    "an attribute by a formula": '[a](https://example.org/$" style="background:url(URL)" x="$)',
    "an attribute by a formula's mark": '$" style="background:url(URL)" x="$ [a](https://example.org/@@0@@)',
    "an attribute in an address": 'https://example.org/$"style="background:url(URL)"x="$',
    "an attribute in a title": '[a](https://example.org "t$" style="background:url(URL)" x="$")',
    "a language of code": '```a$" style="background:url(URL)" x="$\nb\n```',
    "a style in a formula": r"$\style{background:url(URL)}{x}$ $\require{html}\cssId{a}{b}$",
    "a link in a formula": r"$\href{javascript:RUN}{x}$",
    "a diagram": '```mermaid\nflowchart TD\n  A@{ img: "URL", w: 9, h: 9 }\n```',
    "links": "[a](javascript:RUN) [b](&#106;avascript:RUN) [c](java&Tab;script:RUN) [d](data:text/html,x)\n"
    "<javascript:RUN> [e]\n\n[e]: javascript:RUN\n\n> [f]\n>\n> [f]:\n> javascript:RUN",
}
PAGE = (
    '<!DOCTYPE html><html><head><base href="URL"><meta http-equiv="refresh" content="0;url=URL">'
    '<link rel="preconnect" href="URL"><LINK rel=stylesheet href=URL><style>@import "URL"; body{background:'
    'url(URL)}</style><script>RUN</script></head><body onload="RUN"><img src="URL" onerror="RUN">'
    '<svg><image href="URL"/></svg><video poster="URL"></video><object data="URL"></object>'
    '<iframe src="URL"></iframe><form action="URL"><input autofocus onfocus="RUN"></form>'
    '<p id="shown" style="background:url(URL)">the page</p></body></html>'
)
OTHERS = {
    "-f html": PAGE,
    "-f json": json.dumps({"a": "<script>RUN</script>", "b": "![a](URL)\n```\n<img src=URL>"}),
    "-f text": "\x1b]8;;javascript:RUN\x1b\\click\x1b]8;;\x1b\\ <img src=URL>",
    "-f code": "```html\n<img src=URL><script>RUN</script>\n```",
}


@contextmanager
def canary():
    """A server that nobody is to ask; gives its address and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def armed(text, url, name):
    """The text with a real address and a real script."""
    return text.replace("URL", f"{url}/{name.replace(' ', '-')}").replace("RUN", RUN)


def hostile(url):
    """A tenant that answers each attack by its name; an error for the name "an error"."""
    server = open_tenant()
    texts = {name: armed(text, url, name) for name, text in (MARKDOWN | OTHERS).items()}

    def answer(request):
        name = request.json["message"]
        if name == "an error":
            told = armed("<img src=URL> \x1b]8;;URL\x07a\x1b]8;;\x07 <script>RUN</script>", url, name)
            return {"response": told, "status": 400}
        whole = envelope(texts[name], provenance={"model": MODEL})
        return whole if request.path == QUERY else Played(pieces(whole), framing="chunked")

    server.on(QUERY, answer)
    server.on(STREAM, answer)
    return server


def notebook(path, url):
    """A cell for each attack, and one that does such a thing itself."""
    new = nbformat.v4
    cells = [new.new_code_cell("%load_ext asksage_jupyter")]
    cells += [new.new_code_cell(f"%%asksage\n{name}") for name in MARKDOWN]
    cells += [new.new_code_cell(f"%%asksage --compare {MODEL},{OTHER}\n{name}") for name in MARKDOWN]
    cells += [new.new_code_cell(f"%%asksage {name}\n{name}") for name in OTHERS]
    cells += [new.new_code_cell(f"import asksage_jupyter\nasksage_jupyter.ask({'an image'!r})")]
    drawn = "$own$\n\n```mermaid\nflowchart TD\n  own\n```"
    own = f"<script>window.own = true</script>\n\n![a]({url}/own)\n\n{drawn}"
    cells += [new.new_code_cell(f"from IPython.display import Markdown\nMarkdown({own!r})")]
    cells += [new.new_code_cell("%%asksage\nan error")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(new.new_notebook(cells=cells, metadata=kernel), path)


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """The notebook, run from top to bottom; the page, and what the canary was asked."""
    place = tmp_path_factory.mktemp("hostile")
    with canary() as (url, asked), closing(hostile(url)) as tenant:
        path = place / "hostile.ipynb"
        notebook(path, url)
        show_every_cell(place)
        # A browser on http loads whatever it finds; a policy of the server's own would hide what is tested.
        with plain_lab(place, environment(tenant, place)) as lab:
            shown = opened(browser, lab, path)
            command(shown, "notebook:run-all-cells")
            expect(shown.locator(".jp-Notebook")).to_contain_text("Ask Sage refused", timeout=WAIT_MS)
            shown.wait_for_function("() => window.own", timeout=WAIT_MS)
            # Formulas and diagrams are drawn afterwards and in turn, the notebook's own ones last; a quiet
            # network would be no sign of it, for the page itself asks its server on and on.
            own = shown.locator(".jp-OutputArea-output:has(img[src$='/own'])")
            expect(own.locator(".MathJax")).to_be_attached(timeout=WAIT_MS)
            expect(own.locator(".jp-RenderedMermaid img")).to_be_attached(timeout=WAIT_MS)
            loaded = "() => [...document.images].every((image) => image.complete)"
            shown.wait_for_function(loaded, timeout=WAIT_MS)
            yield shown, asked
            shown.close()


def show_every_cell(place):
    """Have JupyterLab draw every cell, also those far below."""
    tracker = place / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text(json.dumps({"windowingMode": "none"}))


def test_no_reply_runs_a_script_or_loads_anything(page):
    shown, asked = page
    assert shown.evaluate("() => window.ran") is None
    # The notebook's own picture and script did what they do: what is tested here could have happened.
    assert set(asked) == {"/own"}


def test_every_link_leads_to_the_web_or_to_a_place_here(page):
    shown, _ = page
    protocols = "() => [...document.querySelectorAll('.jp-OutputArea a[href]')].map((link) => link.protocol)"
    assert {"https:"} <= set(shown.evaluate(protocols)) <= {"http:", "https:"}


def test_a_page_is_shown_in_a_frame_where_nothing_runs(page):
    shown, _ = page
    frame = shown.frame_locator('iframe[title="The reply as HTML"]')
    expect(frame.locator("#shown")).to_have_text("the page")
    expect(frame.locator("html")).not_to_have_class("ran")
    assert frame.locator("link").count() == 0
