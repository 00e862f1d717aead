r"""A model's Markdown as Markdown that runs nothing and loads nothing.

JupyterLab trusts what a cell has just put out: HTML within its Markdown runs its scripts and loads images.
Where code begins and ends, Markdown's parsers do not quite agree; so rules hold for every letter instead.
In what is returned, wherever it stands, there is

- no ``<`` that could begin a tag, but those of ``<pre>`` and ``<code>`` themselves, and of ``<br>``,
  ``<sub>``, ``<sup>`` and ``<kbd>`` without attributes, which models write in tables;
- no image: it becomes a link to it;
- no link but to the web, a mail address or a place here;
- nothing of a formula in what becomes an attribute: JupyterLab puts formulas back with their quotes;
- no Mermaid diagram, which may load images: it is shown as its source.

Code that breaks a rule is shown the same, but without its colours.
"""

from __future__ import annotations

import re

from .plain import one_line, plain

_WEB = r"(?:https?://|mailto:)[^\s<>\"$\\()]*+(?:\([^\s<>\"$\\()]*+\)[^\s<>\"$\\()]*+)*+"
_HERE = r"[^\s:&\\$<>\"'()]*+"
_LINK = rf"\s*+(?:{_WEB}|{_HERE})(?:\s++\"[^\"$\\\n]*+\")?\s*+\)"
_TARGET = rf"[\s>]*+(?:{_WEB}|[^\s:&\\$<]*+)(?=\s|\Z)(?![\s>]*+[\"'(])"

# Without attributes, and none that would go on behind a block's end, as an open <b> does.
_PLAIN_TAG = r"(?:br ?/?|/?(?:sub|sup|kbd))>"
_TAG = re.compile(rf"<(?=[A-Za-z/!?])(?!{_PLAIN_TAG})", re.IGNORECASE)
_BRACKETED = re.compile(r"<(https?://[^\s<>]+)>")
_IMAGE = re.compile(r"(?<!!)!++\[")
_MARK = re.compile(r"@@(?=\d)")  # what JupyterLab writes in a formula's place
_LEADS_ASTRAY = re.compile(rf"\](?=\((?!{_LINK})|:(?!{_TARGET}))")
_ADDRESS = re.compile(r"(?:\b(?:https?|ftp):|\bwww\.)\S+", re.IGNORECASE)
_LANGUAGE = re.compile(r"^(?>[^\n]*?(?:`{3,}|~{3,}))[^\n]*?(?:mermaid|[$\\&])", re.IGNORECASE | re.MULTILINE)
_RISKS = (_TAG, _IMAGE, _MARK, _LEADS_ASTRAY, _LANGUAGE)

# Fenced code, at the beginning of a line or of what stands in a list or a quotation; code within a line;
# addresses; formulas.
_PIECE = re.compile(
    r"^(?P<lead>[ \t>*+\-\d.)]*+)(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})(?P<language>[^\n]*)\n?"
    r"(?P<block>.*?)(?P<end>^[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?<![\\`])(?P<ticks>`+)(?!`)(?P<span>[^\n]{1,2000}?)(?<!`)(?P=ticks)(?!`)"
    r"|(?<![(<\w])(?P<address>(?:https?:|ftp:|www\.)\S+)"
    r"|(?P<formula>\$\$[^$]{1,2000}\$\$|\$[^$\n]{1,500}\$)",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
# What would end a cell or begin a style: an underscore only does so at the edge of a word.
_SIGN = re.compile(r"[\\|`*<\[\]]|(?<!\w)_|_(?!\w)")
_OWN_TAG = re.compile(r"</?(?:pre|code)>")


def harmless(markdown: str) -> str:
    """The Markdown with the same text, of which nothing can run or be loaded."""
    text = plain(markdown)
    parts, done = [], 0
    for found in _PIECE.finditer(text):
        parts += [_prose(text[done : found.start()]), _piece(found)]
        done = found.end()
    safe = "".join([*parts, _prose(text[done:])])
    # Pieces that are safe alone may not be so together.
    return f"<pre>{_spelled(text)}</pre>\n" if _is_risky(_OWN_TAG.sub(" ", safe)) else safe


def literal(text: str) -> str:
    """A line as Markdown that is read as it is, whatever signs it holds."""
    return _SIGN.sub(r"\\\g<0>", one_line(text))


def within_markdown(html: str) -> str:
    """HTML of our own on one line, in which Markdown and formulas find no sign of theirs."""
    return re.sub(r"[\\$@`\n]", lambda found: f"&#{ord(found[0])};", html)


def _piece(found: re.Match[str]) -> str:
    if found["formula"] is not None:
        # A blank means nothing in a formula; an entity would be shown as it is written.
        return _prose(_TAG.sub("< ", found[0]))
    if found["address"] is not None:
        return _prose(found[0])
    if found["fence"] is None:
        return f"<code>{_spelled(found['span'])}</code>" if _is_risky(found[0]) else found[0]
    word = re.match(r"[ \t]*(?!mermaid)[\w+#.-]*", found["language"], re.ASCII | re.IGNORECASE)
    inside, end = found["block"], found["end"]
    if not end:  # as while it is written: what comes after the reply is no code of it
        inside = inside.rstrip("\n") + "\n" if inside else ""
        end = re.sub(r"[^ \t>]", " ", found["lead"]) + found["fence"]
    block = f"{found['lead']}{found['fence']}{word[0] if word else ''}\n{inside}{end}"
    if not _is_risky(block):
        return block
    return f"{found['lead']}<pre><code>{_spelled(_unindented(found))}</code></pre>\n"


def _unindented(found: re.Match[str]) -> str:
    """The lines of fenced code without what stands before its fence."""
    width = len(found["lead"])
    lines = found["block"].rstrip("\n").split("\n")
    return "\n".join(line[width:] if not line[:width].strip(" \t>") else line for line in lines)


def _prose(text: str) -> str:
    text = _TAG.sub("&lt;", _BRACKETED.sub(r"\1", text))
    text = _IMAGE.sub("[image: ", text)
    text = _LEADS_ASTRAY.sub("&#93;", _MARK.sub("@&#64;", text))
    return _ADDRESS.sub(lambda found: found[0].replace("$", "%24").replace("\\", "%5C"), text)


def _is_risky(text: str) -> bool:
    return any(risk.search(text) for risk in _RISKS) or any(
        "$" in found[0] or "\\" in found[0] for found in _ADDRESS.finditer(text)
    )


def _spelled(text: str) -> str:
    """The text on one line, all but its letters and digits as entities, which mean nothing to Markdown."""
    return re.sub(r"[^\w ]|_", lambda found: f"&#{ord(found[0])};", text)
