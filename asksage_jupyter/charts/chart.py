"""A chart that JupyterLab renders with what it ships, and the same in words."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from .look import AnyChart

# JupyterLab 4 bundles Vega-Lite 5; Altair 6 writes Vega-Lite 6, which has all that is drawn here in common.
_VEGA_LITE = "application/vnd.vegalite.v5+json"
_SCALE = 2  # pixels of a picture for one of the screen's


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and its description.

    Attributes
    ----------
    altair : altair.Chart, altair.LayerChart or altair.VConcatChart
        The chart itself, to be changed further or saved: ``chart.altair.save("usage.svg")``.
    description : str
        What it shows, in words and figures.
    """

    altair: AnyChart
    description: str

    def to_dict(self) -> dict[str, Any]:
        """The chart in Vega-Lite 5, with its data."""
        spec: dict[str, Any] = self.altair.to_dict()
        spec["$schema"] = re.sub(r"/v[^/]+\.json$", "/v5.json", spec["$schema"])
        spec["description"] = self.description
        # "Open in Vega Editor" would hand names of notebooks and projects to a public site.
        spec["usermeta"] = {
            "embedOptions": {"actions": {"export": True, "source": False, "compiled": False, "editor": False}}
        }
        return spec

    def __str__(self) -> str:
        return self.description

    __repr__ = __str__

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        spec = self.to_dict()
        data = {_VEGA_LITE: spec, "text/plain": self.description}
        if (picture := _picture(spec)) is None:
            return data, {}
        return data | {"image/png": picture}, {"image/png": {"alt": self.description}}


def _picture(spec: dict[str, Any]) -> str | None:
    """A PNG for places without Vega, such as GitHub; JupyterLab makes its own where there is none."""
    try:
        from vl_convert import vegalite_to_png
    except ModuleNotFoundError:
        return None
    return b64encode(vegalite_to_png(spec, scale=_SCALE)).decode()
