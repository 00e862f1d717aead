"""The site that `make docs` builds: without a warning or a network, and its links lead somewhere."""

import os
import pkgutil
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from pages import DOCS, ROOT

import asksage_jupyter
from asksage_jupyter.settings import AskSage

pytestmark = pytest.mark.long

NOWHERE = "http://127.0.0.1:9"
LOADING = {"img": "src", "script": "src", "source": "src", "iframe": "src", "link": "href"}


class Page(HTMLParser):
    """A page of the site: what it leads to, what it loads, and the names that lead into it."""

    def __init__(self, file):
        super().__init__()
        self.text = file.read_text(encoding="utf-8")
        self.leads, self.loads, self.names = set(), set(), set()
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.names.add(given.get("id"))
        self.leads |= {given[name] for name in ("href",) if tag == "a" and name in given}
        self.loads |= {given[name] for name in (LOADING.get(tag),) if name in given}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    environment = {**os.environ, "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": ""}
    done = subprocess.run([*command, ROOT / "docs", folder], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {file.resolve(): Page(file) for file in folder.glob("*.html")}


def page(site, name):
    return next(page for file, page in site.items() if file.stem == name)


def test_every_page_is_on_the_site_and_in_its_contents(site):
    listed = {file.removesuffix(".html") for file in page(site, "index").leads}
    assert {file.stem for file in DOCS} - {"index"} <= listed


def test_every_link_leads_somewhere(site):
    lost = []
    for file, page in site.items():
        for target in page.leads | page.loads:
            address = urlsplit(target)
            if address.scheme:
                continue
            place = (file.parent / unquote(address.path)).resolve() if address.path else file
            if not place.is_file() or (place in site and address.fragment not in {"", *site[place].names}):
                lost.append((file.name, target))
    assert lost == []


def test_nothing_is_loaded_from_elsewhere(site):
    assert [target for page in site.values() for target in page.loads if urlsplit(target).netloc] == []


def test_each_room_is_drawn_and_each_setting_listed(site):
    rooms = {room.name for room in pkgutil.iter_modules(asksage_jupyter.__path__)} - {"__main__"}
    drawn = re.findall(r"<text [^>]*>([^<]+)</text>", page(site, "how-it-is-built").text)
    assert rooms <= set(drawn)
    settings = page(site, "settings").text
    assert [
        name for name in AskSage.class_trait_names(config=True) if f">{name}</span>" not in settings
    ] == []


def test_a_room_is_drawn_above_all_that_it_imports(site):
    drawn = page(site, "how-it-is-built").text.partition("</svg>")[0]
    y = {name: float(y) for y, name in re.findall(r'<text [^>]*y="([\d.]+)">([^<]+)</text>', drawn)}
    imports = re.findall(
        r"(\w+) imports (\w+)", re.search(r'class="rooms"[^>]* aria-label="([^"]+)"', drawn)[1]
    )
    assert {"session", "ledger", "errors"} <= {name for pair in imports for name in pair}
    assert [(above, below) for above, below in imports if y[above] >= y[below]] == []
