"""A prompt over a table: priced for free, refused as a whole, sent row by row, resumed when run again."""

from __future__ import annotations

from .call import map_rows as map
from .planning.costs import Range
from .planning.estimate import MapEstimate
from .results.elsewhere import what_if
from .results.mapped import Mapped

__all__ = ["MapEstimate", "Mapped", "Range", "map", "what_if"]
