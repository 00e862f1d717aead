"""A reply in its format, by media type: every one has a plain twin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...display.harmless import harmless
from ...display.markup import fill
from .fences import fenced, first_block

if TYPE_CHECKING:
    from ...session.comparing.columns import ReplyColumn

Bundle = dict[str, str]


def bundle(text: str, format: str) -> Bundle:
    """A reply by media type; every format has a plain twin, for terminals and for places without HTML.

    Parameters
    ----------
    text : str
    format : str
        One of `settings.FORMATS`. JSON that does not parse is shown as text.
    """
    if format == "html":
        from .framed import framed

        block = first_block(text) or ""
        page = block if block.lstrip().startswith("<") else text
        return {"text/html": framed(page), "text/plain": text}
    if format == "code" and (code := first_block(text)) is not None:
        folded = _folded("The code is in the new cell below.", text)
        return {"text/html": folded, "text/plain": text, "text/x-python": code}
    if format == "json":
        try:
            pretty = json.dumps(parsed(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return {"text/plain": text}
        return {"text/markdown": fenced(pretty, "json"), "text/plain": pretty}
    if format == "text":
        return {"text/plain": text}
    return {"text/markdown": harmless(text), "text/plain": text}


def side_by_side(columns: Sequence[ReplyColumn]) -> Bundle:
    """Several replies by media type."""
    from ...session.comparing.columns import as_markdown, as_text

    return {"text/markdown": as_markdown(columns), "text/plain": as_text(columns)}


def parsed(text: str) -> Any:
    """The JSON value of a reply, whether it is bare or in a fenced block.

    Raises
    ------
    ValueError
        It is not JSON.
    """
    trouble = ""
    for candidate in (text, first_block(text)):
        if candidate is not None:
            try:
                return json.loads(candidate)
            except (ValueError, RecursionError) as error:
                trouble = str(error)
    raise ValueError(trouble)


def _folded(summary: str, text: str) -> str:
    return fill(
        "<details><summary>{} Show the whole reply.</summary>"
        '<pre style="white-space:pre-wrap">{}</pre></details>',
        summary,
        text,
    )
