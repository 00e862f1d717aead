"""A page that a model wrote, in a frame where nothing of it runs, about as high as the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from math import ceil

from markupsafe import Markup

from ...display.markup import LINE, fill

# What a page in a frame may do: have its own style and pictures within itself, and lead elsewhere by a click.
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    'img-src data:; font-src data:"><meta http-equiv="x-dns-prefetch-control" content="off">'
    '<base target="_blank">'
    "<style>:where(body){overflow-wrap:anywhere}:where(img,table,svg){max-width:100%}</style>"
)
# No policy forbids it to look up and connect to other hosts beforehand.
_BEFOREHAND = re.compile(r"<(?=link\b)", re.IGNORECASE)

_SHORTEST, _LONGEST = 3, 40  # in lines
_LINE_EM = 1.5  # of the notebook's own letters, which are smaller than a page's
_LETTERS = 90  # of a line
# How much higher than its words a block is, in lines: its margins, padding and larger letters.
_ABOVE = {
    **dict.fromkeys(("p", "ul", "ol", "dl", "table", "pre", "blockquote", "hr", "figure", "fieldset"), 1.4),
    "h1": 2.6,
    "h2": 2.0,
    "h3": 1.6,
    "h4": 1.3,
    "h5": 1.2,
    "h6": 1.2,
    **dict.fromkeys(("tr", "button", "input", "select"), 0.3),
    **dict.fromkeys(("li", "dt", "dd", "div", "section", "article", "header", "footer", "main", "br"), 0.0),
}
_UNSEEN = frozenset({"style", "script", "title", "template", "head"})


def framed(html: str) -> Markup:
    """The page in its frame."""
    # A model wrote it, perhaps from a page of the web: in the notebook itself its scripts could run code in
    # the kernel. This sandbox runs none, and the page keeps its own colours in a dark theme.
    return fill(
        '<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" referrerpolicy="no-referrer" '
        'srcdoc="{}" title="The reply as HTML" style="display:block;box-sizing:border-box;width:100%;'
        'height:{}em;resize:vertical;border:1px solid {};background:#fff;color-scheme:light"></iframe>'
        # Where frames are taken away, as GitHub does, it is all there is of the reply.
        '<details><summary>Source</summary><pre style="white-space:pre-wrap">{}</pre></details>',
        _POLICY + _BEFOREHAND.sub("&lt;", html),
        round(_LINE_EM * _lines(html)),
        LINE,
        html,
    )


def _lines(html: str) -> float:
    """About how many lines high a page is: nobody but the frame, in which nothing runs, can measure it."""
    page = _Page()
    page.feed(html)
    page.close()
    page.end_block()
    return min(max(page.lines, _SHORTEST), _LONGEST)


class _Page(HTMLParser):
    """Adds up the lines of a page, block by block."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 1.5  # the page's own margins
        self._block = 0
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN or tag == "pre":
            self._open.append(tag)
        if tag in _ABOVE:
            self.end_block()
            self.lines += _ABOVE[tag]
        told = dict(attrs).get("height") or ""
        if tag in ("img", "svg", "canvas") and told.removesuffix("px").isdigit():
            self.lines += int(told.removesuffix("px")) / 20

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag == self._open[-1]:
            self._open.pop()
        if tag in _ABOVE:
            self.end_block()

    def handle_data(self, data: str) -> None:
        within = self._open[-1] if self._open else ""
        if within == "pre":
            self.lines += data.rstrip("\n").count("\n")
        if within not in _UNSEEN:
            self._block += len(" ".join(data.split()) if within != "pre" else data.rpartition("\n")[2])

    def end_block(self) -> None:
        """Break the line."""
        self.lines += ceil(self._block / _LETTERS)
        self._block = 0
