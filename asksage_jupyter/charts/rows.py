"""The rows of a chart as one text: of a list, a saved notebook has each field of each row on its own line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from .needed import altair


def inlined(rows: Sequence[Mapping[str, object]]) -> altair.InlineData:
    """The rows, one or more with the same fields, as CSV within the chart."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    kinds = {
        name: "number" if all(isinstance(row[name], int | float) for row in rows) else "string"
        for name in rows[0]
    }
    return altair.InlineData(text.getvalue(), format=altair.CsvDataFormat(type="csv", parse=kinds))
