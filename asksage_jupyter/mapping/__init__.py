"""A prompt over a table: priced for free, refused as a whole, sent row by row, resumed when run again."""

from __future__ import annotations

from .call import map_rows as map
from .mapped import MapEstimate, Mapped

__all__ = ["MapEstimate", "Mapped", "map"]
