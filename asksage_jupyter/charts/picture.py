"""A chart as a file: small enough for a notebook, or as good as it can be for a report."""

from __future__ import annotations

import io
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from ..display.plain import shown, told
from ..errors import BadInput, ConfigurationError
from ..session import given

_SCALE, _COLOURS = 1.25, 64  # of what a notebook keeps: sharp, and about 20 kB
_FINE = 2
# Wherever a picture is shown, its words are black: it brings its own paper.
_PAPER = {"background": "white"}
_SCHEME = (
    "<style>:root { color-scheme: light dark; color: CanvasText; font: 13px system-ui, sans-serif } "
    ".vega-bindings { display: flex; flex-wrap: wrap; gap: .3em 1.2em }</style>"
)


def small_png(spec: dict[str, Any]) -> tuple[bytes, int, int] | None:
    """A PNG, with the width and height it is to be shown at; None where nothing here can draw."""
    try:
        from PIL import Image
        from vl_convert import vegalite_to_png
    except ModuleNotFoundError:
        return None
    drawn = Image.open(io.BytesIO(vegalite_to_png(spec | _PAPER, scale=_SCALE)))
    file = io.BytesIO()
    drawn.convert("RGB").quantize(_COLOURS, Image.Quantize.FASTOCTREE).save(file, "png", optimize=True)
    return file.getvalue(), round(drawn.width / _SCALE), round(drawn.height / _SCALE)


def write(spec: dict[str, Any], path: str | Path) -> None:
    """Write the chart in the form that the path's ending names.

    Raises
    ------
    BadInput
        No such form, or the file cannot be written.
    ConfigurationError
        vl-convert is not installed.
    """
    path = given.path(path, "the file")
    if (form := _FORMS.get(path.suffix.lower())) is None:
        raise BadInput(f"{shown(path.name)} names no form of a chart: end it in {', '.join(_FORMS)}")
    try:
        content = form(spec)
    except ModuleNotFoundError:
        message = "to save a chart, pip install 'asksage_jupyter[analysis]'"
        raise ConfigurationError(message) from None
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadInput(f"the chart cannot be written to {shown(str(path))}: {told(error)}") from None


def _png(spec: dict[str, Any]) -> bytes:
    from vl_convert import vegalite_to_png

    return vegalite_to_png(spec | _PAPER, scale=_FINE)


def _svg(spec: dict[str, Any]) -> bytes:
    from vl_convert import vegalite_to_svg

    spoken = f'<svg role="img" aria-label="{escape(spec["description"])}" '
    return vegalite_to_svg(spec | _PAPER).replace("<svg ", spoken, 1).encode()


def _pdf(spec: dict[str, Any]) -> bytes:
    from vl_convert import vegalite_to_pdf

    return vegalite_to_pdf(spec | _PAPER)


def _page(spec: dict[str, Any]) -> bytes:
    """A page that follows the reader's theme and holds all it needs, Vega included."""
    from vl_convert import vegalite_to_html

    page = vegalite_to_html(spec, bundle=True, renderer="svg")
    title = f"<title>{escape(spec['description'])}</title>{_SCHEME}"
    return page.replace("<html>", '<html lang="en">', 1).replace("<title>Chart</title>", title, 1).encode()


_FORMS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    ".png": _png,
    ".svg": _svg,
    ".pdf": _pdf,
    ".html": _page,
}
