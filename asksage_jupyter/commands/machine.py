"""What a command found, for other programs: as JSON, and as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from typing import Any

from ..display.plain import no_formula
from ..display.table import Table
from .command import Told


def as_json(found: object) -> str:
    """All figures, with the names that they have in Python."""
    return json.dumps(_plain(_figures(found)), indent=2, ensure_ascii=True, allow_nan=False)


def as_csv(found: object) -> str:
    """One row a model, a part, a meter: whatever the figures are of."""
    own = getattr(found, "to_csv", None)
    if own is not None:
        return str(own())
    told = _plain(_figures(found))
    rows = list(_rows(told))
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names or ["meter", *([told["by"]] if "by" in told else [])])
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def is_figures(part: object) -> bool:
    """Whether what a command says is more than words."""
    return not isinstance(part, str) or isinstance(part, Told)


def _figures(found: object) -> object:
    return found.found if isinstance(found, Told) else found


def _plain(value: Any) -> Any:
    """The value in what JSON knows: a record with its figures, those that are worked out too."""
    if value is None or (isinstance(value, (bool, int, str)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        names += [name for name in dir(type(value)) if isinstance(getattr(type(value), name), property)]
        fields = {name: getattr(value, name) for name in names if not name.startswith("_")}
        # How it is shown is no figure.
        return {name: _plain(each) for name, each in fields.items() if not isinstance(each, Table)}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return _records(value)
    if isinstance(value, Iterable):
        return [_plain(each) for each in value]
    return str(value)


def _records(frame: Any) -> list[dict[str, Any]]:
    told = frame.reset_index() if frame.index.name or frame.index.nlevels > 1 else frame
    # pandas knows how its own scalars are written.
    rows: list[dict[str, Any]] = json.loads(told.to_json(orient="records", date_format="iso"))
    return rows


def _rows(found: Any) -> Iterable[dict[str, Any]]:
    """The rows among the figures, with the meter that they are of; the figures themselves if none."""
    if not isinstance(found, Mapping):
        return
    for name, value in found.items():
        if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            yield from value
            return
        if name == "meters" and isinstance(value, Mapping):
            for meter, rows in value.items():
                yield from ({"meter": meter, **row} for row in rows)
            return
    meters = [value for value in found.values() if isinstance(value, Mapping) and "meter" in value]
    yield from map(dict, meters or [found])


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    return no_formula(value) if isinstance(value, str) else value
