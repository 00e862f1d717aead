"""A chart that JupyterLab renders with what it ships, and the same in words."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from . import picture
from .look import AnyChart
from .needed import altair

# JupyterLab 4 bundles Vega-Lite 5; Altair 6 writes Vega-Lite 6, which has all that is drawn here in common.
_VEGA_LITE = "application/vnd.vegalite.v5+json"
_EMBED = {
    # Of the page's own colours, which a canvas would keep as they were when it was drawn.
    "renderer": "svg",
    # Its menu has no name for those who do not see it, and would hand names of notebooks to a public editor.
    "actions": False,
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and its description.

    Attributes
    ----------
    altair : altair.Chart, altair.LayerChart or altair.VConcatChart
        The chart itself, to be changed further.
    description : str
        What it shows, in words and figures.
    """

    altair: AnyChart
    description: str

    def to_dict(self) -> dict[str, Any]:
        """The chart in Vega-Lite 5, with its data."""
        # As it was made, however the person's own charts are set.
        with altair.theme.enable("none"), altair.data_transformers.enable("default"):
            spec: dict[str, Any] = self.altair.to_dict()
        spec["$schema"] = re.sub(r"/v[^/]+\.json$", "/v5.json", spec["$schema"])
        spec["description"] = self.description
        spec["usermeta"] = {"embedOptions": _EMBED}
        return spec

    def save(self, path: str | Path) -> None:
        """Write the chart to a file, which needs no network to be seen.

        Parameters
        ----------
        path : str or Path
            Its ending tells the form: ``.png``, ``.svg`` or ``.pdf`` for a report, ``.html`` for a page that
            follows the reader's theme.

        Raises
        ------
        BadInput
            There is no such form, or the file cannot be written.
        ConfigurationError
            What draws it is not installed: ``pip install 'asksage_jupyter[analysis]'``.
        """
        picture.write(self.to_dict(), path)

    def __str__(self) -> str:
        return self.description

    __repr__ = __str__

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        spec = self.to_dict()
        data = {_VEGA_LITE: spec, "text/plain": self.description}
        # For places without Vega; where there is none, JupyterLab makes one of any size and keeps it.
        if (drawn := picture.small_png(spec)) is None:
            return data, {}
        png, width, height = drawn
        code = b64encode(png).decode()
        # nbconvert gives a picture its alternative text in no other way.
        image = (
            f'<img alt="{escape(self.description)}" width="{width}" height="{height}" '
            f'src="data:image/png;base64,{code}">'
        )
        told = {"alt": self.description, "width": width, "height": height}
        return data | {"image/png": code, "text/markdown": image}, {"image/png": told}
